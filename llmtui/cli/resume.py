"""`llmtui resume SESSION`: go on with a session whose engine was cut off."""

import click

from llmtui import places
from llmtui.cli.launch import LaunchError, resume_engine
from llmtui.cli.run import watch
from llmtui.log.library import find_session
from llmtui.log.read import LogError, read_header


@click.command("resume")
@click.argument("session")
@click.option("--plain", is_flag=True, help="One line an event instead of the screen.")
@click.option("--detach", is_flag=True, help="Start it and leave; `llmtui attach` shows it.")
@click.option("--anyway", is_flag=True, help="Go on although the suite's file, the machine or a server has changed.")
def command(session: str, *, plain: bool, detach: bool, anyway: bool) -> None:
    """Go on with SESSION in the same log, at the first job that has not ended.

    What a job had measured when its engine was cut off stays in the log, does not count, and is measured anew.
    """
    if plain and detach:
        raise click.UsageError("--plain and --detach exclude each other")
    try:
        log = find_session(session, places.sessions_folder())
        read_header(log)
        launched = resume_engine(log, anyway=anyway)
    except (LogError, LaunchError, places.PlaceError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or 'the session'} can't be used: {error.strerror}") from None
    watch(launched, plain=plain, detach=detach)
