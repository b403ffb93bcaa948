"""The self-test: its progress while it runs, then its table."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import ScrollableContainer
from textual.widgets import Static

from llmtui import wording
from llmtui.tui.screens.scrolled import ScrolledScreen

RUNNING = "selftest: measures a server whose truth is known, for about a minute  (esc cancels)"
ENDED = "selftest  (esc closes)"


class SelftestLine(NamedTuple):
    """A line that the self-test wrote; one of `progress` takes the place of the one before."""

    text: str
    progress: bool


class SelftestScreen(ScrolledScreen):
    """Runs a self-test by `run`, whose generator ends its child when it is closed."""

    COLUMN = "selftest"
    LINES_A_KEY = 1
    LINES_A_PAGE = 12

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "cancel or close"),
        Binding("h,left", "move_sideways(-8)", show=False),
        Binding("l,right", "move_sideways(8)", show=False),
    ]
    DEFAULT_CSS = """
    SelftestScreen {
        & #selftest-title { background: $panel; color: $foreground; text-style: bold; height: 1; padding: 0 1; }
        & #selftest { height: 1fr; padding: 0 1; overflow: auto auto; }
        & #selftest-report { width: auto; }
        & #selftest-status { height: auto; max-height: 3; padding: 0 1; background: $panel; color: $accent; }
    }
    """

    def __init__(self, run: Callable[[], AsyncGenerator[SelftestLine]]) -> None:
        super().__init__()
        self._run = run
        self._report: list[str] = []

    def compose(self) -> ComposeResult:
        """Lay out the title, the report and the line that says how far it is; markup is not interpreted."""
        yield Static(RUNNING, id="selftest-title", markup=False)
        with ScrollableContainer(id="selftest"):
            yield Static("", id="selftest-report", markup=False)
        yield Static("starting", id="selftest-status", markup=False)

    def on_mount(self) -> None:
        """Start it."""
        self.run_worker(self._follow(), exclusive=True)

    async def _follow(self) -> None:
        try:
            async with aclosing(self._run()) as lines:
                async for line in lines:
                    self._take(line)
        except OSError as error:
            self._status(f"the self-test could not be started: {error.strerror or error}")
        self.query_one("#selftest-title", Static).update(ENDED)

    def _take(self, line: SelftestLine) -> None:
        text = wording.visible(line.text)
        if not line.progress:
            self._report.append(text)
            self.query_one("#selftest-report", Static).update("\n".join(self._report))
        # The report's last line is its verdict.
        self._status(text)

    def _status(self, text: str) -> None:
        self.query_one("#selftest-status", Static).update(text)

    def action_close(self) -> None:
        """Go back; a self-test that still runs is cancelled with the screen."""
        self.workers.cancel_node(self)
        self.dismiss()
