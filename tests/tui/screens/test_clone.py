from textual.widgets import Input, Static

from llmtui.tui.key_order import OrderedApp
from llmtui.tui.screens.clone import CloneQuestion
from llmtui.tui.widgets.rows import Rows

PARAMETERS = {"kind": "generate", "name": "short", "prompts": ["x"], "max_tokens": 128, "seed": 42}


class Asking(OrderedApp):
    """Asks at once and keeps the answer."""

    answer = "none yet"

    def on_mount(self):
        self.push_screen(CloneQuestion("j1", PARAMETERS), self.take)

    def take(self, answer):
        self.answer = answer


def offered(app):
    return {row.key: row.cells[1] for row in app.screen.query_one(Rows).rows}


def problem(app):
    return str(app.screen.query_one("#clone-problem", Static).content)


async def test_the_present_parameters_are_offered_and_those_that_fit_what_was_typed():
    app = Asking()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert offered(app) == {"prompts": '["x"]', "max_tokens": "128", "seed": "42"}
        await pilot.press("m")
        assert list(offered(app)) == ["max_tokens"]
        await pilot.press("tab")
        assert app.screen.query_one(Input).value == "max_tokens=128"
        await pilot.press("backspace", "backspace", "backspace", *"64", "enter")
        await pilot.pause()
        assert app.answer == {"max_tokens": "64"}


async def test_a_parameter_is_chosen_with_the_arrows():
    app = Asking()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("down", "down", "up", "tab")
        assert app.screen.query_one(Input).value == "max_tokens=128"
        assert app.screen.query_one(Rows).selected == {"max_tokens"}


async def test_what_is_wrong_is_said_and_the_line_stays():
    app = Asking()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        for text, sentence in [
            ("max_tokns=64", "did you mean `max_tokens`?"),
            ("max_tokens=0", "it must be at least 1"),
            ("max_tokens=128", "it has this value already"),
            ("max_tokens", "write key=value"),
        ]:
            app.screen.query_one(Input).value = text
            await pilot.press("enter")
            await pilot.pause()
            assert isinstance(app.screen, CloneQuestion)
            assert sentence in problem(app)
        await pilot.press("x")
        assert problem(app) == "", "the next key takes the sentence away"
        assert app.answer == "none yet"


async def test_escape_changes_nothing():
    app = Asking()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        await pilot.press(*"seed=7", "escape")
        await pilot.pause()
        assert app.answer is None
