"""`llmtui doctor --fix refactor` and `--check refactor` as programs, where Node.js and npm are played by others."""

import os
import subprocess
import sys

import pytest
from support.command_line import LLMTUI

from llmtui.refactoring.toolchain import pinned_versions

NODE = """
if "--version" in sys.argv:
    sys.exit(print("v22.3.0"))
if 'lang="ts"' not in pathlib.Path("component.vue").read_text():
    print("component.vue(7,1): error TS7006: no types")
    sys.exit(2)
"""
NPM = """
for name, version in json.loads(pathlib.Path("package.json").read_text())["dependencies"].items():
    folder = pathlib.Path("node_modules", name)
    folder.mkdir(parents=True)
    folder.joinpath("package.json").write_text(json.dumps({"version": version}))
"""


@pytest.fixture
def doctor(tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()

    def run(*arguments, **played):
        for name, code in played.items():
            path = programs / name
            path.write_text(f"#!{sys.executable}\nimport json, pathlib, sys\n{code}\n")
            path.chmod(0o755)
        environ = {**os.environ, "PATH": str(programs), "LLMTUI_TOOLS": str(tmp_path / "tools")}
        result = subprocess.run(
            [*LLMTUI, "doctor", *arguments], env=environ, capture_output=True, text=True, timeout=100, check=False
        )
        assert "Traceback" not in result.stderr
        return result.returncode, result.stdout, result.stderr

    return run


def test_what_is_missing_is_said_installed_and_then_ready(doctor):
    code, out, err = doctor("--check", "refactor")
    assert (code, out) == (1, "")
    assert (
        err == "Error: Node.js is not installed; install version 20 or newer, then run: llmtui doctor --fix refactor\n"
    )
    code, out, err = doctor("--check", "refactor", node=NODE)
    assert err == "Error: vue-tsc is not installed; run: llmtui doctor --fix refactor\n"
    code, out, err = doctor("--fix", "refactor", npm=NPM)
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith("npm installs vue-tsc ")
    ready = ", ".join(f"{name} {version}" for name, version in pinned_versions().items())
    assert out.splitlines()[1] == f"refactor: ready, {ready}, Node.js 22.3.0"
    code, out, err = doctor("--check", "refactor")
    assert (code, err) == (0, "")
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [
        ["right", "step-counter:"],
        ["right", "task-list:"],
        ["right", "order-table:"],
    ]
    assert "does not compile (line 7: no types (TS7006))" in out


def test_a_compiler_that_lets_everything_pass_is_found_out(doctor):
    lax = 'if "--version" in sys.argv: print("v22.3.0")'
    code, out, err = doctor("--fix", "refactor", "--check", "refactor", node=lax, npm=NPM)
    assert code == 1
    assert out.count("WRONG") == 3
    assert "not judged as they are" in err


def test_a_failed_install_is_one_sentence(doctor):
    code, _, err = doctor("--fix", "refactor", node=NODE, npm='sys.exit("npm error code ENOTFOUND")')
    assert code == 1
    assert err.startswith("Error: npm can't reach its registry; ")
    assert len(err.splitlines()) == 1


def test_the_report_has_a_line_on_it(doctor):
    code, out, _ = doctor()
    assert code == 0
    section = out.partition("workload refactor\n")[2].splitlines()[0]
    assert section.startswith("  refactor: not ready, Node.js is not installed; ")


def test_only_what_can_be_installed_can_be_asked_for(doctor):
    code, _, err = doctor("--fix", "everything")
    assert code == 2
    assert "refactor" in err
