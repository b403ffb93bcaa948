"""The heat map over the whole screen: it follows the session below it, and its cursor tells of one point."""

from collections.abc import Callable, Iterator
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Static

from llmtui.state.session import SessionState
from llmtui.tui.glyphs import Glyphs
from llmtui.tui.projections.heat_map import HeatCell, HeatCursor, HeatMap, heat_map, next_figure

FRAME_S = 0.5
KEYS = "arrows: point   f: figure   n: slice   w: workload   esc: close"
GAP = 2
LEAST_ROWS = 2

_BEST = Style(bold=True)
_WORST = Style(dim=True)
_HERE = Style(reverse=True)


class HeatMapScreen(Screen[None]):
    """Shows the surface of a grid; `state` gives the session as it is now, which the screen below keeps up to date."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,H", "close", "close"),
        Binding("j,down", "move(1, 0)", show=False),
        Binding("k,up", "move(-1, 0)", show=False),
        Binding("l,right", "move(0, 1)", show=False),
        Binding("h,left", "move(0, -1)", show=False),
        Binding("f", "figure", show=False),
        Binding("n", "slice(1)", show=False),
        Binding("N", "slice(-1)", show=False),
        Binding("w", "workload", show=False),
    ]
    DEFAULT_CSS = """
    HeatMapScreen {
        & #heat-title { background: $panel; color: $foreground; text-style: bold; height: 1; padding: 0 1; }
        & #heat { height: 1fr; padding: 0 1; }
        & #heat-told { height: auto; max-height: 50%; padding: 0 1; }
        & #heat-keys { height: 1; padding: 0 1; color: $foreground-muted; }
    }
    """

    def __init__(self, state: Callable[[], SessionState], glyphs: Glyphs, figure: str) -> None:
        super().__init__()
        self._state = state
        self._glyphs = glyphs
        self._cursor = HeatCursor(figure)
        self._seen: tuple[int, int] = (0, -1)

    def compose(self) -> ComposeResult:
        """Hold title, map, what is told of it, and the keys."""
        yield Static("", id="heat-title", markup=False)
        yield Static("", id="heat", markup=False)
        yield Static("", id="heat-told", markup=False)
        yield Static(KEYS, id="heat-keys", markup=False)

    def on_mount(self) -> None:
        """Show the first frame."""
        self._show()
        self.call_after_refresh(self._show)
        self.set_interval(FRAME_S, self._show_news)

    def on_resize(self, _event: events.Resize) -> None:
        """Fit the map to the new size."""
        self.call_after_refresh(self._show)

    def _show_news(self) -> None:
        state = self._state()
        if (id(state), state.events) != self._seen:
            self._show()

    def _show(self) -> None:
        state = self._state()
        self._seen = id(state), state.events
        shown = heat_map(state, self._cursor, self._glyphs)
        self._cursor = shown.cursor
        self.query_one("#heat-title", Static).update(f"heat map of {shown.title}", layout=False)
        told = (shown.scale, *shown.lines)
        self.query_one("#heat-told", Static).update("\n".join(line for line in told if line))
        area = self.query_one("#heat", Static)
        size = area.content_size
        area.update(Text("\n").join(map_lines(shown, size.width or 80, size.height or 24)), layout=False)

    def action_close(self) -> None:
        """Go back."""
        self.dismiss()

    def action_move(self, rows: int, columns: int) -> None:
        """Go to another point."""
        self._cursor = self._cursor._replace(row=self._cursor.row + rows, column=self._cursor.column + columns)
        self._show()

    def action_figure(self) -> None:
        """Show the next figure of which there are values."""
        self._cursor = next_figure(self._state(), self._cursor)
        self._show()

    def action_slice(self, steps: int) -> None:
        """Go to another combination of the parameters that are no axes."""
        self._cursor = self._cursor._replace(slice=self._cursor.slice + steps)
        self._show()

    def action_workload(self) -> None:
        """Show the grid of the next workload or model."""
        self._cursor = self._cursor._replace(surface=self._cursor.surface + 1, slice=0, row=0, column=0)
        self._show()


def map_lines(shown: HeatMap, width: int, height: int) -> Iterator[Text]:
    """Yield the map as lines, those rows and columns around the cursor for which there is room."""
    if not shown.rows:
        return
    label = max(len(shown.corner), *(len(row.label) for row in shown.rows))
    cell = max(
        *(len(heading) + 1 for heading in shown.headings), *(len(one.text) for row in shown.rows for one in row.cells)
    )
    fit = max(1, (width - label) // (cell + GAP))
    first, last = _window(shown.cursor.column, len(shown.headings), fit)
    heads = "".join(f"{'':{GAP}}{heading:>{cell - 1}} " for heading in shown.headings[first:last])
    beyond = f"  columns {first + 1} to {last} of {len(shown.headings)}" if fit < len(shown.headings) else ""
    yield Text(f"{shown.corner:<{label}}{heads}".rstrip(), no_wrap=True)
    top, bottom = _window(shown.cursor.row, len(shown.rows), max(LEAST_ROWS, height - 2))
    for row in shown.rows[top:bottom]:
        line = Text(f"{row.label:<{label}}", no_wrap=True)
        for one in row.cells[first:last]:
            line.append(" " * GAP).append(f"{one.text:>{cell}}", _style(one))
        yield line
    if bottom - top < len(shown.rows):
        beyond = f"  rows {top + 1} to {bottom} of {len(shown.rows)}{',' if beyond else ''}{beyond}"
    if beyond:
        yield Text(beyond.strip(), no_wrap=True)


def _window(cursor: int, count: int, fit: int) -> tuple[int, int]:
    """Return from where to where `count` things are shown, when `fit` of them fit and the cursor must be among them."""
    first = max(0, min(cursor - fit // 2, count - fit))
    return first, min(count, first + fit)


def _style(cell: HeatCell) -> Style:
    if cell.here:
        return _HERE
    if cell.best:
        return _BEST
    return _WORST if cell.level == 0 else Style.null()
