"""A screen over the session that is one long column, moved by the keys of a pager."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import ScrollableContainer
from textual.screen import Screen


class ScrolledScreen(Screen[None]):
    """Its column is the container with the id `COLUMN`; which keys close it is for each screen to say."""

    COLUMN: ClassVar[str]
    LINES_A_KEY: ClassVar[int] = 3
    LINES_A_PAGE: ClassVar[int] = 20

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move_lines(1)", show=False),
        Binding("k,up", "move_lines(-1)", show=False),
        Binding("ctrl+d,pagedown,space", "move_pages(1)", show=False),
        Binding("ctrl+u,pageup", "move_pages(-1)", show=False),
        Binding("g,home", "move_to_end(-1)", show=False),
        Binding("G,end", "move_to_end(1)", show=False),
    ]

    @property
    def column(self) -> ScrollableContainer:
        """What is scrolled."""
        return self.query_one(f"#{self.COLUMN}", ScrollableContainer)

    def action_close(self) -> None:
        """Go back."""
        self.dismiss()

    def action_move_lines(self, keys: int) -> None:
        """Move down, or up (negative), by so many presses of a key."""
        self.column.scroll_relative(y=keys * self.LINES_A_KEY, animate=False)

    def action_move_pages(self, pages: int) -> None:
        """Move down, or up (negative), by pages."""
        self.column.scroll_relative(y=pages * self.LINES_A_PAGE, animate=False)

    def action_move_to_end(self, side: int) -> None:
        """Move to the first line (-1) or to the last one (1)."""
        self.column.scroll_relative(y=side * self.column.virtual_size.height, animate=False)

    def action_move_sideways(self, columns: int) -> None:
        """Move to the right, or left (negative), where the column is wider than the screen."""
        self.column.scroll_relative(x=columns, animate=False)
