"""What `llmtui doctor` says of the workload `refactor`, and `--fix refactor` and `--check refactor`."""

import asyncio
import tempfile
from pathlib import Path

import click

from llmtui import wording
from llmtui.refactoring.toolchain import (
    Toolchain,
    ToolchainError,
    find_toolchain,
    install_toolchain,
    missing_support,
    pinned_versions,
    toolchain_folder,
)


def readiness() -> str:
    """Return whether the workload can do its work here, and what to do where it can't."""
    missing = missing_support()
    if missing is not None:
        return f"refactor: not ready, {missing}"
    try:
        return _ready(find_toolchain(toolchain_folder()))
    except ToolchainError as error:
        return f"refactor: not ready, {error}"


def treat(*, fix: bool, check: bool) -> None:
    """Install what is missing, check that known components are judged right, or both; raise `click.ClickException`."""
    missing = missing_support()
    if missing is not None:
        raise click.ClickException(missing)
    try:
        if fix:
            toolchain = install_toolchain(toolchain_folder(), on_note=lambda note: click.echo(wording.visible(note)))
        else:
            toolchain = find_toolchain(toolchain_folder())
    except ToolchainError as error:
        raise click.ClickException(wording.visible(str(error))) from None
    click.echo(_ready(toolchain))
    if check:
        _check(toolchain)


def _check(toolchain: Toolchain) -> None:
    from llmtui.refactoring.selfcheck import check_all

    # What does not compile is kept, and half of these components are not meant to.
    with tempfile.TemporaryDirectory(prefix="llmtui-check-") as root:
        try:
            found = asyncio.run(check_all(toolchain, Path(root)))
        except OSError as error:
            raise click.ClickException(f"the compiler can't be run: {error.strerror}") from None
    for checked in found:
        click.echo(wording.visible(f"{'right' if checked.right else 'WRONG'}  {checked.name}: {checked.sentence}"))
    if not all(checked.right for checked in found):
        raise click.ClickException("known components are not judged as they are; please report it with these lines")


def _ready(toolchain: Toolchain) -> str:
    versions = ", ".join(f"{package} {version}" for package, version in pinned_versions().items())
    return f"refactor: ready, {versions}, Node.js {toolchain.node_version}"
