"""`llmtui sessions`: what was measured, in which state it is, and what was added to it."""

from pathlib import Path

import click

from llmtui import places
from llmtui.cli import session_additions, session_import, session_trash
from llmtui.cli.session_table import print_json, print_list
from llmtui.log.library import list_sessions
from llmtui.log.summary import index_file
from llmtui.reports.session_list import NAMES, FilterError, filtered, ordered


@click.group("sessions", invoke_without_command=True)
@click.option("--filter", "filters", multiple=True, metavar="TEXT", help="Only with TEXT in a column, or KEY=VALUE.")
@click.option(
    "--sort", type=click.Choice(NAMES), default="date", show_default=True, metavar="COLUMN", help="The order."
)
@click.option("--reverse", is_flag=True, help="The order backwards.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def command(ctx: click.Context, filters: tuple[str, ...], sort: str, *, reverse: bool, as_json: bool) -> None:
    """List the sessions, newest first; or tag, name, import or delete them."""
    if ctx.invoked_subcommand is not None:
        return
    folder = places.sessions_folder()
    everything = list_sessions(folder, index_file(folder, places.state_folder()))
    try:
        entries = ordered(filtered(everything, filters), sort, backwards=reverse)
    except FilterError as error:
        raise click.BadParameter(str(error), param_hint="--filter") from None
    if as_json:
        print_json(entries)
    elif not everything:
        click.echo(f"no sessions in {folder}; `llmtui run quick` makes one")
    elif not entries:
        click.echo(f"none of {len(everything)} sessions in {_short(folder)} passes the filter")
    else:
        print_list(entries)
        click.echo(f"in {_short(folder)}")


def _short(folder: Path) -> str:
    home = Path.home()
    return f"~/{folder.relative_to(home)}" if folder.is_relative_to(home) else str(folder)


@command.command("schema")
def schema() -> None:
    """Print the JSON Schema of a line of a log."""
    from llmtui.log.reference import read_schema

    click.echo(read_schema(), nl=False)


for subcommand in (*session_additions.COMMANDS, *session_import.COMMANDS, *session_trash.COMMANDS):
    command.add_command(subcommand)
