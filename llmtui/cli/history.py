"""`llmtui history FIGURE`: a figure over all sessions of a suite and a model, in order of time."""

import difflib
import sys
from collections.abc import Iterator, Sequence

import click

from llmtui import places
from llmtui.cli.room import columns
from llmtui.log.fold import fold_log
from llmtui.log.library import SessionEntry, list_sessions
from llmtui.log.read import LogError
from llmtui.log.summary import index_file
from llmtui.reports.compared_figures import FIGURES, NAMES
from llmtui.reports.history import History, HistorySession, build_history
from llmtui.reports.history_text import history_data, history_text
from llmtui.reports.overlay_text import can_print
from llmtui.reports.session_list import FilterError, filtered


@click.command("history")
@click.argument("figure", type=click.Choice(NAMES), metavar="FIGURE")
@click.option("--suite", metavar="NAME", help="Only sessions of this suite.")
@click.option("--model", metavar="TEXT", help="Only models with TEXT in their name.")
@click.option("--filter", "filters", multiple=True, metavar="TEXT", help="Only these, as for `llmtui sessions`.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(figure: str, suite: str | None, model: str | None, filters: tuple[str, ...], *, as_json: bool) -> None:
    """Show FIGURE over the sessions, oldest first, and where its level changed beyond chance.

    Each workload with its parameters, model, machine and version of the server has a table of its own.
    """
    history = read_history(figure, suite, model, filters)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(history_data(history)))
        return
    for line in history_text(history, blocks=can_print(sys.stdout.encoding), width=columns()):
        click.echo(line)
    if not history.series:
        raise click.ClickException(f"no session has the figure `{figure}`")


def read_history(figure: str, suite: str | None, model: str | None, filters: Sequence[str]) -> History:
    """Return the history of a figure over the sessions that fit. Raises `click.ClickException` where none does."""
    entries = _chosen(suite, model, filters)
    chosen = next(candidate for candidate in FIGURES if candidate.name == figure)
    unread: dict[str, str] = {}
    history = build_history(chosen, _read(entries, unread, samples=figure == "memory"), model)
    history.left_out.update(unread)
    return history


def _chosen(suite: str | None, model: str | None, filters: Sequence[str]) -> list[SessionEntry]:
    """Return the sessions that are asked for, oldest first."""
    folder = places.sessions_folder()
    entries = list_sessions(folder, index_file(folder, places.state_folder()))
    try:
        entries = filtered(entries, filters)
    except FilterError as error:
        raise click.BadParameter(str(error), param_hint="--filter") from None
    suites = sorted({entry.header.name for entry in entries if entry.header})
    if suite is not None and suite not in suites:
        near = difflib.get_close_matches(suite, suites, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(suites) or 'none'}"
        raise click.ClickException(f"no session is of a suite `{suite}`; {hint}")
    found = [
        entry
        for entry in entries
        if (suite is None or (entry.header is not None and entry.header.name == suite))
        and (model is None or any(model.lower() in name.lower() for name in entry.models))
    ]
    if not found:
        raise click.ClickException(f"no session in {folder} fits; `llmtui sessions` lists them")
    return found[::-1]


def _read(entries: list[SessionEntry], unread: dict[str, str], *, samples: bool) -> Iterator[HistorySession]:
    for entry in entries:
        if entry.status == "running":
            unread[entry.id] = "it still runs"
            continue
        try:
            log = fold_log(entry.path, bulk=samples, texts=False)
        except LogError as error:
            unread[entry.id] = str(error)
            continue
        yield HistorySession(entry.id, log.state)
