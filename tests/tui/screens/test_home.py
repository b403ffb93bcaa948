from textual.widgets import Static

from llmtui.events import HardwareSnapshot, Model, Server
from llmtui.tui.app import LlmtuiApp
from llmtui.tui.profile import detect_profile
from llmtui.tui.screens.home import HomeScreen, HomeSources
from llmtui.tui.screens.home_rows import SessionChoice, SuiteChoice, machine_line, session_row
from llmtui.tui.screens.page import Page
from llmtui.tui.screens.selftest import SelftestLine, SelftestScreen


class Found:
    def __init__(self, servers=()):
        self.servers = servers
        self.started = []
        self.opened = []
        self.compared = []
        self.histories = []

    async def discover(self):
        for server in self.servers:
            yield server

    async def hardware(self):
        return HardwareSnapshot(hostname="box", cpu_model="A CPU", ram=2**34)

    def suites(self):
        return [SuiteChoice("broken", "", (), "broken.yaml:3: wrong"), SuiteChoice("quick", "A look", ("embedded",))]

    def sessions(self):
        return [
            SessionChoice("s-new", "completed", "quick", "smol"),
            SessionChoice("s-old", "damaged", "", "", "empty"),
        ]

    async def start(self, suite, url):
        self.started.append((suite, url))

    async def selftest(self):
        yield SelftestLine("plain (1 of 1)", progress=True)
        yield SelftestLine("selftest: all within their bounds", progress=False)

    async def open(self, session):
        self.opened.append(session)

    async def compare(self, sessions):
        self.compared.append(list(sessions))

    async def history(self, session):
        self.histories.append(session)


def app_for(found):
    sources = HomeSources(
        found.discover,
        found.hardware,
        found.suites,
        found.sessions,
        found.start,
        found.open,
        found.selftest,
        found.compare,
        found.history,
    )
    return LlmtuiApp(lambda app: HomeScreen(sources, app.glyphs), detect_profile({}, encoding="utf-8"), None)


SERVER = Server(url="http://127.0.0.1:11434", kind="ollama", version="0.32", models=(Model(id="smol"),))


async def test_t_runs_the_self_test():
    app = app_for(Found([SERVER]))
    async with app.run_test(size=(100, 24)) as pilot:
        await pilot.pause(0.2)
        await pilot.press("t")
        await pilot.pause(0.2)
        assert isinstance(app.screen, SelftestScreen)
        assert "all within" in app.screen.query_one("#selftest-report", Static).content
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, HomeScreen)


async def test_it_shows_what_was_found_and_the_one_key():
    found = Found([SERVER])
    app = app_for(found)
    async with app.run_test(size=(100, 24)) as pilot:
        await pilot.pause(0.2)
        assert "box" in app.screen.query_one("#machine", Static).content
        assert app.screen.rows("servers").rows[0].cells == ("ollama 0.32", "http://127.0.0.1:11434", "smol")
        assert app.screen.query_one("#hint", Static).content == "enter runs quick"
        await pilot.press("enter")
        assert found.started == [("quick", None)]
        assert app.screen.query_one("#hint", Static).content == "starting quick"
        app.push_screen(Page("the session", ["it runs"]))
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen.query_one("#hint", Static).content == "enter runs quick", "not what was said before it"


async def test_a_server_can_be_measured_and_a_session_opened():
    found = Found([SERVER])
    app = app_for(found)
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause(0.2)
        await pilot.press("2", "enter")
        await pilot.press("3", "enter")
        await pilot.pause()
    assert found.started == [("quick", "http://127.0.0.1:11434")]
    assert found.opened == ["s-new"]


async def test_selected_sessions_are_compared_with_the_oldest_of_them(tmp_path):
    found = Found()
    app = app_for(found)
    async with app.run_test(size=(120, 24)) as pilot:
        await pilot.pause(0.2)
        await pilot.press("space")
        assert not app.screen.rows("sessions").selected, "nothing is selected in the list of suites"
        await pilot.press("3", "V")
        assert found.compared == [["s-new"]], "the variants of the one under the cursor"
        hint = app.screen.query_one("#hint", Static)
        assert hint.content == "enter opens s-new; select two with space to compare them by V"
        await pilot.press("space")
        assert hint.content == "one session is selected: select another one with space, then V compares them"
        await pilot.press("down", "space")
        assert "V compares the 2 selected sessions" in app.screen.query_one("#hint", Static).content
        await pilot.press("V")
        assert found.compared[1:] == [["s-old", "s-new"]]
        await pilot.press("space", "H")
        assert found.histories == ["s-old"]


async def test_without_servers_it_says_what_to_do():
    app = app_for(Found())
    async with app.run_test(size=(100, 24)) as pilot:
        await pilot.pause(0.2)
        assert app.screen.rows("servers").rows[0].cells[0].startswith("none found: start one")


async def test_a_short_terminal_shows_the_list_that_has_the_focus():
    app = app_for(Found([SERVER]))
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause(0.2)
        heights = {}
        for key, name in (("1", "suites"), ("2", "servers"), ("3", "sessions")):
            await pilot.press(key)
            await pilot.pause()
            heights[name] = [
                app.screen.query_one(f"#{other}").size.height for other in ("suites", "servers", "sessions")
            ]
        assert [[height > 0 for height in shown] for shown in heights.values()] == [
            [True, False, False],
            [False, True, False],
            [False, False, True],
        ]
        assert heights["suites"][0] >= 3
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert all(app.screen.query_one(f"#{name}").size.height > 0 for name in heights)


async def test_the_help_names_every_key_as_it_is_written():
    app = app_for(Found())
    async with app.run_test(size=(80, 40)) as pilot:
        await pilot.press("?")
        text = app.screen.query("Static").last().content
        lines = text.splitlines()
        assert "question_mark" not in text
        assert any(line.split() == ["?,", "f1", "help"] for line in lines)
        assert [line for line in lines if line.strip() and len(line.split()) < 2] == []


async def test_a_broken_suite_says_what_is_wrong_and_does_not_start():
    found = Found()
    app = app_for(found)
    async with app.run_test(size=(100, 24)) as pilot:
        await pilot.pause(0.2)
        await pilot.press("k", "enter")
        await pilot.pause()
        assert isinstance(app.screen, Page)
        assert found.started == []


async def test_escape_never_leaves_and_q_does():
    app = app_for(Found())
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("escape", "escape")
        assert isinstance(app.screen, HomeScreen)
        await pilot.press("q")
        await pilot.pause()
    assert app.return_code == 0


def test_the_machine_in_one_line():
    line = machine_line(HardwareSnapshot(hostname="a\x1bb", cpu_model="X", ram=2**30))
    assert "\x1b" not in line
    assert "no GPU" in line


def test_a_session_whose_jobs_failed_is_not_shown_as_one_that_went_well():
    def row(*verdicts, problem=None):
        return session_row(SessionChoice("s", "completed", "quick", "", problem, verdicts))

    assert row() == ("s", ("s", "completed", "quick", "-", "-"), "good")
    assert row("steady", "passed").tone == "good"
    assert row("6 failed", "client-bound")[1:] == (("s", "completed", "quick", "6 failed, client-bound", "-"), "warn")
    assert row("not passed").tone == "warn"
    assert row(problem="torn").cells[3] == "torn"
