"""A list of rows in columns, with a cursor: the queue, the results, the alerts and all lists of the home screen."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

GAP = 2
STEP = 8


class Column(NamedTuple):
    """A column's heading; numbers stand to the right."""

    title: str
    number: bool = False


class Row(NamedTuple):
    """A row: its key, its cells, and a tone (normal, good, bad, warn, dim) that says no more than its words."""

    key: str
    cells: tuple[str, ...]
    tone: str = "normal"


class Rows(Widget, can_focus=True):
    """Rows under headings. Columns are as wide as their widest cell; what does not fit is reached sideways."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *("rows--heading", "rows--cursor", "rows--normal", "rows--good", "rows--bad", "rows--warn", "rows--dim"),
        *("rows--empty", "rows--more"),
    }
    DEFAULT_CSS = """
    Rows {
        height: 1fr;
        min-height: 1;
        & .rows--heading { color: $foreground-muted; text-style: underline; }
        & .rows--cursor { text-style: reverse; }
        & .rows--normal { color: $foreground; }
        & .rows--good { color: $success; }
        & .rows--bad { color: $error; }
        & .rows--warn { color: $warning; }
        & .rows--dim { color: $foreground-muted; }
        & .rows--empty { color: $foreground-muted; text-style: italic; }
        & .rows--more { color: $accent; text-style: bold; }
    }
    """

    class Chosen(Message):
        """Enter was pressed on a row."""

        def __init__(self, rows: "Rows", key: str) -> None:
            super().__init__()
            self.rows = rows
            self.key = key

        @property
        def control(self) -> "Rows":
            """The list it happened in."""
            return self.rows

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        empty: str = "",
        headings: bool = True,
        follow: bool = False,
        more: str = ">",
        id: str | None = None,  # noqa: A002 - Textual's own name
    ) -> None:
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._headings = headings
        self._empty = empty
        self._follow = follow
        self._more = more
        self._rows: tuple[Row, ...] = ()
        self._widths: list[int] = []
        self._cursor = 0
        self._top = 0
        self._left = 0
        self.selected: set[str] = set()

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is shown."""
        return self._rows

    @property
    def columns(self) -> tuple[Column, ...]:
        """The headings."""
        return self._columns

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor."""
        return self._rows[self._cursor].key if self._rows else None

    def chosen_keys(self) -> list[str]:
        """Return the selected rows in their order, else the one under the cursor."""
        picked = [row.key for row in self._rows if row.key in self.selected]
        return picked or ([self.cursor_key] if self.cursor_key is not None else [])

    def show(self, rows: Sequence[Row], columns: Sequence[Column] | None = None) -> None:
        """Show `rows`; the cursor stays on its row, wherever that went, and only rows that changed are drawn.

        `columns` take the place of those so far.
        """
        rows = tuple(rows)
        if columns is not None and tuple(columns) != self._columns:
            self._columns = tuple(columns)
            self._widths = []
        elif rows == self._rows:
            return
        before, key, at_end = self._rows, self.cursor_key, self._cursor >= len(self._rows) - 1
        self._rows = rows
        keys = [row.key for row in rows]
        self.selected &= set(keys)
        if self._follow and at_end:
            self._cursor = max(0, len(rows) - 1)
        elif key in keys:
            self._cursor = keys.index(key)
        self._cursor = max(0, min(self._cursor, len(rows) - 1))
        widths = [
            max([cell_len(column.title), *(cell_len(row.cells[place]) for row in rows)])
            for place, column in enumerate(self._columns)
        ]
        top = self._top
        self._scroll_into_view()
        if widths != self._widths or top != self._top or len(rows) != len(before):
            self._widths = widths
            self.refresh()
            return
        for place, (old, new) in enumerate(zip(before, rows, strict=True)):
            if old != new:
                self._refresh_row(place)

    def move_cursor(self, steps: int) -> None:
        """Move the cursor up or down."""
        self.place_cursor(self._cursor + steps)

    def place_cursor(self, place: int) -> None:
        """Put the cursor on the row number `place`, or on the nearest there is."""
        place = max(0, min(place, len(self._rows) - 1))
        if place != self._cursor:
            self._cursor = place
            self._scroll_into_view()
            self.refresh()

    def move_sideways(self, steps: int) -> None:
        """Show what stands further to the right or left."""
        left = max(0, min(self._left + steps * STEP, self._full_width() - self.size.width))
        if left != self._left:
            self._left = left
            self.refresh()

    def toggle_selected(self) -> None:
        """Select the row under the cursor, or no longer."""
        if self.cursor_key is not None:
            self.selected ^= {self.cursor_key}
            self._refresh_row(self._cursor)

    def clear_selected(self) -> None:
        """Select nothing."""
        if self.selected:
            self.selected = set()
            self.refresh()

    def choose(self) -> None:
        """Tell that the row under the cursor was chosen."""
        if self.cursor_key is not None:
            self.post_message(self.Chosen(self, self.cursor_key))

    @property
    def page(self) -> int:
        """How many rows are in view."""
        return max(1, self.size.height - self._headings)

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.refresh()

    def on_resize(self) -> None:
        """Keep the cursor in view, and show all rows where there is room for them now."""
        top = self._top
        self._scroll_into_view()
        if self._top != top:
            self.refresh()

    def _full_width(self) -> int:
        return sum(self._widths) + GAP * max(0, len(self._widths) - 1) + 1

    def _scroll_into_view(self) -> None:
        page = self.page
        self._top = max(0, min(self._top, len(self._rows) - page))
        if self._cursor < self._top:
            self._top = self._cursor
        elif self._cursor >= self._top + page:
            self._top = self._cursor - page + 1

    def _refresh_row(self, place: int) -> None:
        y = place - self._top + self._headings
        if self._headings <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """Return the heading or a row."""
        width = self.size.width
        if not self._rows:
            style = self.get_component_rich_style("rows--empty")
            text = self._empty[y * width : (y + 1) * width]
            return Strip([Segment(text, style)]).adjust_cell_length(width, self.rich_style)
        if self._headings and y == 0:
            cells = [column.title for column in self._columns]
            return self._line(" ", cells, self.get_component_rich_style("rows--heading"), hint=True)
        place = self._top + y - self._headings
        if place >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        row = self._rows[place]
        style = self.get_component_rich_style(f"rows--{row.tone}")
        if place == self._cursor and self.has_focus:
            style += self.get_component_rich_style("rows--cursor", partial=True)
        return self._line("*" if row.key in self.selected else " ", row.cells, style)

    def _line(self, mark: str, cells: Sequence[str], style: Style, *, hint: bool = False) -> Strip:
        parts = []
        for column, cell, size in zip(self._columns, cells, self._widths, strict=True):
            padding = " " * (size - cell_len(cell))
            parts.append(padding + cell if column.number else set_cell_size(cell, size))
        text = mark + (" " * GAP).join(parts)
        width = self.size.width
        strip = Strip([Segment(text, style)])
        strip = strip.crop(self._left, self._left + width).adjust_cell_length(width, style)
        if hint and self._full_width() - self._left > width:
            more = Strip([Segment(self._more, self.get_component_rich_style("rows--more"))])
            strip = Strip.join([strip.crop(0, width - 1), more])
        return strip
