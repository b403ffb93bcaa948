"""What the home screen can ask for, and how it is answered. Imports Textual, so only `open_home` imports this."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import click

from llmtui import places
from llmtui.cli.filed_log import FiledLog
from llmtui.cli.home import find_hardware, find_servers
from llmtui.cli.run import launch
from llmtui.cli.screen import again_from, sender
from llmtui.cli.selftest import selftest_lines
from llmtui.cli.suite_files import list_suites
from llmtui.events import Server
from llmtui.log.library import list_sessions
from llmtui.log.read import LogError, read_header
from llmtui.log.summary import index_file
from llmtui.places import PlaceError
from llmtui.tui.app import LlmtuiApp
from llmtui.tui.screens.home import HomeScreen, HomeSources
from llmtui.tui.screens.home_rows import SessionChoice, SuiteChoice


def make_home(app: LlmtuiApp, urls: tuple[str, ...]) -> HomeScreen:
    """Return the home screen with all that it needs."""
    opener = _Opener(app, urls)
    sources = HomeSources(
        discover=opener.discover,
        hardware=find_hardware,
        suites=opener.suites,
        sessions=opener.sessions,
        start=opener.start,
        open=opener.open,
        selftest=selftest_lines,
        compare=opener.compare,
        history=opener.history,
    )
    opener.screen = HomeScreen(sources, app.glyphs)
    return opener.screen


class _Opener:
    """What the home screen can ask for."""

    def __init__(self, app: LlmtuiApp, urls: tuple[str, ...]) -> None:
        self._app = app
        self._urls = urls
        self.screen: HomeScreen | None = None

    def discover(self) -> AsyncIterator[Server]:
        """Look for servers."""
        return find_servers(self._urls)

    def suites(self) -> list[SuiteChoice]:
        """List the suites."""
        return [
            SuiteChoice(
                file.name,
                (file.suite.title or file.suite.description) if file.suite else "",
                file.suite.targets if file.suite else (),
                file.problem,
            )
            for file in list_suites(places.settings_folder())
        ]

    def sessions(self) -> list[SessionChoice]:
        """List the sessions."""
        folder = places.sessions_folder()
        return [
            SessionChoice(
                entry.id,
                entry.status,
                entry.header.name if entry.header else "",
                ", ".join(entry.models),
                entry.problem,
                entry.verdicts,
            )
            for entry in list_sessions(folder, index_file(folder, places.state_folder()))
        ]

    async def start(self, suite: str, url: str | None) -> None:
        """Start an engine and show its session."""
        try:
            launched = await asyncio.to_thread(launch, suite, overrides={}, urls=(url,) if url else ())
        except click.ClickException as error:
            if self.screen is not None:
                self.screen.say(error.message)
            return
        self._push(launched.log)

    async def open(self, session: str) -> None:
        """Show a session of the list."""
        self._push(places.sessions_folder() / f"{session}.jsonl")

    async def compare(self, sessions: Sequence[str]) -> None:
        """Compare sessions of the list, the first as the baseline."""
        from llmtui.cli.compared import compare_sessions
        from llmtui.tui.screens.compare import CompareScreen

        compared = await asyncio.to_thread(compare_sessions, sessions)
        self._app.push_screen(CompareScreen(compared, self._app.glyphs))

    async def history(self, session: str) -> None:
        """Show the history of a session's suite and model."""
        from llmtui.cli.history_view import history_screen

        folder = places.sessions_folder()
        entries = await asyncio.to_thread(list_sessions, folder, index_file(folder, places.state_folder()))
        entry = next((entry for entry in entries if entry.id == session), None)
        if entry is None or entry.header is None:
            if self.screen is not None:
                self.screen.say(f"{session} can't be read, so it has no history")
            return
        model = entry.models[0] if entry.models else None
        self._app.push_screen(history_screen(entry.header.name, model, self._app.glyphs))

    def _push(self, log: Path) -> None:

        try:
            read_header(log)
            follower = FiledLog(log)
            send = sender(log) if follower.writer_alive() else None
        except (LogError, PlaceError) as error:
            if self.screen is not None:
                self.screen.say(str(error))
            return
        self._app.push_screen(
            self._app.open_session(
                follower, send, replay=False, state_folder=places.state_folder(), again=again_from(log)
            )
        )
