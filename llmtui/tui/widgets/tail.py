"""The token pane: text as it comes. It follows the end until the reader scrolls up, and then stays where it is."""

from typing import ClassVar

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from llmtui.tui.widgets.wrapping import WrappedText

KEPT_PIECES = 4000
SCROLL_SHARE = 5
"""While it follows, the view moves by a fifth of its height at once: each move sends the whole pane to the terminal."""


class Tail(Widget):
    """Appended text, wrapped by cells. Only rows that changed are drawn again."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"tail--answer", "tail--reasoning", "tail--heading", "tail--notice"}
    DEFAULT_CSS = """
    Tail {
        height: 1fr;
        min-height: 1;
        & .tail--answer { color: $foreground; }
        & .tail--reasoning { color: $foreground-muted; text-style: italic; }
        & .tail--heading { color: $accent; text-style: bold; }
        & .tail--notice { color: $background; background: $accent; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._pieces: list[tuple[str, str]] = []
        self._text = WrappedText(80)
        self._top = 0
        self._following = True
        self._unread_from = 0

    @property
    def following(self) -> bool:
        """Whether the end is in view and stays there."""
        return self._following

    @property
    def unread(self) -> int:
        """Lines that came below the view since the reader scrolled up."""
        return 0 if self._following else max(0, self._end - self._unread_from)

    @property
    def _end(self) -> int:
        return self._text.dropped + len(self._text.lines)

    def append(self, text: str, kind: str) -> None:
        """Add a piece of text of a kind: answer, reasoning or heading."""
        if kind == "heading":
            self._text.end_line()
        self._pieces.append((text, kind))
        if len(self._pieces) > 2 * KEPT_PIECES:
            self._merge_pieces()
        first = self._text.append(text, kind)
        self._show_from(first)

    def clear(self) -> None:
        """Forget everything."""
        self._pieces.clear()
        self._text = WrappedText(max(1, self.size.width))
        self._top, self._following = 0, True
        self.refresh()

    def scroll_lines(self, lines: int) -> None:
        """Move the view; upwards it stops following, and at the end it follows again."""
        last = max(self._text.dropped, self._end - self.size.height)
        was_following = self._following
        self._top = max(self._text.dropped, min(last, self._top + lines))
        self._following = self._top >= last
        if was_following and not self._following:
            self._unread_from = self._end
        self.refresh()

    def scroll_to_start(self) -> None:
        """Go to the oldest line."""
        self.scroll_lines(-self._end)

    def scroll_to_last(self) -> None:
        """Go to the end and follow it."""
        self.scroll_lines(self._end + 1)

    def _merge_pieces(self) -> None:
        """Keep the newest pieces only: a resize then has less to wrap than was ever shown."""
        del self._pieces[: len(self._pieces) - KEPT_PIECES]

    def _show_from(self, first: int) -> None:
        height, width = self.size.height, self.size.width
        if not height:
            return
        if self._following:
            if self._end - self._top > height or self._top < self._text.dropped:
                self._top = max(self._text.dropped, self._end - height + height // SCROLL_SHARE)
                self.refresh()
                return
            row = max(0, first - self._top)
            self.refresh(Region(0, row, width, min(height - row, self._end - first)))
        elif self._top < self._text.dropped:
            self._top = self._text.dropped
            self.refresh()
        else:
            self.refresh(Region(0, height - 1, width, 1))

    def on_resize(self) -> None:
        """Wrap anew for the new width."""
        width = max(1, self.size.width)
        if width != self._text.width:
            self._text = WrappedText(width)
            for text, kind in self._pieces:
                if kind == "heading":
                    self._text.end_line()
                self._text.append(text, kind)
            self._following = True
        self._top = max(self._text.dropped, self._end - self.size.height)

    def render_line(self, y: int) -> Strip:
        """Return the line at row `y` of the view."""
        width = self.size.width
        if y == self.size.height - 1 and self.unread:
            notice = f" ↓ {self.unread} new lines, G to follow "
            return Strip([Segment(notice[:width], self.get_component_rich_style("tail--notice"))]).adjust_cell_length(
                width, self.rich_style
            )
        place = self._top - self._text.dropped + y
        if not 0 <= place < len(self._text.lines):
            return Strip.blank(width, self.rich_style)
        kind, line = self._text.lines[place]
        style = self.get_component_rich_style(f"tail--{kind}")
        return Strip([Segment(line, style)]).adjust_cell_length(width, self.rich_style)
