"""The real compiler, installed once by npm into the user's cache, and programs that play Node.js or npm."""

import sys
from pathlib import Path

import pytest

from llmtui import places
from llmtui.refactoring.toolchain import Toolchain, ToolchainError, install_toolchain


@pytest.fixture(scope="session")
def vue_tsc() -> Toolchain:
    """The compiler as `llmtui doctor --fix refactor` installs it."""
    try:
        return install_toolchain(places.cache_folder() / "tests" / "vue-tsc")
    except ToolchainError as error:
        pytest.skip(str(error))


@pytest.fixture
def program(tmp_path):
    """Write a program in Python that takes the place of another one; return its path."""

    def write(name: str, code: str) -> str:
        path: Path = tmp_path / "programs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!{sys.executable}\nimport json, os, pathlib, signal, subprocess, sys, time\n{code}\n")
        path.chmod(0o755)
        return str(path)

    return write


@pytest.fixture
def node(program) -> str:
    """A program that says the version of Node.js and can do nothing else."""
    return program("node", "print('v22.1.0') if sys.argv[1:] == ['--version'] else sys.exit('no compiler')")


@pytest.fixture
def npm(program) -> str:
    """A program that installs what the manifest asks for, without a network: manifests and nothing else."""
    return program(
        "npm",
        """
for name, version in json.loads(pathlib.Path("package.json").read_text())["dependencies"].items():
    folder = pathlib.Path("node_modules", name)
    folder.mkdir(parents=True)
    folder.joinpath("package.json").write_text(json.dumps({"version": version}))
pathlib.Path("said.json").write_text(json.dumps(sys.argv[1:]))
""",
    )
