import pytest
from support.conversation import MS, header, queued, request
from textual.app import App
from textual.widgets import Static

from llmtui import events as ev
from llmtui.state.overlays import OverlaySide
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.tui.glyphs import TIERS, glyphs_of
from llmtui.tui.screens.compare import Compared, CompareScreen
from llmtui.tui.widgets.graph import Graph


def side(letter, rate):
    state = SessionState()
    events = [header(), queued()]
    for place in range(3):
        figures = ev.Figures(ttft_ns=0, e2e_ns=90 * MS, decode_rate=rate, itl_p50_ns=1e9 / rate)
        events += request(f"r{place}", start=place * 100 * MS, figures=figures)
    apply_all(state, events)
    return OverlaySide(letter, f"session {letter}", state)


TWO = Compared(("B against A", "short  TTFT  slower"), (side("A", 100.0), side("B", 50.0)))


class CompareApp(App):
    def __init__(self, compared=TWO, tier="ascii"):
        super().__init__()
        self.shown = CompareScreen(compared, glyphs_of(tier))

    def on_mount(self):
        self.push_screen(self.shown)


def text_of(app):
    return "\n".join(
        "".join(segment.text for segment in line) for line in app.screen._compositor.render_strips(app.size)
    )


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 10)])
async def test_charts_legend_and_tables_stand_on_one_screen(size):
    app = CompareApp()
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert "A session A (baseline)" in text_of(app)
        assert {graph.id for graph in app.screen.query(Graph)} == {"overlay-decode", "overlay-itl"}
        await pilot.press("G")
        await pilot.pause()
        assert "TTFT  slower" in text_of(app)
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is not app.shown


async def test_the_lines_are_letters_and_n_changes_the_axis():
    app = CompareApp()
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.pause()
        graph = app.screen.query_one("#overlay-decode", Graph)
        drawn = [graph.render_line(y).text for y in range(graph.size.height)]
        assert any(set(line.split("|")[-1].strip()) <= {"A", " "} and "AAA" in line for line in drawn)
        assert any("BBB" in line for line in drawn)
        assert "A 100  B 50.0 tok/s" in drawn[0]
        assert "over time" in app.screen.query_one("#compare-title", Static).content
        await pilot.press("n")
        await pilot.pause()
        assert "number of the request" in app.screen.query_one("#compare-title", Static).content
        assert "request 3" in graph.render_line(graph.size.height - 1).text
        await pilot.press("n")
        assert "over time" in app.screen.query_one("#compare-title", Static).content


@pytest.mark.parametrize("tier", TIERS)
async def test_a_row_of_many_lines_costs_no_more_than_its_width(tier):
    """A style for each line would cost an escape sequence wherever two of them meet."""
    many = Compared((), tuple(side(letter, 25.0 * place) for place, letter in enumerate("ABCD", start=1)))
    app = CompareApp(many, tier)
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.pause()
        graph = app.screen.query_one("#overlay-decode", Graph)
        rows = [graph.render_line(y) for y in range(graph.size.height)]
        assert all(len(list(row)) <= 3 for row in rows)
        assert sum(len(row.text.encode()) for row in rows[1:]) <= 3 * 100 * len(rows)
        assert set("ABCD") <= set("".join(row.text for row in rows[1:]))
        drawn = []
        graph.refresh = lambda *regions, **_options: drawn.append(regions)
        graph.show(graph.data)
        assert drawn == [], "the same data again costs nothing"


async def test_without_sides_there_is_only_the_sentence():
    app = CompareApp(Compared(("Select two rows or more",)))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "nothing to compare" in text_of(app)
        assert "Select two rows or more" in text_of(app)
        assert not app.screen.query(Graph)
        await pilot.press("n", "j", "l")
