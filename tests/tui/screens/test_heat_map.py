import pytest
from support.compared_runs import job_events
from support.conversation import header

from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.tui.glyphs import glyphs_of
from llmtui.tui.projections.heat_map import HeatCursor, heat_map
from llmtui.tui.screens.heat_map import HeatMapScreen, map_lines
from llmtui.tui.screens.session import SessionScreen

from .test_session import LIVE, app_for, screen_text

SUITE = "name: s\nworkloads: [{kind: sweep}]\ngrid: {seed: [1]}\nbest: prefill_rate\n"


def swept(rows=3, columns=3, slices=1):
    events = [header(suite=SUITE)]
    for row in range(rows):
        for column in range(columns):
            for depth in range(slices):
                point = {"temperature": row, "options.top_k": column, **({"seed": depth} if slices > 1 else {})}
                name = f"j{len(events)}"
                events += job_events(name, rate=10 + 9 * row + column + 50 * depth, plan={"point": point})
    return events


def shown_of(events):
    state = SessionState()
    apply_all(state, events)
    return heat_map(state, HeatCursor("decode_rate"), glyphs_of("block"))


@pytest.mark.parametrize("size", [(160, 50), (80, 24), (40, 12)])
async def test_a_key_opens_the_heat_map_and_esc_closes_it(tmp_path, size):
    app, _ = app_for(swept(), tmp_path)
    async with app.run_test(size=size) as pilot:
        await pilot.pause(0.3)
        await pilot.press("H")
        await pilot.pause(0.2)
        assert isinstance(app.screen, HeatMapScreen)
        text = screen_text(app)
        assert "heat map of ask: prefill in tok/s" in text, "the figure of the suite comes first"
        assert "· 30.0" in text
        await pilot.press("escape")
        assert isinstance(app.screen, SessionScreen)


async def test_the_cursor_the_figure_and_the_slice_are_changed_by_keys(tmp_path):
    app, _ = app_for(swept(slices=2), tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause(0.3)
        await pilot.press("H")
        await pilot.pause(0.2)
        assert "temperature=0, top_k=0, seed=0: mean 30.0 tok/s" in screen_text(app)
        await pilot.press("down", "right", "l", "right")
        await pilot.pause()
        assert "temperature=1, top_k=2, seed=0: mean 63.0 tok/s" in screen_text(app)
        await pilot.press("n")
        await pilot.pause()
        assert "slice 2 of 2: seed=1" in screen_text(app)
        await pilot.press("f", "up")
        await pilot.pause()
        text = screen_text(app)
        assert "heat map of ask: TTFT" in text
        assert "temperature=0, top_k=2, seed=1" in text


async def test_it_follows_the_session(tmp_path):
    events = swept(rows=1, columns=2)
    app, _ = app_for(events, tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause(0.3)
        await pilot.press("H")
        await pilot.pause(0.2)
        assert "· 30.0" in screen_text(app)
        session = app.screen_stack[-2]
        assert isinstance(session, SessionScreen)
        again = {"point": {"temperature": 0, "options.top_k": 0}, "iteration": 2}
        apply_all(session.situation.state, job_events("j9", rate=100, plan=again))
        await pilot.pause(0.8)
        assert "█ 165*" in screen_text(app)


async def test_without_a_grid_the_key_says_why_it_is_off(tmp_path):
    app, _ = app_for(LIVE, tmp_path)
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.pause(0.3)
        await pilot.press("H")
        await pilot.pause(0.2)
        assert isinstance(app.screen, SessionScreen)
        assert "this session has no grid" in screen_text(app)


def test_a_large_grid_shows_what_is_around_the_cursor():
    shown = shown_of(swept(rows=30, columns=20))
    for row, column in ((0, 0), (15, 10), (29, 19)):
        at = shown._replace(cursor=shown.cursor._replace(row=row, column=column))
        lines = [line.plain for line in map_lines(at, 80, 12)]
        assert len(lines) <= 12
        assert all(len(line) <= 80 for line in lines)
        assert any(line.startswith(f"{row} ") for line in lines[1:])
        assert f" {column} " in f"{lines[0]} "
        assert "of 30" in lines[-1]
        assert "of 20" in lines[-1]


@pytest.mark.parametrize(("width", "height"), [(1, 1), (10, 3), (0, 0)])
def test_a_tiny_room_never_breaks_it(width, height):
    assert list(map_lines(shown_of(swept()), width, height))


def test_a_map_that_fits_is_shown_whole():
    lines = [line.plain for line in map_lines(shown_of(swept()), 80, 12)]
    assert len(lines) == 4
    assert "of" not in lines[-1]
