"""`llmtui sessions`: what was measured, and in which state it is."""

from pathlib import Path

import click

from llmtui import places, wording
from llmtui.log.library import SessionEntry, list_sessions
from llmtui.reports.tables import render

HEADINGS = ("session", "state", "host", "suite", "models", "jobs", "size")


@click.command("sessions")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(*, as_json: bool) -> None:
    """List the sessions, newest first."""
    folder = places.sessions_folder()
    entries = list_sessions(folder)
    if as_json:
        import msgspec

        for entry in entries:
            click.echo(msgspec.json.encode(_plain(entry)))
        return
    if not entries:
        click.echo(f"no sessions in {folder}; `llmtui run quick` makes one")
        return
    for line in render(HEADINGS, [_row(entry) for entry in entries]):
        click.echo(line)
    for entry in entries:
        if entry.problem is not None:
            click.echo(f"{entry.id}: {wording.visible(entry.problem)}")
    click.echo(f"in {_short(folder)}")


def _row(entry: SessionEntry) -> tuple[str, ...]:
    header = entry.header
    return (
        entry.id,
        entry.status,
        (header.hardware.hostname if header else None) or wording.NOTHING,
        header.name if header else wording.NOTHING,
        ", ".join(entry.models) or wording.NOTHING,
        f"{entry.jobs_ended} of {entry.jobs}",
        wording.size(entry.size),
    )


def _plain(entry: SessionEntry) -> dict[str, object]:
    return {
        "session": entry.id,
        "path": str(entry.path),
        "state": entry.status,
        "suite": entry.header.name if entry.header else None,
        "opened_at": entry.header.opened_at if entry.header else None,
        "models": entry.models,
        "jobs": entry.jobs,
        "jobs_ended": entry.jobs_ended,
        "size": entry.size,
        "problem": entry.problem,
    }


def _short(folder: Path) -> str:
    home = Path.home()
    return f"~/{folder.relative_to(home)}" if folder.is_relative_to(home) else str(folder)
