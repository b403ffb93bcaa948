"""`llmtui sessions delete`, `restore` and `trash`: what is deleted can be had back until the trash is emptied."""

import sys
from datetime import UTC, datetime

import click

from llmtui import places
from llmtui.cli.session_table import print_json, print_list
from llmtui.log.library import find_session
from llmtui.log.read import LogError
from llmtui.log.trash import (
    TrashError,
    delete_session,
    empty_trash,
    is_empty,
    list_trash,
    restore_session,
    trash_folder,
)


@click.command("delete", short_help="Move each SESSION to the trash.")
@click.argument("sessions", nargs=-1, required=True, metavar="SESSION...")
def delete(sessions: tuple[str, ...]) -> None:
    """Move each SESSION to the trash, from which `restore` brings it back."""
    folder = places.sessions_folder()
    try:
        # All are found before the first is moved, so that a mistyped name changes nothing.
        paths = list(dict.fromkeys(find_session(session, folder) for session in sessions))
        for path in paths:
            moved = delete_session(path, folder, datetime.now(UTC))
            click.echo(f"{path.stem}: in the trash; `llmtui sessions restore {moved.stem}` brings it back")
    except (LogError, TrashError) as error:
        raise click.ClickException(str(error)) from None


@click.command("restore")
@click.argument("sessions", nargs=-1, required=True, metavar="SESSION...")
def restore(sessions: tuple[str, ...]) -> None:
    """Bring each SESSION back from the trash."""
    folder = places.sessions_folder()
    if is_empty(folder):
        raise click.ClickException("the trash is empty")
    try:
        paths = list(dict.fromkeys(find_session(session, trash_folder(folder)) for session in sessions))
        for path in paths:
            click.echo(f"{restore_session(path, folder).stem}: restored")
    except (LogError, TrashError) as error:
        raise click.ClickException(str(error)) from None


@click.command("trash")
@click.option("--empty", is_flag=True, help="Delete for good what is in it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def trash(*, empty: bool, yes: bool, as_json: bool) -> None:
    """List the deleted sessions."""
    folder = places.sessions_folder()
    entries = list_trash(folder)
    if as_json and not empty:
        print_json(entries)
        return
    if not entries:
        click.echo("the trash is empty")
        return
    if not empty:
        print_list(entries)
        click.echo("`llmtui sessions restore SESSION` brings one back, `llmtui sessions trash --empty` deletes all")
        return
    count = f"{len(entries)} session{'' if len(entries) == 1 else 's'}"
    if not yes:
        if not sys.stdin.isatty():
            raise click.ClickException(f"this deletes {count} for good; say --yes where nobody can be asked")
        click.confirm(f"delete {count} for good?", abort=True)
    try:
        empty_trash(folder, entries)
    except TrashError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{count} deleted for good")


COMMANDS = (delete, restore, trash)
