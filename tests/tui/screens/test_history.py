import asyncio

from textual.app import App
from textual.widgets import Static

from llmtui.tui.glyphs import glyphs_of
from llmtui.tui.screens.history import HistoryScreen, HistoryShown
from llmtui.tui.widgets.graph import Graph
from llmtui.tui.widgets.graph_lines import GraphData, GraphLine


class HistoryApp(App):
    def __init__(self):
        super().__init__()
        self.asked = []
        self.shown = HistoryScreen(("ttft", "decode", "itl"), "decode", self.load, glyphs_of("ascii"))

    async def load(self, figure):
        self.asked.append(figure)
        await asyncio.sleep(0)
        data = GraphData(f"quick {figure}", "no change", high=2, lines=(GraphLine("o", (1.0, 2.0)),))
        graphs = () if figure == "itl" else (data, data)
        return HistoryShown("quick on smol", graphs, (f"table of {figure}",))

    def on_mount(self):
        self.push_screen(self.shown)


def content(app, name):
    return app.screen.query_one(name, Static).content


async def test_a_figure_is_shown_and_the_arrows_change_it():
    app = HistoryApp()
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.pause(0.1)
        assert "history of decode: quick on smol" in content(app, "#history-title")
        assert content(app, "#history-text") == "table of decode"
        graphs = list(app.screen.query(Graph))
        assert [graph.data.title for graph in graphs] == ["quick decode"] * 2
        assert "o" in "".join(graphs[0].render_line(y).text for y in range(1, graphs[0].size.height))
        await pilot.press("right")
        await pilot.pause(0.1)
        assert (content(app, "#history-text"), len(app.screen.query(Graph))) == ("table of itl", 0)
        await pilot.press("right", "left", "left")
        await pilot.pause(0.1)
        assert content(app, "#history-text") == "table of decode"
        assert app.asked[:2] == ["decode", "itl"]
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is not app.shown
