"""A page of text above the session: help, or the details of a job."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static


class Page(Screen[None]):
    """Lines that can be scrolled; esc, q or enter closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark", "close", "close"),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("ctrl+d,pagedown,space", "scroll(12)", show=False),
        Binding("ctrl+u,pageup", "scroll(-12)", show=False),
        Binding("g,home", "scroll(-100000)", show=False),
        Binding("G,end", "scroll(100000)", show=False),
    ]
    DEFAULT_CSS = """
    Page {
        & #page { padding: 0 1; }
        & #page-title { background: $panel; color: $foreground; text-style: bold; height: 1; padding: 0 1; }
    }
    """

    def __init__(self, title: str, lines: Sequence[str]) -> None:
        super().__init__()
        self._title = title
        self._lines = lines

    def compose(self) -> ComposeResult:
        """Show title and text; markup in it is not interpreted."""
        yield Static(f"{self._title}  (esc closes)", id="page-title", markup=False)
        with VerticalScroll(id="page"):
            yield Static("\n".join(self._lines), markup=False)

    def action_close(self) -> None:
        """Go back."""
        self.dismiss()

    def action_scroll(self, lines: int) -> None:
        """Move the text."""
        self.query_one("#page", VerticalScroll).scroll_relative(y=lines, animate=False)
