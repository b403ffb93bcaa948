"""The app: wires screens, theme, signals and the byte counter together, and nothing else."""

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.theme import Theme

from llmtui.tui import theme
from llmtui.tui.actions import ACTIONS
from llmtui.tui.driver import TerminalDriver
from llmtui.tui.glyphs import Glyphs, glyphs_of
from llmtui.tui.key_order import OrderedApp
from llmtui.tui.profile import Profile

if TYPE_CHECKING:
    from llmtui.tui.copying import SessionTexts
    from llmtui.tui.frame import Source
    from llmtui.tui.screens.compare import CompareRows
    from llmtui.tui.screens.session import SessionScreen
    from llmtui.tui.screens.view import Again, Send


END_WITHIN_S = 5.0
"""So long after a signal the app may take to end."""


class LlmtuiApp(OrderedApp):
    """Opens on one screen: a session, or home."""

    ENABLE_COMMAND_PALETTE = True
    TITLE = "llmtui"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "hint_leave", show=False, priority=True)]

    def __init__(
        self,
        first: Callable[["LlmtuiApp"], Screen[None]],
        profile: Profile,
        settings_folder: Path | None,
        compare: "CompareRows | None" = None,
        texts: "SessionTexts | None" = None,
    ) -> None:
        self._themes = theme.load_themes(settings_folder)
        self._wanted = profile.theme or theme.DEFAULT
        chosen = self._themes.get(self._wanted)
        # Textual decides at its start how NO_COLOR is obeyed, and does it right only when it knows of the ansi theme.
        super().__init__(driver_class=TerminalDriver, ansi_color=True if chosen is not None and chosen.ansi else None)
        self._first = first
        self._profile = profile
        self._compare = compare
        self._texts = texts
        self._interrupts = 0
        self.glyphs: Glyphs = glyphs_of(profile.tier)

    def on_mount(self) -> None:
        """Set theme and signals, open the first screen, and leave start-up's objects out of every collection."""
        for known in self._themes.values():
            self.register_theme(known)
        chosen = self._themes.get(self._wanted)
        if chosen is None:
            names = ", ".join(self._themes)
            self.exit(return_code=2, message=f"there is no theme `{self._wanted}`; there are: {names}")
            return
        self.theme = chosen.name
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda _number, _frame: self._end(loop))
        self.push_screen(self._first(self), self._first_closed)
        self.call_after_refresh(gc.freeze)

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        """End the app; hard, when a terminal that takes nothing more keeps it from ending by itself.

        The loop waits for such a terminal, so this is called between two of its steps, and the rest by a thread.
        """
        loop.call_soon_threadsafe(self.exit)
        hard = threading.Timer(END_WITHIN_S, self._end_hard)
        hard.daemon = True
        hard.start()

    def _end_hard(self) -> None:
        if isinstance(self._driver, TerminalDriver):
            self._driver.let_go()
        os._exit(1)

    def _first_closed(self, _result: object) -> None:
        self.exit()

    def open_session(
        self,
        source: "Source",
        send: "Send | None",
        *,
        replay: bool,
        state_folder: Path,
        again: "Again | None" = None,
    ) -> "SessionScreen":
        """Return a screen for a session, ready to be pushed."""
        # Imported here so that the home screen, which comes first, is on the terminal sooner.
        from llmtui.tui.screens.session import SessionScreen  # noqa: PLC0415
        from llmtui.tui.screens.view import View  # noqa: PLC0415

        view = View(
            source=source,
            send=send,
            replay=replay,
            glyphs=self.glyphs,
            frame_s=self._profile.frame_s,
            state_folder=state_folder,
            bytes_sent=self._bytes_sent,
            compare=self._compare,
            again=again,
            texts=self._texts,
        )
        return SessionScreen(view)

    def _bytes_sent(self) -> int:
        return self._driver.terminal.bytes_sent if isinstance(self._driver, TerminalDriver) else 0

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Offer every action of the registry, and the themes, in the palette."""
        situation = getattr(screen, "situation", None)
        if situation is not None:
            for action in ACTIONS:
                if action.id != "palette":
                    reason = action.why_off(situation)
                    text = f"{action.help}{f' (off: {reason})' if reason else ''}"
                    yield SystemCommand(action.title, text, self._doer(screen, action.id))
        for name, known in self._themes.items():
            yield SystemCommand(f"theme {name}", "Change the colours", self._themer(known))

    def _doer(self, screen: Screen[Any], name: str) -> Callable[[], Any]:
        def do() -> None:
            self.call_later(screen.run_action, f"do('{name}')")

        return do

    def _themer(self, known: Theme) -> Callable[[], Any]:
        def change() -> None:
            self.ansi_color = True if known.ansi else None
            self.theme = known.name

        return change

    def action_hint_leave(self) -> None:
        """Leave at the second ctrl+c; the first one says so."""
        self._interrupts += 1
        if self._interrupts > 1:
            self.exit()
            return
        self.notify("q leaves; ctrl+c again leaves at once, a run goes on", timeout=3)
        self.set_timer(3, self._forget_interrupt)

    def _forget_interrupt(self) -> None:
        self._interrupts = 0


def run_app(
    first: Callable[[LlmtuiApp], Screen[None]],
    profile: Profile,
    settings_folder: Path | None = None,
    compare: "CompareRows | None" = None,
    texts: "SessionTexts | None" = None,
) -> int:
    """Run the app to its end and return the exit code."""
    app = LlmtuiApp(first, profile, settings_folder, compare, texts)
    app.run(mouse=profile.mouse)
    return app.return_code or 0


def view_session(
    source: "Source",
    send: "Send | None",
    *,
    replay: bool,
    profile: Profile,
    settings_folder: Path,
    state_folder: Path,
    compare: "CompareRows | None" = None,
    again: "Again | None" = None,
    texts: "SessionTexts | None" = None,
) -> int:
    """Show one session until the user leaves it."""
    return run_app(
        lambda app: app.open_session(source, send, replay=replay, state_folder=state_folder, again=again),
        profile,
        settings_folder,
        compare,
        texts,
    )
