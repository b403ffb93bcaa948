"""`llmtui export SESSION`: what a session measured, for other programs and for documents."""

from collections.abc import Sequence
from pathlib import Path

import click

from llmtui import places
from llmtui.events import Event
from llmtui.log.library import find_session
from llmtui.log.private_file import replace_file
from llmtui.log.read import LogError, ReadLog, read_log
from llmtui.reports.export import FORMATS, csv_text, json_text, markdown_text, results_markdown
from llmtui.reports.export_rows import WHAT, export_rows
from llmtui.state.reducer import apply_all
from llmtui.state.results import job_results
from llmtui.state.session import SessionState


@click.command("export")
@click.argument("session")
@click.option("--format", "form", type=click.Choice(FORMATS), default="json", show_default=True, help="The form.")
@click.option("--what", type=click.Choice(WHAT), default="results", show_default=True, help="The rows: one for each.")
@click.option("--text", is_flag=True, help="With requests: their prompts and answers too.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write to FILE, readable by you.")
def command(session: str, form: str, what: str, output: Path | None, *, text: bool) -> None:
    """Print the results of SESSION (a row a job), its steps of load, requests or samples.

    Latencies are nanoseconds, rates tokens per second, memory bytes. What is unknown is empty (null), and the column
    `missing` says why.
    """
    if text and what != "requests":
        raise click.BadParameter("only requests have texts; add --what requests", param_hint="--text")
    try:
        path = find_session(session, places.sessions_folder())
        log = read_log(path)
    except LogError as error:
        raise click.ClickException(str(error)) from None
    for notice in log.notices:
        click.echo(f"note: {path.stem}: {notice}", err=True)
    exported = _exported(path.stem, log, form, what, text=text)
    if output is None:
        click.echo(exported, nl=False)
        return
    _write(output, path, exported)


def _exported(session: str, log: ReadLog, form: str, what: str, *, text: bool) -> str:
    events: Sequence[Event] = log.events
    state = SessionState()
    apply_all(state, events)
    if form == "md" and what == "results":
        return results_markdown(session, job_results(state))
    rows = export_rows(what, session, state, events, text=text)
    if form == "csv":
        return csv_text(rows)
    if form == "md":
        return markdown_text(f"{session}: {what}", rows)
    return json_text(session, what, log.header, rows, log.notices)


def _write(output: Path, log: Path, exported: str) -> None:
    if output.exists() and output.resolve() == log.resolve():
        raise click.ClickException(f"{output} is the session itself; name another file")
    try:
        replace_file(output, exported.encode("utf-8", "replace"))
    except OSError as error:
        raise click.ClickException(f"{output}: can't be written: {error.strerror}") from None
    click.echo(f"written to {output}", err=True)
