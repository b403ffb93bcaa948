import asyncio

import pytest
from textual.widgets import Static

from llmtui.tui.app import LlmtuiApp
from llmtui.tui.profile import detect_profile
from llmtui.tui.screens.selftest import ENDED, RUNNING, SelftestLine, SelftestScreen


class Script:
    """Plays lines; an Event in the script is waited for."""

    def __init__(self, *script):
        self.script = script
        self.closed = False

    async def run(self):
        try:
            for item in self.script:
                if isinstance(item, asyncio.Event):
                    await item.wait()
                elif isinstance(item, Exception):
                    raise item
                else:
                    yield item
        finally:
            self.closed = True


def app_for(script):
    return LlmtuiApp(lambda _app: SelftestScreen(script.run), detect_profile({}, encoding="utf-8"), None)


def text(app, name):
    return str(app.screen.query_one(f"#selftest-{name}", Static).content)


def progress(line):
    return SelftestLine(line, True)


def report(line):
    return SelftestLine(line, False)


async def test_progress_is_one_line_and_the_report_stays():
    more = asyncio.Event()
    script = Script(
        progress("openai plain (1 of 2)"), progress("openai role (2 of 2)"), more, report("head"), report("all well")
    )
    app = app_for(script)
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.pause()
        assert (text(app, "title"), text(app, "status"), text(app, "report")) == (RUNNING, "openai role (2 of 2)", "")
        more.set()
        await pilot.pause(0.1)
        assert (text(app, "title"), text(app, "status"), text(app, "report")) == (ENDED, "all well", "head\nall well")
        assert script.closed


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_esc_cancels_what_runs_and_closes(key):
    script = Script(progress("on the way"), asyncio.Event())
    app = app_for(script)
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.pause()
        assert not script.closed
        await pilot.press(key)
        await pilot.pause(0.1)
        assert script.closed
    assert app.return_code == 0


async def test_what_can_not_be_started_says_why():
    app = app_for(Script(FileNotFoundError(2, "No such file or directory")))
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.pause(0.1)
        assert text(app, "status") == "the self-test could not be started: No such file or directory"
        assert text(app, "title") == ENDED


async def test_control_characters_and_markup_are_only_text():
    app = app_for(Script(report("\x1b[31m[bold]red[/bold]")))
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.pause(0.1)
        assert text(app, "report") == "\N{SYMBOL FOR ESCAPE}[31m[bold]red[/bold]"


async def test_a_long_report_can_be_moved_on_a_small_terminal():
    app = app_for(Script(*(report(f"{number:>120}") for number in range(60))))
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause(0.1)
        pane = app.screen.query_one("#selftest")
        await pilot.press("G", "l")
        await pilot.pause()
        assert pane.scroll_y > 40
        assert pane.scroll_x == 8
        await pilot.press("g", "h")
        await pilot.pause()
        assert (pane.scroll_x, pane.scroll_y) == (0, 0)
