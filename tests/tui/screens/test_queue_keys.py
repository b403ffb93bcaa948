"""The keys for the queue, on a live session and on one that has ended."""

import asyncio

import pytest
from support.conversation import MS, header, queued, whole_session
from textual.widgets import Input, Static

from llmtui import control
from llmtui import events as ev
from llmtui.control import Reply
from llmtui.tui.app import LlmtuiApp
from llmtui.tui.frame import PlayedLog
from llmtui.tui.profile import detect_profile
from llmtui.tui.screens.clone import CloneQuestion
from llmtui.tui.screens.session import SessionScreen
from llmtui.tui.screens.view import AgainError, Opened

from .test_session import Engine, Live

PARAMETERS = {"kind": "generate", "prompts": ["x"], "max_tokens": 128}
FAILED = [ev.JobStarted(t=5 * MS, job="j1"), ev.JobFinished(t=9 * MS, job="j1", status="failed", reason="it broke")]
QUEUE = [header(), *(queued(f"j{n}", n, parameters=PARAMETERS) for n in (1, 2, 3)), *FAILED]
OVER = [*QUEUE, ev.SessionFinished(t=20 * MS, outcome="completed")]


class Refusing(Engine):
    async def __call__(self, command):
        await super().__call__(command)
        return Reply(ok=False, text="it can't be")


class Starter:
    """Stands for what starts a new session, and remembers for what it was asked."""

    def __init__(self, error=None):
        self.orders = []
        self.error = error
        self.may = asyncio.Event()
        self.may.set()

    async def __call__(self, order):
        self.orders.append(order)
        await self.may.wait()
        if self.error is not None:
            raise AgainError(self.error)
        child = [header(name="the child"), queued("j1", parent_job="j1")]
        return Opened(Live(child), Engine(), self)


def app_for(events, tmp_path, *, engine=None, again=None, replay=False):
    source = Live(events) if engine is not None else PlayedLog(events, None)

    def first(app):
        return app.open_session(source, engine, replay=replay, state_folder=tmp_path, again=again)

    return LlmtuiApp(first, detect_profile({}, encoding="utf-8"), None)


def footer(app):
    return str(app.screen.query_one("#footer", Static).content)


async def test_keys_move_cancel_and_clone_jobs_of_a_live_queue(tmp_path):
    engine = Engine()
    app = app_for(QUEUE, tmp_path, engine=engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.3)
        await pilot.press("1", "j", "J", "K", "shift+down", "shift+up", "x")
        await pilot.press("c")
        await pilot.pause(0.1)
        assert isinstance(app.screen, CloneQuestion)
        await pilot.press(*"max_tokens=64", "enter")
        await pilot.pause(0.1)
    moves = [control.Move(job="j2", steps=steps) for steps in (1, -1, 1, -1)]
    assert engine.seen == [*moves, control.Skip(job="j2"), control.Clone(job="j2", set={"max_tokens": "64"})]


async def test_the_selection_is_gone_once_it_was_run_again_and_stays_when_it_could_not_be(tmp_path):
    for engine, left in ((Engine(), set()), (Refusing(), {"j1", "j2"})):
        app = app_for(QUEUE, tmp_path, engine=engine)
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.pause(0.3)
            await pilot.press("1", "space", "j", "t", "r")
            await pilot.pause(0.1)
            assert app.screen.pane("queue").heart.selected == left
        assert engine.seen == [control.Rerun(jobs=("j1", "j2"))]


async def test_several_selected_jobs_are_cancelled_together(tmp_path):
    engine = Engine()
    app = app_for(QUEUE, tmp_path, engine=engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.3)
        await pilot.press("1", "j", "space", "j", "space", "x")
        await pilot.pause(0.1)
        assert footer(app) == "2 of 2 jobs skipped"
    assert engine.seen == [control.Skip(job="j2"), control.Skip(job="j3")]


async def test_what_is_bad_is_run_again_and_named_with_its_reason(tmp_path):
    engine = Engine()
    app = app_for(QUEUE, tmp_path, engine=engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.3)
        await pilot.press("R")
        await pilot.pause(0.1)
        assert footer(app) == "done so (j1 failed)"
    assert engine.seen == [control.Rerun(jobs=("j1",))]
    app = app_for(QUEUE[:4], tmp_path, engine=engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.3)
        await pilot.press("R")
        assert footer(app).startswith("nothing failed")
    assert len(engine.seen) == 1


@pytest.mark.parametrize("replay", [False, True])
@pytest.mark.parametrize(
    ("keys", "order"),
    [
        (["1", "j", "r"], (("j2",), {}, None)),
        (["1", "t", "j", "t", "r"], (("j1", "j2"), {}, None)),
        (["R"], (("j1",), {}, None)),
        (["1", "u"], (("j1",), {}, 0.02)),
        (["1", "c", *"seed=7", "enter"], (("j1",), {"seed": "7"}, None)),
    ],
)
async def test_in_a_session_that_is_over_the_same_keys_begin_a_new_one_and_show_it(tmp_path, keys, order, replay):
    starter = Starter()
    app = app_for(OVER, tmp_path, again=starter, replay=replay)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.3)
        parent = app.screen
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.05)
        await pilot.pause(0.4)
        assert starter.orders == [order]
        assert app.screen is not parent
        assert "the child" in str(app.screen.query_one("#status", Static).content)
        assert app.screen.situation.controllable
        app.screen.dismiss()
        await pilot.pause(0.1)
        assert app.screen is parent, "leaving the new session comes back to the old one"


async def test_a_new_session_that_can_not_begin_says_why_and_can_be_tried_again(tmp_path):
    starter = Starter(error="the engine did not start")
    app = app_for(OVER, tmp_path, again=starter)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.3)
        for _ in range(2):
            await pilot.press("1", "r")
            await pilot.pause(0.2)
            assert footer(app) == "the engine did not start"
        assert len(starter.orders) == 2
        assert isinstance(app.screen, SessionScreen)


async def test_a_second_press_does_not_begin_a_second_session(tmp_path):
    starter = Starter()
    starter.may.clear()
    app = app_for(OVER, tmp_path, again=starter)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.3)
        await pilot.press("1", "r", "r")
        await pilot.pause(0.1)
        assert "being started already" in footer(app)
        starter.may.set()
        await pilot.pause(0.3)
    assert len(starter.orders) == 1


async def test_where_no_session_can_begin_the_key_says_so(tmp_path):
    for events, sentence in ((OVER, "no engine runs"), ([header()], "no engine runs")):
        app = app_for(events, tmp_path)
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.pause(0.3)
            await pilot.press("r")
            assert sentence in footer(app)
    empty = app_for([header(), ev.SessionFinished(t=1, outcome="completed")], tmp_path, again=Starter())
    async with empty.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.3)
        await pilot.press("R")
        assert "there are no jobs yet" in footer(empty)


async def test_a_job_of_which_the_log_says_too_little_can_not_be_cloned(tmp_path):
    app = app_for(whole_session(), tmp_path, again=Starter())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.3)
        await pilot.press("1", "c")
        await pilot.pause(0.1)
        assert "does not say how j1 was run" in footer(app)
        assert not app.screen.query_one("#marker", Input).display
