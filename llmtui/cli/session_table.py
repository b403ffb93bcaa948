"""A list of sessions as it is printed: a table with what belongs to its rows, or JSON lines."""

from collections.abc import Sequence

import click
import msgspec

from llmtui import wording
from llmtui.cli.room import columns as columns_of_room
from llmtui.log.library import SessionEntry
from llmtui.reports.session_list import cells, columns_for, entry_data
from llmtui.text_table import Fit, render

FIT = Fit(
    spare=("size", "host", "repeats", "jobs", "date", "verdicts", "suite", "state"),
    whole=("session", "state", "date", "suite"),
)


def print_list(entries: Sequence[SessionEntry]) -> None:
    """Print a table, and below it what is wrong with a session and what was noted about it."""
    columns = columns_for(entries)
    numbers = [column.name for column in columns if column.number]
    rows = [cells(entry, columns) for entry in entries]
    for line in render([column.name for column in columns], rows, numbers, width=columns_of_room(), fit=FIT):
        click.echo(line)
    for entry in entries:
        if entry.problem is not None:
            click.echo(f"{wording.visible(entry.id)}: {wording.visible(entry.problem)}")
        if entry.added.note is not None:
            click.echo(f"{wording.visible(entry.id)}: note: {wording.visible(entry.added.note)}")


def print_json(entries: Sequence[SessionEntry]) -> None:
    """Print one JSON object a line."""
    for entry in entries:
        click.echo(msgspec.json.encode(entry_data(entry)))
