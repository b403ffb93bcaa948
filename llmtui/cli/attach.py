"""`llmtui attach [SESSION]`: watch a session, and control it while it runs."""

import click

from llmtui import places
from llmtui.log.library import find_session
from llmtui.log.read import LogError, read_header


@click.command("attach")
@click.argument("session", required=False)
@click.option("--plain", is_flag=True, help="One line an event instead of the screen.")
def command(session: str | None, *, plain: bool) -> None:
    """Watch SESSION (default: the one that runs, else the last one). Leaving does not stop it."""
    from llmtui.cli.run import can_show_screen

    try:
        log = find_session(session, places.sessions_folder())
        read_header(log)
    except LogError as error:
        raise click.ClickException(str(error)) from None
    if plain or not can_show_screen():
        from llmtui.cli.follow_plain import follow_plain

        raise SystemExit(follow_plain(log))
    from llmtui.cli.screen import show_session

    raise SystemExit(show_session(log))
