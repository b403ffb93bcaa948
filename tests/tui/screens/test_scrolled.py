import pytest
from textual.app import App
from textual.containers import VerticalScroll

from llmtui.tui.copying import FORMS
from llmtui.tui.glyphs import glyphs_of
from llmtui.tui.screens.compare import Compared, CompareScreen
from llmtui.tui.screens.copy_question import CopyQuestion
from llmtui.tui.screens.leave import LeaveQuestion
from llmtui.tui.screens.page import Page

LINES = tuple(f"{number} {'wide ' * 60}" for number in range(300))


def page():
    return Page("help", LINES)


def compared():
    return CompareScreen(Compared(LINES), glyphs_of("ascii"))


@pytest.mark.parametrize(("screen", "line", "full"), [(page, 1, 12), (compared, 3, 20)])
async def test_the_keys_of_a_pager_move_the_column(screen, line, full):
    app = App()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(screen())
        column = app.screen.column
        places = []
        for key in ("j", "j", "k", "space", "ctrl+u", "k", "k"):
            await pilot.press(key)
            places.append(column.scroll_offset.y)
        assert places == [line, 2 * line, line, line + full, line, 0, 0]
        await pilot.press("G")
        assert column.scroll_offset.y == column.max_scroll_y > 200
        await pilot.press("g")
        assert column.scroll_offset.y == 0


async def test_a_wide_table_moves_sideways_and_q_closes():
    app = App()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(compared())
        await pilot.press("l", "l", "h")
        assert app.screen.query_one(VerticalScroll).scroll_offset.x == 8
        await pilot.press("q")
        assert not isinstance(app.screen, CompareScreen)


@pytest.mark.parametrize("question", [LeaveQuestion, lambda: CopyQuestion("all", tuple(FORMS), next(iter(FORMS)))])
async def test_a_question_is_a_box_in_the_middle(question):
    app = App()
    async with app.run_test(size=(160, 40)):
        await app.push_screen(question())
        (box,) = app.screen.query("Static")
        left, right = box.region.x, 160 - box.region.right
        above, below = box.region.y, 40 - box.region.bottom
        assert abs(left - right) <= 1 < left
        assert abs(above - below) <= 1 < above
        assert box.styles.border_top[0] == "round"
