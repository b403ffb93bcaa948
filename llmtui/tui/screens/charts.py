"""The chart view over the whole screen: it follows the session below it, frame by frame."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from llmtui import wording
from llmtui.state.session import SessionState
from llmtui.tui.glyphs import Glyphs
from llmtui.tui.projections.charts import charts
from llmtui.tui.projections.hardware import WINDOWS_S
from llmtui.tui.screens.scrolled import ScrolledScreen
from llmtui.tui.widgets.graph import Graph
from llmtui.tui.widgets.graph_lines import HEAT

FRAME_S = 0.5


class Charts(ScrolledScreen):
    """Aligned charts; `state` gives the session as it is now, which the screen below keeps up to date."""

    COLUMN = "charts"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,v", "close", "close"),
        Binding("plus,equals_sign", "window(1)", "longer"),
        Binding("minus", "window(-1)", "shorter"),
    ]
    DEFAULT_CSS = """
    Charts {
        & #charts-title { background: $panel; color: $foreground; text-style: bold; height: 1; padding: 0 1; }
        & #charts { padding: 0 1; scrollbar-size-vertical: 1; }
        & Graph { height: 6; margin-bottom: 1; }
        & Graph.-missing { height: auto; }
    }
    """

    def __init__(self, state: Callable[[], SessionState], glyphs: Glyphs, window: int) -> None:
        super().__init__()
        self._state = state
        self._glyphs = glyphs
        self._window = window
        self._seen: tuple[int, int] = (0, -1)

    def compose(self) -> ComposeResult:
        """Hold a title and the charts."""
        yield Static("", id="charts-title", markup=False)
        yield VerticalScroll(id="charts")

    def on_mount(self) -> None:
        """Show the first frame."""
        self._show()
        self.set_interval(FRAME_S, self._show_news)

    def _show_news(self) -> None:
        if self._mark() != self._seen:
            self._show()

    def _mark(self) -> tuple[int, int]:
        """Return what changes with each event, and with each jump in a replay."""
        state = self._state()
        return id(state), state.events

    def _show(self) -> None:
        state = self._state()
        self._seen = self._mark()
        span = wording.clock(WINDOWS_S[self._window] * 1e9)
        title = f"charts of the last {span}  (esc closes, + longer, - shorter; ticks: jobs, markers; {HEAT} heat)"
        self.query_one("#charts-title", Static).update(title, layout=False)
        column = self.column
        known = {graph.id: graph for graph in column.query(Graph)}
        for key, data in charts(state, WINDOWS_S[self._window]).items():
            name = f"chart-{key.replace('.', '-')}"
            graph = known.pop(name, None)
            if graph is None:
                graph = Graph(self._glyphs, id=name)
                column.mount(graph)
            graph.show(data)
        for graph in known.values():
            graph.remove()

    def action_window(self, steps: int) -> None:
        """Show a longer or shorter span."""
        self._window = max(0, min(len(WINDOWS_S) - 1, self._window + steps))
        self._show()
