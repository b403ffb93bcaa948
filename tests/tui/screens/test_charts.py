import pytest
from support.conversation import MS

from llmtui import events as ev
from llmtui.tui.screens.charts import Charts
from llmtui.tui.screens.session import SessionScreen
from llmtui.tui.widgets.graph import Graph

from .test_session import LIVE, app_for, screen_text

WARM = [*LIVE, ev.SampleTaken(t=300 * MS, values={"gpu.0.temperature": 71.0, "gpu.0.temperature.limit": 83.0})]


@pytest.mark.parametrize("size", [(160, 50), (80, 24), (40, 10)])
async def test_v_opens_the_charts_and_esc_closes_them(tmp_path, size):
    app, _ = app_for(WARM, tmp_path)
    async with app.run_test(size=size) as pilot:
        await pilot.pause(0.3)
        await pilot.press("v")
        await pilot.pause()
        assert isinstance(app.screen, Charts)
        assert {graph.id for graph in app.screen.query(Graph)} >= {"chart-decode", "chart-gpu-0-temperature"}
        assert "charts of the last 1:00" in screen_text(app)
        await pilot.press("plus")
        assert "2:00" in screen_text(app)
        await pilot.press("G")
        await pilot.pause()
        await pilot.press("escape")
        assert isinstance(app.screen, SessionScreen)


async def test_the_limit_stands_beside_the_value(tmp_path):
    app, _ = app_for(WARM, tmp_path)
    async with app.run_test(size=(120, 60)) as pilot:
        await pilot.pause(0.3)
        await pilot.press("v")
        await pilot.pause()
        assert "71 °C of 83 °C" in screen_text(app)
