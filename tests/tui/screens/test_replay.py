from support.conversation import MS, whole_session
from textual.widgets import Static

from llmtui import events as ev
from llmtui import wording
from llmtui.log.blocks import LogBlocks
from llmtui.log.write import LogWriter
from llmtui.tui.app import LlmtuiApp
from llmtui.tui.playback import PREPARED_AT_ONCE, Playback
from llmtui.tui.profile import detect_profile

from .test_session import screen_text


class Clock:
    """Time that passes when a test says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class SlowPlayback(Playback):
    """A playback whose moves get on only when a test lets them; it counts how often it is asked to work ahead."""

    held = False
    asked = 0

    def _go_on(self, budget_s):
        if not self.held:
            super()._go_on(budget_s)

    def prepare(self, budget_s):
        self.asked += 1
        return super().prepare(0.0)


def app_for(tmp_path, clock, told=None, kind=Playback):
    path = tmp_path / "20261121-000000-quick-0000.jsonl"
    writer = LogWriter(path)
    for event in told or whole_session():
        writer.append(event)
    writer.close()
    playback = kind(LogBlocks(path), 1.0, clock)
    profile = detect_profile({}, encoding="utf-8")

    def first(app):
        return app.open_session(playback, None, replay=True, state_folder=tmp_path)

    return LlmtuiApp(first, profile, None), playback


async def press(pilot, *keys):
    for key in keys:
        await pilot.press(key)
        await pilot.pause(0.05)


async def test_keys_play_pause_step_and_jump(tmp_path):
    clock = Clock()
    app, playback = app_for(tmp_path, clock)
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.pause(0.3)
        assert "1x" in screen_text(app)
        await press(pilot, "space")
        assert playback.paused
        await press(pilot, "greater_than_sign", "greater_than_sign", "less_than_sign")
        assert playback.speed == 2.0
        before = playback.state.events
        await press(pilot, "full_stop")
        assert playback.state.events == before + 1
        await press(pilot, "comma")
        assert playback.state.events == before
        await press(pilot, "right_curly_bracket")
        first = playback.position_ns
        await press(pilot, "right_curly_bracket")
        assert playback.position_ns > first
        await press(pilot, "left_curly_bracket")
        assert playback.position_ns == first


async def test_going_to_a_place_shows_what_was_there_and_nothing_later(tmp_path):
    app, playback = app_for(tmp_path, Clock())
    async with app.run_test(size=(160, 50)) as pilot:
        await pilot.pause(0.3)
        await press(pilot, "space", "g")
        await press(pilot, *"100%", "enter")
        assert playback.position_ns == playback.length_ns == 303 * MS
        assert "here" in screen_text(app), "the marker near the end"
        await press(pilot, "g", *"50%", "enter")
        assert "here" not in screen_text(app)
        assert playback.state.now_ns <= 152 * MS
        await press(pilot, "g", *"j7", "enter")
        assert "j7 never started" in app.screen.query_one("#footer", Static).content
        await press(pilot, "g", *"nowhere", "enter")
        assert "is no place" in app.screen.query_one("#footer", Static).content
        await press(pilot, "g", "escape")
        assert not app.screen.query_one("#goal").display


async def test_g_throttle_goes_to_the_next_span_that_heat_slowed(tmp_path):
    reasons = {"gpu.0.percent": 99.0, "gpu.0.temperature": 84.0}
    heat = [
        ev.SampleTaken(t=s * 1000 * MS, values={**reasons, "gpu.0.throttle.reasons": float(0x20 if 5 <= s < 8 else 0)})
        for s in range(1, 20)
    ]
    app, playback = app_for(tmp_path, Clock(), [*whole_session()[:-1], *heat])
    async with app.run_test(size=(160, 50)) as pilot:
        await pilot.pause(0.3)
        await press(pilot, "space", "g", *"throttle", "enter")
        assert playback.position_ns == 5000 * MS
        assert "~" in app.screen.query_one("#scrubber", Static).content
        await press(pilot, "g", *"throttle", "enter")
        assert playback.position_ns == 5000 * MS
        assert "no further throttle" in app.screen.query_one("#footer", Static).content
        await press(pilot, "left_curly_bracket")
        assert playback.position_ns < 1000 * MS
        while playback.position_ns < 5000 * MS:
            before = playback.position_ns
            await press(pilot, "right_curly_bracket")
            assert playback.position_ns > before
        assert playback.position_ns == 5000 * MS, "one of the moments between which { and } go"


async def test_while_a_jump_is_on_its_way_the_screen_says_so_and_keys_act(tmp_path):
    app, playback = app_for(tmp_path, Clock(), kind=SlowPlayback)
    async with app.run_test(size=(160, 50)) as pilot:
        await pilot.pause(0.3)
        scrubber = app.screen.query_one("#scrubber", Static)
        await press(pilot, "space")
        playback.held = True
        await press(pilot, "g", *"100%", "enter")
        assert f"going to {wording.clock(303 * MS)} ..." in scrubber.content
        assert "here" not in screen_text(app)
        await press(pilot, "3", "g", *"50%", "enter")
        assert app.screen.situation.pane == "hardware"
        assert (playback.going, playback.position_ns) == (True, 303 * MS // 2), "another jump takes its place"
        await press(pilot, "escape")
        assert not playback.going
        assert "stopped on the way, at 0:00" in app.screen.query_one("#footer", Static).content
        assert "going" not in scrubber.content
        await press(pilot, "5", "g", *"100%", "enter")
        assert playback.going
        playback.held = False
        await pilot.pause(0.5)
        assert not playback.going
        assert "going" not in scrubber.content
        assert "here" in screen_text(app), "what is there is shown without a further key"
        playback.held = True
        await press(pilot, "g", *"0%", "enter", "q")
        assert not app.is_running


async def test_it_works_ahead_between_frames_until_there_is_nothing_left(tmp_path):
    samples = [ev.SampleTaken(t=n * MS, values={"cpu.percent": 5.0}) for n in range(304, 20_000)]
    app, playback = app_for(tmp_path, Clock(), [*whole_session()[:-1], *samples], kind=SlowPlayback)
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, "space")
        while playback.searched_ns < playback.length_ns:
            await pilot.pause(0.05)
        slices = len(samples) // PREPARED_AT_ONCE
        assert playback.asked >= slices
        playback.asked = 0
        await pilot.pause(1.0)
        assert playback.asked < slices / 2, "afterwards it is asked once a frame and no more"


async def test_a_finished_replay_begins_again(tmp_path):
    clock = Clock()
    app, playback = app_for(tmp_path, clock)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause(0.3)
        clock.now = 10.0
        await pilot.pause(0.6)
        assert playback.finished
        await press(pilot, "space")
        assert not playback.finished
        assert playback.position_ns < 100 * MS


async def test_a_live_session_has_no_scrubber_and_its_own_keys(tmp_path):
    from .test_session import LIVE
    from .test_session import app_for as live_app

    app, engine = live_app(LIVE, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.3)
        assert not app.screen.query_one("#scrubber").display
        await press(pilot, "4", "full_stop")
        assert [type(command).__name__ for command in engine.seen if not isinstance(command, ev.Event)][-1] == "Repeat"
