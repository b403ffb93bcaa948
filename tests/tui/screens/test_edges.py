import pytest
from support.conversation import MS, header, queued, whole_session
from textual.app import App, ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from llmtui import events as ev
from llmtui.state.reducer import apply, apply_all
from llmtui.state.session import SessionState
from llmtui.tui.actions import PANES, Situation
from llmtui.tui.screens.edges import Edges, fitting, tabs_text

LINES = ("status", "tabs", "strip", "footer")


@pytest.mark.parametrize(
    ("width", "text"),
    [(100, "one  three  five"), (10, "one  three"), (9, "one  five"), (8, "one"), (0, "one")],
)
def test_the_first_parts_that_fit_are_shown_and_always_the_first(width, text):
    assert fitting(["one", "three", "five"], width) == text
    assert fitting([], width) == ""


def test_tabs_have_names_where_there_is_room_and_numbers_elsewhere():
    wide = tabs_text("results", 80)
    assert wide == "1 queue  2 stream  3 hardware  [4 results]  5 alerts"
    assert tabs_text("results", len(wide)) == wide
    assert tabs_text("results", len(wide) - 1) == "1  2  3  [4 results]  5"
    assert all(f"{number} {name}" in wide for number, name in enumerate(PANES, 1))


class Page(Screen[None]):
    def compose(self) -> ComposeResult:
        for name in LINES:
            yield Static("", id=name, markup=False)


class Shown:
    """The lines on a screen of a given width."""

    def __init__(self, screen):
        self.redrawn = 0
        self.screen = screen
        self.edges = Edges(screen, self._redraw)

    def _redraw(self):
        self.redrawn += 1

    def show(self, state, held_back=None, pane="queue"):
        self.edges.show(state, Situation(state, True, pane), "live", held_back)
        return self.lines()

    def lines(self):
        return {name: str(self.screen.query_one(f"#{name}", Static).content) for name in LINES}


def state_of(*events):
    state = SessionState()
    apply_all(state, [header(), queued(), *events])
    return state


@pytest.fixture
async def shown():
    app = App()
    async with app.run_test(size=(100, 10)):
        screen = Page()
        await app.push_screen(screen)
        yield Shown(screen)


async def test_all_lines_are_written(shown):
    lines = shown.show(state_of(ev.SampleTaken(t=9, values={"cpu.percent": 50.0})), pane="stream")
    assert lines["status"].startswith("quick  live  0:00")
    assert "[2 stream]" in lines["tabs"]
    assert lines["strip"] == "CPU 50 %"
    assert "help" in lines["footer"]


async def test_a_paused_view_says_so_first_and_how_much_it_holds_back(shown):
    assert shown.show(state_of(), held_back=7)["status"].startswith("VIEW PAUSED +7  quick")
    assert shown.show(state_of(), held_back=0)["status"].startswith("VIEW PAUSED +0  quick")
    assert "PAUSED" not in shown.show(state_of())["status"]


async def test_the_status_line_carries_what_llmtui_itself_uses(shown):
    state = state_of(ev.SelfMeasured(t=9 * MS, engine_cpu=7.0, sampler_cpu=2.0, lag_p99_ns=3 * MS))
    shown.edges.terminal_rate = 4200.0
    assert "own CPU 9 %  lag p99 3.00 ms  4 kB/s" in shown.show(state)["status"]
    apply(state, ev.ViewerMeasured(t=10 * MS, pid=1, cpu=11.0, terminal_rate=1.0))
    assert "own CPU 20 %" in shown.show(state)["status"]


async def test_a_message_stands_in_the_footer_until_another_one_or_its_end(shown):
    state = state_of()
    usual = shown.show(state)["footer"]
    shown.edges.say("copied")
    assert shown.lines()["footer"] == "copied"
    assert shown.show(state)["footer"] == "copied", "it stays while events come in"
    shown.edges.say("marked")
    shown.edges._unsay("copied")
    assert (shown.show(state)["footer"], shown.redrawn) == ("marked", 0), "the end of an old message ends no new one"
    shown.edges._unsay("marked")
    assert (shown.show(state)["footer"], shown.redrawn) == (usual, 1)


async def test_a_text_that_is_the_same_again_is_not_sent_again(shown):
    state = SessionState()
    apply_all(state, whole_session())
    shown.show(state)
    status = shown.screen.query_one("#status", Static)
    before = status.content
    shown.show(state)
    assert status.content is before
    apply(state, ev.MarkerPlaced(t=400_000 * MS, label="later"))
    shown.show(state)
    assert status.content is not before
