"""`llmtui attach [SESSION]`: watch a session, and control it while it runs."""

import os
import sys

import click

from llmtui import places
from llmtui.log.library import find_session, running_sessions
from llmtui.log.read import LogError, read_header, require_log

PIPE = "-"


@click.command("attach")
@click.argument("session", required=False)
@click.option("--plain", is_flag=True, help="One line an event instead of the screen.")
def command(session: str | None, *, plain: bool) -> None:
    """Watch SESSION (default: the one that runs, else the last one). Leaving does not stop it.

    With - the log comes through a pipe: ssh box llmtui tail last | llmtui attach -
    """
    from llmtui.cli.run import can_show_screen

    if session == PIPE:
        raise SystemExit(_attach_pipe(plain=plain))
    running = running_sessions(places.sessions_folder()) if session is None else []
    if len(running) > 1:
        click.echo(f"{len(running)} sessions run; name the one to watch:")
        for log in running:
            click.echo(f"  llmtui attach {log.stem}")
        return
    try:
        log = running[0] if running else find_session(session, places.sessions_folder())
        require_log(log)
    except LogError as error:
        raise click.ClickException(str(error)) from None
    if plain or not can_show_screen():
        from llmtui.cli.follow_plain import follow_plain

        raise SystemExit(follow_plain(log))
    from llmtui.cli.screen import show_session

    raise SystemExit(show_session(log))


def _attach_pipe(*, plain: bool) -> int:
    """Watch the session whose log comes through standard input, and return the exit code."""
    from llmtui.cli.run import can_show_screen
    from llmtui.log.streamed import StreamedLog

    if sys.stdin.isatty():
        raise click.UsageError("`attach -` reads a log from a pipe: ssh box llmtui tail last | llmtui attach -")
    with StreamedLog(_take_stdin()) as streamed:
        try:
            if not streamed.wait_for_line():
                raise click.ClickException("no log came through the pipe; what is before it says why")
            read_header(streamed.path)
        except LogError as error:
            raise click.ClickException(str(error)) from None
        except KeyboardInterrupt:
            return 0
        if plain or not can_show_screen():
            from llmtui.cli.follow_plain import follow_plain

            code = follow_plain(streamed.path, ours=False)
        else:
            from llmtui.cli.screen import show_session

            code = show_session(streamed.path, controlled=False)
        if streamed.problem is not None:
            click.echo(streamed.problem, err=True)
    return code


def _take_stdin() -> int:
    """Return another descriptor of the pipe, and put the terminal in its place, from which the screen takes its keys.

    Without a terminal nothing is put there, and no screen can be shown.
    """
    pipe = os.dup(0)
    try:
        keys = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        keys = os.open(os.devnull, os.O_RDONLY)
    os.dup2(keys, 0)
    os.close(keys)
    return pipe
