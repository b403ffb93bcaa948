"""The home screen: servers, suites and sessions that were found, and the one key to press."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.screen import Screen
from textual.widgets import Static

from llmtui.events import HardwareSnapshot, Server
from llmtui.tui.actions import key_name
from llmtui.tui.glyphs import Glyphs
from llmtui.tui.screens.home_rows import (
    SessionChoice,
    SuiteChoice,
    machine_line,
    server_row,
    session_row,
    suite_row,
)
from llmtui.tui.screens.page import Page
from llmtui.tui.screens.selftest import SelftestLine, SelftestScreen
from llmtui.tui.widgets.rows import Column, Row, Rows

LISTS = ("suites", "servers", "sessions")


class HomeSources(NamedTuple):
    """Where the home screen gets what it shows, and what it can ask for. The screen itself finds nothing out."""

    discover: Callable[[], AsyncIterator[Server]]
    hardware: Callable[[], Awaitable[HardwareSnapshot]]
    suites: Callable[[], Sequence[SuiteChoice]]
    sessions: Callable[[], Sequence[SessionChoice]]
    start: Callable[[str, str | None], Awaitable[None]]
    open: Callable[[str], Awaitable[None]]
    selftest: Callable[[], AsyncGenerator[SelftestLine]]
    compare: Callable[[Sequence[str]], Awaitable[None]] | None = None
    history: Callable[[str], Awaitable[None]] | None = None


class HomeScreen(Screen[None]):
    """Three lists. Enter starts or opens what is under the cursor."""

    AUTO_FOCUS = "#suites Rows"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - declared by Textual as it is
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall")]  # noqa: RUF012 - declared by Textual as it is
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "app.quit", "leave"),
        Binding("tab", "next_list(1)", "next list"),
        Binding("shift+tab", "next_list(-1)", "list before"),
        Binding("1", "go('suites')", "to the suites"),
        Binding("2", "go('servers')", "to the servers"),
        Binding("3", "go('sessions')", "to the sessions"),
        Binding("j,down", "move(1)", "one row down"),
        Binding("k,up", "move(-1)", "one row up"),
        Binding("h,left", "sideways(-1)", "what stands further left"),
        Binding("l,right", "sideways(1)", "what stands further right"),
        Binding("g,home", "move(-100000)", "to the first row"),
        Binding("G,end", "move(100000)", "to the last row"),
        Binding("enter", "choose", "start or open"),
        Binding("r", "refresh_all", "look again"),
        Binding("t", "selftest", "self-test"),
        Binding("space", "select", "select a session"),
        Binding("V", "compare", "compare the selected sessions"),
        Binding("H", "history", "all sessions of this suite and model"),
        Binding("question_mark,f1", "help", "help"),
        Binding("colon,ctrl+p", "app.command_palette", "palette"),
        Binding("escape", "calm", show=False),
    ]
    DEFAULT_CSS = """
    HomeScreen {
        & #machine { height: auto; padding: 0 1; background: $panel; color: $foreground; }
        & #hint { height: auto; padding: 0 1; color: $accent; text-style: bold; }
        & #footer { height: 1; padding: 0 1; background: $panel; color: $foreground-muted; }
        & .list {
            border: round $foreground 25%; height: 1fr; border-title-color: $foreground-muted;
            &:focus-within { border: round $accent; border-title-color: $accent; }
        }
        & #lists { layout: grid; grid-size: 2 2; height: 1fr; & #sessions { column-span: 2; } }
        &.-narrow #lists { grid-size: 1 3; & #sessions { column-span: 1; } }
        &.-short {
            & #machine { height: 1; }
            & #lists { layout: vertical; }
            & .list { height: 0; border: none; &:focus-within { height: 1fr; border: round $accent; } }
        }
    }
    """

    def __init__(self, sources: HomeSources, glyphs: Glyphs) -> None:
        super().__init__()
        self._sources = sources
        self._glyphs = glyphs
        self._suites: dict[str, SuiteChoice] = {}
        self._servers: dict[str, Server] = {}

    def compose(self) -> ComposeResult:
        """Lay out the machine's line, the lists, the hint and the footer."""
        yield Static("llmtui  looking at this machine", id="machine", markup=False)
        with Container(id="lists"):
            yield from self._list("suites", (Column("suite"), Column("what"), Column("runs on")), "no suites")
            yield from self._list(
                "servers", (Column("server"), Column("address"), Column("models")), "looking for servers"
            )
            yield from self._list(
                "sessions",
                (Column("session"), Column("state"), Column("suite"), Column("verdicts"), Column("models")),
                "no sessions yet",
            )
        yield Static("", id="hint", markup=False)
        yield Static(
            "q leave  ? help  tab next list  r look again  t self-test  space select  V compare  H history",
            id="footer",
            markup=False,
        )

    def _list(self, name: str, columns: Sequence[Column], empty: str) -> ComposeResult:
        box = Vertical(id=name, classes="list")
        box.border_title = f"{LISTS.index(name) + 1} {name}"
        with box:
            yield Rows(columns, empty=empty, headings=False, more=self._glyphs.more)

    def on_mount(self) -> None:
        """Fill the lists; what takes time comes later."""
        self.action_refresh_all()

    def on_screen_resume(self) -> None:
        """Show the session that was just left, and again what enter does."""
        self._hint()
        self.run_worker(self._fill_sessions(), exclusive=True, group="sessions")

    def rows(self, name: str) -> Rows:
        """Return a list by its name."""
        return self.query_one(f"#{name} Rows", Rows)

    def action_refresh_all(self) -> None:
        """Look for everything again."""
        choices = self._sources.suites()
        self._suites = {choice.name: choice for choice in choices}
        self.rows("suites").show([suite_row(choice) for choice in choices])
        if "quick" in self._suites:
            self.rows("suites").place_cursor(list(self._suites).index("quick"))
        self.run_worker(self._fill_sessions(), exclusive=True, group="sessions")
        self.run_worker(self._find_servers(), exclusive=True, group="servers")
        self.run_worker(self._find_hardware(), exclusive=True, group="hardware")
        self._hint()

    async def _fill_sessions(self) -> None:
        """List the sessions in a thread: there may be hundreds, and their files are long."""
        choices = await asyncio.to_thread(self._sources.sessions)
        self.rows("sessions").show([session_row(choice) for choice in choices])

    async def _find_servers(self) -> None:
        self._servers = {}
        async for server in self._sources.discover():
            self._servers[server.url] = server
            self.rows("servers").show([server_row(server) for server in self._servers.values()])
            self._hint()
        if not self._servers:
            self.rows("servers").show([Row("", ("none found: start one, or run llmtui --url URL", "", ""), "dim")])
        self._hint()

    async def _find_hardware(self) -> None:
        self.query_one("#machine", Static).update(machine_line(await self._sources.hardware()))

    def _hint(self) -> None:
        """Say what enter does here and now."""
        focused = self._focused_list()
        key = self.rows(focused).cursor_key
        if focused == "suites" and key:
            text = f"enter runs {key}"
        elif focused == "servers" and key:
            text = f"enter runs quick on {key}"
        elif focused == "sessions" and key:
            text = self._session_hint(key)
        else:
            text = "tab goes to the suites"
        self.query_one("#hint", Static).update(text)

    def _session_hint(self, key: str) -> str:
        count = len(self.rows("sessions").selected)
        if count > 1:
            return f"V compares the {count} selected sessions, the oldest as the baseline"
        if count:
            return "one session is selected: select another one with space, then V compares them"
        return f"enter opens {key}; select two with space to compare them by V"

    def _focused_list(self) -> str:
        for name in LISTS:
            if self.rows(name).has_focus:
                return name
        return LISTS[0]

    def action_go(self, name: str) -> None:
        """Go to a list."""
        self.rows(name).focus()
        self.call_after_refresh(self._hint)

    def action_next_list(self, steps: int) -> None:
        """Go to the next list."""
        self.action_go(LISTS[(LISTS.index(self._focused_list()) + steps) % len(LISTS)])

    def action_move(self, steps: int) -> None:
        """Move the cursor."""
        self.rows(self._focused_list()).move_cursor(steps)
        self._hint()

    def action_sideways(self, steps: int) -> None:
        """Show what stands further to the side."""
        self.rows(self._focused_list()).move_sideways(steps)

    async def action_choose(self) -> None:
        """Start the suite, measure the server, or open the session under the cursor."""
        focused = self._focused_list()
        key = self.rows(focused).cursor_key
        if not key:
            return
        if focused == "suites":
            problem = self._suites[key].problem
            if problem is not None:
                self.app.push_screen(Page(key, [problem]))
                return
            self.query_one("#hint", Static).update(f"starting {key}")
            await self._sources.start(key, None)
        elif focused == "servers":
            self.query_one("#hint", Static).update(f"starting quick on {key}")
            await self._sources.start("quick", key)
        else:
            await self._sources.open(key)

    def action_select(self) -> None:
        """Select the session under the cursor, or no longer."""
        if self._focused_list() == "sessions":
            self.rows("sessions").toggle_selected()
        self._hint()

    async def action_compare(self) -> None:
        """Compare the selected sessions, oldest first; of one alone its variants."""
        keys = self.rows("sessions").chosen_keys()[::-1]
        if keys and self._sources.compare is not None:
            self.say(f"comparing {len(keys)} sessions" if len(keys) > 1 else f"comparing the variants of {keys[0]}")
            await self._sources.compare(keys)
            self._hint()

    async def action_history(self) -> None:
        """Show the figures of all sessions of this session's suite and model."""
        key = self.rows("sessions").cursor_key
        if key and self._sources.history is not None:
            await self._sources.history(key)

    def action_selftest(self) -> None:
        """Prove on this machine that the figures are right."""
        self.app.push_screen(SelftestScreen(self._sources.selftest))

    def say(self, text: str) -> None:
        """Show a sentence where the hint stands."""
        self.query_one("#hint", Static).update(text)

    def action_help(self) -> None:
        """Say what is where."""
        keys = [
            f"  {', '.join(map(key_name, binding.key.split(','))):<12} {binding.description}"
            for binding in self.BINDINGS
            if isinstance(binding, Binding) and binding.description
        ]
        self.app.push_screen(
            Page("help: home", ["Suites to run, servers that were found, sessions on the disk.", "", *keys])
        )

    def action_calm(self) -> None:
        """Do nothing: escape never leaves."""
        self._hint()
