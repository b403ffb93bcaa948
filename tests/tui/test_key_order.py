"""Keys that come in one burst: all are with the app before the first of them has done anything."""

import pytest
from support.conversation import MS
from textual import events
from textual.keys import Keys, _character_to_key
from textual.widgets import Input

from llmtui import control
from llmtui.tui.actions import PANES
from llmtui.tui.screens.clone import CloneQuestion

from .screens.test_queue_keys import QUEUE
from .screens.test_replay import Clock
from .screens.test_replay import app_for as replay_of
from .screens.test_session import LIVE, app_for

NAMED = {"\r": Keys.Enter, "\x7f": Keys.Backspace, "\x1b": Keys.Escape, "\t": Keys.Tab}


def burst(app, text):
    """Send each character as a key, without waiting for any of them."""
    for character in text:
        key = NAMED[character].value if character in NAMED else _character_to_key(character)
        app.post_message(events.Key(key, character))


@pytest.fixture
def replay(tmp_path):
    app, playback = replay_of(tmp_path, Clock())
    return app, playback


@pytest.mark.parametrize("typed", ["g50%\r", "g5\x7f50%\r", "g7%\x7f\x7f50%\r", "1gj9\x1bg50%\r"])
async def test_a_line_gets_all_that_is_typed_after_the_key_that_opens_it(replay, typed):
    app, playback = replay
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause(0.3)
        burst(app, typed)
        await pilot.pause(0.3)
        assert playback.position_ns == pytest.approx(playback.length_ns / 2, abs=MS)
        assert not any(line.display for line in app.screen.query(Input))
        assert app.screen.situation.pane == ("queue" if typed[0] == "1" else "stream"), "5 was no pane"


@pytest.mark.parametrize("first", ["m", "mj"])
async def test_a_line_keeps_what_came_before_it_had_the_focus(tmp_path, first):
    app, engine = app_for(LIVE, tmp_path)
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause(0.3)
        burst(app, first)
        await pilot.pause(0.1)
        assert isinstance(app.focused, Input)
        burst(app, "9\r")
        await pilot.pause(0.1)
    assert engine.seen == [control.Mark(label=f"{first[1:]}9")]


async def test_what_comes_after_the_end_of_a_line_is_for_the_screen_again(tmp_path):
    app, engine = app_for(LIVE, tmp_path)
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause(0.3)
        burst(app, "mab 5q\x7f\x7fd\r5")
        await pilot.pause(0.3)
        assert app.screen.situation.pane == PANES[4]
        burst(app, "m1\x1b1z")
        await pilot.pause(0.3)
        assert app.screen.situation.pane == PANES[0]
    assert engine.seen == [control.Mark(label="ab d")]


async def test_a_paste_stands_where_it_was_put(tmp_path):
    app, engine = app_for(LIVE, tmp_path)
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause(0.3)
        app.post_message(events.Paste("lost, no line is open"))
        burst(app, "mx")
        app.post_message(events.Paste("5 q\nsecond line"))
        burst(app, "y\r")
        await pilot.pause(0.3)
    assert engine.seen == [control.Mark(label="x5 qy")]


async def test_keys_that_mean_nothing_to_a_line_do_nothing_while_it_is_open(tmp_path):
    app, engine = app_for(LIVE, tmp_path)
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause(0.3)
        burst(app, "m\t\t")
        await pilot.press("f1", "down", "a", "left", "b", "end", "c", "enter")
        await pilot.pause(0.3)
        assert app.screen.situation.pane == "stream"
    assert engine.seen == [control.Mark(label="bac")]


async def test_the_question_of_a_clone_gets_all_that_is_typed_after_its_key(tmp_path):
    app, engine = app_for(QUEUE, tmp_path)
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause(0.3)
        burst(app, "1cmax_tokens=65\x7f4\r2")
        await pilot.pause(0.3)
        assert app.screen.situation.pane == PANES[1]
        burst(app, "1cma\t\x7f\x7f\x7f32\r")
        await pilot.pause(0.3)
        burst(app, "cseed=1\x1b3")
        await pilot.pause(0.3)
        assert app.screen.situation.pane == PANES[2]
        burst(app, "1cnonsense\r")
        await pilot.pause(0.3)
        assert isinstance(app.screen, CloneQuestion), "what is wrong stays"
    assert [command.set for command in engine.seen] == [{"max_tokens": "64"}, {"max_tokens": "32"}]
