"""A page of text above the session: help, or the details of a job."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from llmtui.tui.screens.scrolled import ScrolledScreen


class Page(ScrolledScreen):
    """Lines that can be scrolled; esc, q or enter closes it."""

    COLUMN = "page"
    LINES_A_KEY = 1
    LINES_A_PAGE = 12

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark", "close", "close"),
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
