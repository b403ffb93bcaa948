"""`llmtui export SESSION`: what a session measured, for other programs and for documents."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmtui import places
from llmtui.log.library import find_session
from llmtui.log.private_file import replace_file
from llmtui.log.read import LogError, LogReader
from llmtui.reports.export import FORMATS, csv_pieces, json_pieces, markdown_text, results_markdown
from llmtui.reports.export_rows import WHAT, Row, export_rows
from llmtui.state.reducer import apply_all
from llmtui.state.results import job_results
from llmtui.state.session import SessionState

if TYPE_CHECKING:
    from llmtui.events import Event

COMMANDS = "commands"


@click.command("export")
@click.argument("session")
@click.option(
    "--format", "form", type=click.Choice((*FORMATS, COMMANDS)), default="json", show_default=True, help="The form."
)
@click.option(
    "--what", "--rows", "what", type=click.Choice(WHAT), default=WHAT[0], show_default=True, help="A row for each."
)
@click.option("--text", is_flag=True, help="With requests: their prompts and answers too.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write to FILE, readable by you.")
def command(session: str, form: str, what: str, output: Path | None, *, text: bool) -> None:
    """Print the results of SESSION (a row a job), its steps of load, requests or samples.

    Latencies are nanoseconds, rates tokens per second, memory bytes. What is unknown is empty (null), and the column
    `missing` says why. The form `commands` is a shell script that measures each job again.
    """
    if text and what != "requests":
        raise click.BadParameter("only requests have texts; add --what requests", param_hint="--text")
    if form == COMMANDS and what != WHAT[0]:
        raise click.BadParameter("the commands are those of jobs; leave --what out", param_hint="--what")
    try:
        path = find_session(session, places.sessions_folder())
        exported = _Export(path, form, what, text=text)
        if output is None:
            for piece in exported.pieces():
                click.echo(piece, nl=False)
            return
        _write(output, path, exported.pieces())
    except LogError as error:
        raise click.ClickException(str(error)) from None


class _Export:
    """Reads a log once for what it comes to, and again for each row of it that does not stay in memory."""

    def __init__(self, path: Path, form: str, what: str, *, text: bool) -> None:
        self._path = path
        self._form = form
        self._what = what
        self._text = text
        self._state = SessionState()
        self._reader = LogReader(path)
        for events in self._reader:
            apply_all(self._state, events)
        for notice in self._reader.notices():
            click.echo(f"note: {path.stem}: {notice}", err=True)

    def pieces(self) -> Iterable[str]:
        """Yield the text piece by piece."""
        name = self._path.stem
        if self._form == COMMANDS:
            return self._commands()
        if self._form == "md" and self._what == WHAT[0]:
            return (results_markdown(name, job_results(self._state)),)
        if self._form == "csv":
            return csv_pieces(self._rows)
        if self._form == "md":
            return (markdown_text(f"{name}: {self._what}", self._rows),)
        return json_pieces(name, self._what, self._reader.header, self._rows, self._reader.notices())

    def _rows(self) -> Iterable[Row]:
        return export_rows(self._what, self._path.stem, self._state, self._events(), text=self._text)

    def _events(self) -> "Iterator[Event]":
        for events in LogReader(self._path):
            yield from events

    def _commands(self) -> Iterator[str]:
        from llmtui.cli.reproduction import reproduction_lines

        yield f"# The jobs of {self._path.stem}, to be measured again.\n"
        for job in self._state.jobs:
            yield "\n" + "\n".join(reproduction_lines(self._state, job)) + "\n"


def _write(output: Path, log: Path, pieces: Iterable[str]) -> None:
    if output.exists() and output.resolve() == log.resolve():
        raise click.ClickException(f"{output} is the session itself; name another file")
    try:
        replace_file(output, (piece.encode("utf-8", "replace") for piece in pieces))
    except OSError as error:
        raise click.ClickException(f"{output}: can't be written: {error.strerror}") from None
    click.echo(f"written to {output}", err=True)
