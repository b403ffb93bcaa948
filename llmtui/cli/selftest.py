"""`llmtui selftest`: measure a server whose truth is known, and say how far the figures are from it."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

from llmtui import wording
from llmtui.cli.room import columns

if TYPE_CHECKING:
    from llmtui.selftest.results import Report
    from llmtui.selftest.rows import Row
    from llmtui.tui.screens.selftest import SelftestLine

HEADINGS = ("scenario", "figure", "expected", "measured", "error", "bound", "tries", "verdict")
EXIT_OUT_OF_BOUNDS = 1
EXIT_COULD_NOT_RUN = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143
END_WITHIN_S = 15.0
"""Longer than the command needs to end its own children."""


@click.command("selftest")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--only", "only", multiple=True, metavar="TEXT", help="Only scenarios whose name holds TEXT; not kept.")
def command(*, as_json: bool, only: tuple[str, ...]) -> None:
    """Measure a server whose truth is known, for about a minute.

    Exit code 1 when a figure is out of its bound, 2 when it could not run.
    """
    from llmtui.selftest.cases import STREAMS, all_cases
    from llmtui.selftest.children import SelftestError
    from llmtui.selftest.run import run_selftest

    def wanted(name: str) -> bool:
        return not only or any(text in name for text in only)

    signal.signal(signal.SIGTERM, _leave)
    cases = [case for case in all_cases() if wanted(case.name)]
    streams = [case for case in STREAMS if wanted(case.name)]
    if not cases and not streams:
        names = [case.name for case in all_cases()] + [case.name for case in STREAMS]
        raise click.UsageError(f"no scenario is called so; there are: {', '.join(names)}")
    try:
        with tempfile.TemporaryDirectory(prefix="llmtui-selftest-") as folder:
            report = run_selftest(Path(folder), cases=cases, streams=streams, say=_say)
    except (SelftestError, OSError) as error:
        _say("")
        click.echo(f"selftest: {wording.visible(str(error))}", err=True)
        raise SystemExit(EXIT_COULD_NOT_RUN) from None
    except KeyboardInterrupt:
        raise SystemExit(EXIT_INTERRUPTED) from None
    _say("")
    _show(report, as_json=as_json)
    if not only:
        _keep(report)
    raise SystemExit(0 if report.passed else EXIT_OUT_OF_BOUNDS)


async def selftest_lines(arguments: Sequence[str] = ()) -> "AsyncGenerator[SelftestLine]":
    """Run the command in a process of its own and yield what it writes; ends the process when it is closed."""
    from llmtui.tui.screens.selftest import SelftestLine

    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "llmtui.cli.selftest", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    lines: asyncio.Queue[SelftestLine | None] = asyncio.Queue()

    async def read(pipe: asyncio.StreamReader | None, *, progress: bool) -> None:
        try:
            while pipe is not None and (line := await pipe.readline()):
                lines.put_nowait(SelftestLine(line.decode(errors="replace").rstrip(), progress))
        finally:
            lines.put_nowait(None)

    readers = [
        asyncio.create_task(read(child.stderr, progress=True)),
        asyncio.create_task(read(child.stdout, progress=False)),
    ]
    try:
        for _ in readers:
            while (line := await lines.get()) is not None:
                yield line
    finally:
        await _end(child)
        await asyncio.gather(*readers)


async def _end(child: asyncio.subprocess.Process) -> None:
    """End the command, which ends its own children at SIGTERM."""
    if child.returncode is None:
        child.terminate()
    try:
        async with asyncio.timeout(END_WITHIN_S):
            await child.wait()
    except TimeoutError:
        child.kill()
        await child.wait()


def report_lines(report: "Report", width: int | None = None) -> list[str]:
    """Return the report as lines: where it ran, the table (at most `width` wide), the verdict."""
    from llmtui.text_table import Fit, render

    fit = Fit(spare=("tries",), whole=("verdict",))

    table = render(HEADINGS, [_cells(row) for row in report.rows], width=width, fit=fit)
    return [wording.visible(report.heading), *table, report.verdict]


def _show(report: "Report", *, as_json: bool) -> None:
    if as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
        return
    for line in report_lines(report, columns()):
        click.echo(line)


def _cells(row: "Row") -> tuple[str, ...]:
    return (
        row.scenario,
        row.figure,
        _value(row.expected, row.unit),
        _value(row.measured, row.unit),
        _error(row.error, row.unit),
        _error(row.bound, row.unit),
        str(row.tries),
        row.verdict,
    )


def _value(value: float | str | None, unit: str) -> str:
    if value is None or isinstance(value, str):
        return wording.NOTHING if value is None else value
    if unit == "ns":
        return wording.duration(value)
    return f"{wording.rate(value)} {unit}" if unit else f"{value:g}"


def _error(error: float | None, unit: str) -> str:
    if error is None:
        return wording.NOTHING
    return wording.duration(error) if unit == "ns" else f"{error:.2f} %"


def _keep(report: "Report") -> None:
    from llmtui.selftest.results import save

    try:
        save(report)
    except OSError as error:
        click.echo(f"the result could not be kept: {error.filename}: {error.strerror}", err=True)


def _say(line: str) -> None:
    """Show how far it is: on a terminal one line that changes, at last into an empty one; else a line each."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{line}", nl=False, err=True)
    elif line:
        click.echo(line, err=True)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """Unwind at SIGTERM, so that the children end and their files go."""
    raise SystemExit(EXIT_TERMINATED)


if __name__ == "__main__":
    command(prog_name="llmtui selftest")
