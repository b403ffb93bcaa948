"""A figure over all sessions of a suite and a model: charts with the changes of its level, and the table below."""

from collections.abc import Awaitable, Callable
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from llmtui.tui.glyphs import Glyphs
from llmtui.tui.screens.scrolled import ScrolledScreen
from llmtui.tui.widgets.graph import Graph
from llmtui.tui.widgets.graph_lines import GraphData


class HistoryShown(NamedTuple):
    """The history of one figure: whose it is, a chart for each series, and all of it as lines."""

    about: str
    graphs: tuple[GraphData, ...]
    lines: tuple[str, ...]


LoadHistory = Callable[[str], Awaitable[HistoryShown]]
"""Reads the history of the figure of this name. It may take seconds; what went wrong stands in its lines."""


class HistoryScreen(ScrolledScreen):
    """One figure at a time; left and right change it."""

    COLUMN = "history"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,H", "close", "close"),
        Binding("h,left", "turn(-1)", "figure before"),
        Binding("l,right", "turn(1)", "next figure"),
    ]
    DEFAULT_CSS = """
    HistoryScreen {
        & #history-title { background: $panel; color: $foreground; text-style: bold; height: 1; padding: 0 1; }
        & #history { padding: 0 1; scrollbar-size-vertical: 1; overflow-x: auto; }
        & Graph { height: 9; margin-bottom: 1; }
        & #history-text { width: auto; }
    }
    """

    def __init__(self, figures: tuple[str, ...], first: str, load: LoadHistory, glyphs: Glyphs) -> None:
        super().__init__()
        self._figures = figures
        self._place = figures.index(first)
        self._load = load
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        """Hold a title, the charts and the table."""
        yield Static("", id="history-title", markup=False)
        with VerticalScroll(id="history"):
            yield Static("", id="history-text", markup=False)

    def on_mount(self) -> None:
        """Read the first figure."""
        self._read()

    def _read(self) -> None:
        figure = self._figures[self._place]
        self._title(figure, "reading the sessions")
        self.run_worker(self._fill(figure), exclusive=True, group="history")

    async def _fill(self, figure: str) -> None:
        shown = await self._load(figure)
        column = self.column
        text = self.query_one("#history-text", Static)
        await column.query(Graph).remove()
        for data in shown.graphs:
            graph = Graph(self._glyphs)
            await column.mount(graph, before=text)
            graph.show(data)
        text.update("\n".join(shown.lines))
        self._title(figure, shown.about)

    def _title(self, figure: str, about: str) -> None:
        title = f"history of {figure}: {about}  (left, right: other figures; ticks: a new level; esc closes)"
        self.query_one("#history-title", Static).update(title, layout=False)

    def action_turn(self, steps: int) -> None:
        """Show another figure."""
        self._place = (self._place + steps) % len(self._figures)
        self._read()
