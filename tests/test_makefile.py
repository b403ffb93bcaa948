"""The first thing that a new user types, as far as it can be tried without an installation."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PHONY = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE).group(1).split()


@pytest.fixture
def clone(tmp_path) -> Path:
    if shutil.which("make") is None:
        pytest.skip("needs make")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run make as a user does, also when these tests were themselves started by make."""
    environment = {"PATH": os.environ["PATH"]}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_make_alone_lists_every_target(clone):
    run = make(clone)
    assert run.returncode == 0
    assert [line.split()[1] for line in run.stdout.splitlines()] == PHONY
    assert not (clone / ".venv").exists()


@pytest.mark.parametrize(
    ("python", "version_check", "venv_check", "sentence"),
    [
        ("old", 1, 0, "llmtui needs Python 3.11 or newer, and {python} is not; install one, or name it: make PYTHON="),
        (
            "bare",
            0,
            1,
            "{python} cannot make virtual environments; on Debian and Ubuntu run: sudo apt install python3-venv",
        ),
    ],
)
def test_a_python_that_will_not_do_is_told_before_anything_is_made(clone, python, version_check, venv_check, sentence):
    program = clone / python
    program.write_text(
        f'#!/bin/sh\ncase "$2" in *version_info*) exit {version_check} ;; *) exit {venv_check} ;; esac\n'
    )
    program.chmod(0o755)
    run = make(clone, "setup", f"PYTHON={program}")
    assert run.returncode != 0
    assert run.stderr.startswith(sentence.format(python=program))
    assert not (clone / ".venv").exists()


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ((), "llmtui run quick"),
        (("PLAIN=1",), "llmtui run quick --plain"),
        (("PLAIN=0",), "llmtui run quick"),
        (("SUITE=watch", "ARGS=--detach"), "llmtui run watch --detach"),
    ],
)
def test_run_hands_its_wishes_on(clone, arguments, command):
    """A program that prints its arguments stands where the installation would put llmtui."""
    installed = clone / ".venv" / "bin"
    installed.mkdir(parents=True)
    (installed / "python").write_text("")
    (installed / "llmtui").write_text('#!/bin/sh\necho llmtui "$@"\n')
    (installed / "llmtui").chmod(0o755)
    (clone / ".venv" / ".installed").write_text("")
    run = make(clone, "run", *arguments)
    assert (run.returncode, run.stdout) == (0, f"{command}\n")
