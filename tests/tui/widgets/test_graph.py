from textual.app import App

from llmtui.tui.glyphs import glyphs_of
from llmtui.tui.widgets.graph import Graph
from llmtui.tui.widgets.graph_lines import GraphData

DATA = GraphData("CPU", "56 %", (10.0, 90.0), high=100, high_text="100 %")


class GraphApp(App):
    def compose(self):
        yield Graph(glyphs_of("block"))


async def test_the_same_data_is_drawn_once():
    async with GraphApp().run_test(size=(30, 6)) as pilot:
        graph = pilot.app.query_one(Graph)
        graph.show(DATA)
        await pilot.pause()
        first = [graph.render_line(y) for y in range(6)]
        drawn = []
        graph.refresh = lambda *regions, **_options: drawn.append(regions)
        graph.show(GraphData(*DATA))
        assert drawn == []
        assert [graph.render_line(y) for y in range(6)] == first
        assert all(graph.render_line(y) is first[y] for y in range(6)), "strips are kept"


async def test_a_row_has_few_segments():
    async with GraphApp().run_test(size=(60, 6)) as pilot:
        graph = pilot.app.query_one(Graph)
        graph.show(DATA)
        await pilot.pause()
        assert all(len(list(graph.render_line(y))) <= 3 for y in range(6))
        assert all(graph.render_line(y).cell_length == 60 for y in range(6))


async def test_a_missing_figure_takes_one_row():
    async with GraphApp().run_test(size=(30, 6)) as pilot:
        graph = pilot.app.query_one(Graph)
        graph.show(GraphData("GPU", "", missing="no GPU found"))
        await pilot.pause()
        assert graph.size.height == 1
        assert graph.render_line(0).text.strip() == "GPU: no GPU found"
