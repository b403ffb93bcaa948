"""`llmtui advise`: ratings of what sessions measured, and which of their models fits which use."""

import os
from collections.abc import Sequence

import click

from llmtui import places
from llmtui.cli.room import columns
from llmtui.cli.sides import read_session
from llmtui.log.library import find_session, list_sessions
from llmtui.log.read import LogError
from llmtui.state.session import SessionState
from llmtui.summaries.advice import advice_data, advise
from llmtui.summaries.summary import summary_text

NOTHING_TO_RATE = 2
NOTHING = (
    "there is nothing to rate in {sessions}; ratings need a job that has ended, of `llmtui run interactive`, `batch`, "
    "`quality` or `long_context`"
)
MOST_NAMED = 3


class _NothingError(click.ClickException):
    exit_code = NOTHING_TO_RATE


@click.command("advise")
@click.argument("sessions", nargs=-1, metavar="[SESSIONS]...")
@click.option("--all", "every", is_flag=True, help="All sessions that `llmtui sessions` lists.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(sessions: tuple[str, ...], *, every: bool, as_json: bool) -> None:
    """Rate what SESSIONS measured, and say which of their models fits which use.

    SESSIONS are sessions as `llmtui replay` takes them; without one the last session is taken. The advice goes by what
    was measured and names the figure that decided. Nothing to rate is exit code 2.
    """
    if every and sessions:
        raise click.UsageError("name sessions or give --all, not both")
    states = _read_all() if every else _read_named(sessions or ("last",))
    summary = advise(states)
    if summary is None:
        raise _NothingError(NOTHING.format(sessions=named(states)))
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(advice_data(states)))
        return
    for line in summary_text(summary, width=columns()):
        click.echo(line)


def named(states: Sequence[SessionState]) -> str:
    """Return the names of sessions, as many as can be taken in at a glance."""
    if not states:
        return f"{places.sessions_folder()}, which holds no session"
    names = [state.header.session if state.header else "a session without a header" for state in states]
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _read_named(sessions: Sequence[str]) -> list[SessionState]:
    folder = places.sessions_folder()
    try:
        paths = [find_session(name, folder) for name in sessions]
        return [read_session(path) for path in {os.path.realpath(path): path for path in paths}.values()]
    except LogError as error:
        raise _NothingError(str(error)) from None


def _read_all() -> list[SessionState]:
    """Read every session, the oldest first, so that of two measurements of one model the newer one counts."""
    states = []
    for entry in reversed(list_sessions(places.sessions_folder())):
        try:
            states.append(read_session(entry.path))
        except LogError as error:
            click.echo(f"note: {error}", err=True)
    return states
