"""The history of a session's suite and model, for the screen."""

import asyncio

import click

from llmtui import wording
from llmtui.cli.history import read_history
from llmtui.reports.compared_figures import NAMES
from llmtui.reports.history import History, Series, stretches, summary
from llmtui.reports.history_text import date_text, history_text
from llmtui.tui.glyphs import Glyphs
from llmtui.tui.projections.history import history_graph
from llmtui.tui.screens.history import HistoryScreen, HistoryShown
from llmtui.tui.widgets.graph_lines import GraphData

FIRST = "decode"


def history_screen(suite: str | None, model: str | None, glyphs: Glyphs) -> HistoryScreen:
    """Return the screen for all sessions of a suite and a model (None: of all)."""

    async def load(figure: str) -> HistoryShown:
        return await asyncio.to_thread(history_shown, figure, suite, model)

    return HistoryScreen(NAMES, FIRST, load, glyphs)


def history_shown(figure: str, suite: str | None, model: str | None) -> HistoryShown:
    """Return what the screen shows of a figure."""
    about = wording.visible(" on ".join(name for name in (suite, model) if name) or "all sessions")
    try:
        history = read_history(figure, suite, model, ())
    except click.ClickException as error:
        return HistoryShown(about, (), (error.format_message(),))
    lines = history_text(history) or [f"no session has the figure `{figure}`"]
    return HistoryShown(about, tuple(_graph(history, series) for series in history.series), tuple(lines))


def _graph(history: History, series: Series) -> GraphData:
    points = series.points
    where = f"host {series.environment['host']}, server {series.environment['server']}"
    return history_graph(
        f"{series.title}, {where}",
        [point.value for point in points],
        shifts=[stretch.first for stretch in stretches(series)[1:]],
        text=history.figure.text,
        ends=(date_text(points[0].opened_at), date_text(points[-1].opened_at)),
        last=summary(history, series)[-1],
    )
