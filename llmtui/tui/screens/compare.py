"""The comparison over the whole screen: charts with a line for each side, and below them the tables with verdicts."""

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from llmtui.state.overlays import Axis, OverlaySide
from llmtui.state.session import SessionState
from llmtui.tui.glyphs import Glyphs
from llmtui.tui.projections.overlays import legend, overlay_graphs
from llmtui.tui.screens.scrolled import ScrolledScreen
from llmtui.tui.widgets.graph import Graph

_SAID: dict[Axis, str] = {"time": "over time", "requests": "by the number of the request"}


class Compared(NamedTuple):
    """A comparison that was made: its tables as lines, and the sides for the charts (none where there are not two)."""

    lines: tuple[str, ...]
    sides: tuple[OverlaySide, ...] = ()


CompareRows = Callable[[SessionState, Sequence[str]], Compared]
"""Compares the selected rows of a session, or its variants where fewer than two are selected."""


class CompareScreen(ScrolledScreen):
    """Charts and tables of a comparison."""

    COLUMN = "compare"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,V", "close", "close"),
        Binding("n", "turn", "time or requests"),
        Binding("h,left", "move_sideways(-8)", show=False),
        Binding("l,right", "move_sideways(8)", show=False),
    ]
    DEFAULT_CSS = """
    CompareScreen {
        & #compare-title { background: $panel; color: $foreground; text-style: bold; height: 1; padding: 0 1; }
        & #compare-legend { color: $foreground; height: auto; padding: 0 1; }
        & #compare { padding: 0 1; scrollbar-size-vertical: 1; overflow-x: auto; }
        & Graph { height: 10; margin-bottom: 1; }
        & Graph.-missing { height: auto; }
        & #compare-text { width: auto; }
    }
    """

    def __init__(self, compared: Compared, glyphs: Glyphs) -> None:
        super().__init__()
        self._compared = compared
        self._glyphs = glyphs
        self._axis: Axis = "time"

    def compose(self) -> ComposeResult:
        """Hold a title, the legend, the charts and the tables."""
        yield Static("", id="compare-title", markup=False)
        if self._compared.sides:
            yield Static(legend(self._compared.sides), id="compare-legend", markup=False)
        with VerticalScroll(id="compare"):
            for key in overlay_graphs(self._compared.sides, self._axis) if self._compared.sides else ():
                yield Graph(self._glyphs, id=_name(key))
            yield Static("\n".join(self._compared.lines), id="compare-text", markup=False)

    def on_mount(self) -> None:
        """Show the charts."""
        self._show()

    def _show(self) -> None:
        sides = self._compared.sides
        keys = "(n changes the axis, " if sides else "("
        title = f"{len(sides)} sides {_SAID[self._axis]}" if sides else "nothing to compare"
        self.query_one("#compare-title", Static).update(f"compare: {title}  {keys}esc closes)", layout=False)
        for key, data in overlay_graphs(sides, self._axis).items() if sides else ():
            self.query_one(f"#{_name(key)}", Graph).show(data)

    def action_turn(self) -> None:
        """Draw over time, or by the number of the request."""
        self._axis = "requests" if self._axis == "time" else "time"
        self._show()


def _name(key: str) -> str:
    return f"overlay-{key.replace('.', '-')}"
