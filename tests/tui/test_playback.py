import gc
import math

import pytest
from support.conversation import MS, header, queued, request, whole_session
from support.dumps import dump, folded

from llmtui import events as ev
from llmtui.log.blocks import LogBlocks
from llmtui.log.encode import encode_line
from llmtui.log.outline import landmarks_among
from llmtui.tui.frame import ALL_SECTIONS, Player, Pump
from llmtui.tui.playback import MOST_EVENTS, MOVE_AT_ONCE_S, PREPARED_AT_ONCE, SPEEDS, Playback

S = 1000 * MS


class Clock:
    def __init__(self):
        self.now = 100.0
        self.tick = 0.0

    def __call__(self):
        self.now += self.tick
        return self.now


class Recorded:
    """A recording in memory."""

    def __init__(self, events, size=100):
        self.parts = [events[place : place + size] for place in range(0, len(events), size)]
        self.landmarks = landmarks_among(events, [event.t for event in events])
        self.last_ns = max((event.t for event in events), default=0)
        self.asked = 0
        self.closed = False

    def __len__(self):
        return len(self.parts)

    def events(self, place):
        self.asked += 1
        return self.parts[place]

    def close(self):
        self.closed = True


def told():
    """Ten seconds with a job, two alerts, two markers and a request that failed."""
    return [
        header(),
        queued(),
        ev.JobStarted(t=1 * S, job="j1"),
        *request("j1.1", start=2 * S, status="failed"),
        ev.AlertRaised(t=4 * S, severity="warning", code="x", text="first"),
        ev.MarkerPlaced(t=5 * S, label="here"),
        ev.AlertRaised(t=6 * S, severity="warning", code="x", text="second"),
        ev.MarkerPlaced(t=7 * S, label="there"),
        ev.JobFinished(t=9 * S, job="j1", status="done"),
        ev.SessionFinished(t=10 * S, outcome="completed"),
    ]


def playing(events=None, **changes):
    clock = Clock()
    playback = Playback(Recorded(told() if events is None else events), clock=clock, **changes)
    playback.advance()
    return playback, clock


def test_it_keeps_the_pace_of_the_run():
    playback, clock = playing()
    assert (playback.state.events, playback.position_ns) == (1, 0)
    clock.now += 4.5
    assert playback.position_ns == 4.5 * S
    assert "alerts" in playback.advance()
    assert len(playback.state.alerts) == 1
    assert not playback.finished
    clock.now += 100
    playback.advance()
    assert playback.finished
    assert (playback.position_ns, playback.percent) == (10 * S, 100.0)


def test_before_the_first_look_no_time_passes():
    clock = Clock()
    playback = Playback(Recorded(told()), clock=clock)
    clock.now += 5
    assert playback.position_ns == 0
    playback.advance()
    assert playback.state.events == 1


def test_a_pause_stops_the_clock_and_play_goes_on_from_there():
    playback, clock = playing()
    clock.now += 4.5
    playback.pause()
    clock.now += 100
    assert playback.position_ns == 4.5 * S
    assert playback.advance() == set()
    playback.play()
    clock.now += 0.625
    playback.advance()
    assert playback.position_ns == 5.125 * S
    assert len(playback.state.markers) == 1


def test_speeds_change_the_pace_from_here_on():
    playback, clock = playing()
    clock.now += 1
    playback.set_speed(4)
    clock.now += 1
    assert playback.position_ns == 5 * S
    seen = []
    for move in [playback.slower] * 5 + [playback.faster] * 10:
        move()
        seen.append(playback.speed)
    assert seen == [2, 1, 0.5, 0.25, 0.25, *SPEEDS[1:], SPEEDS[-1], SPEEDS[-1]]
    assert playback.position_ns == 5 * S
    playback.set_speed(None)
    playback.slower()
    playback.slower()
    assert playback.speed == 32
    for bad in (0, -1, math.inf, math.nan):
        with pytest.raises(ValueError, match="above 0"):
            playback.set_speed(bad)


def test_without_a_speed_all_is_played_in_frames_of_a_bounded_size():
    markers = [header(), *(ev.MarkerPlaced(t=n * S, label="x") for n in range(25_000))]
    playback, _ = playing(markers, speed=None)
    seen = [playback.state.events]
    while not playback.finished:
        playback.advance()
        seen.append(playback.state.events)
    assert seen == [MOST_EVENTS, 2 * MOST_EVENTS, len(markers)]
    assert playback.position_ns == playback.length_ns


def test_where_too_much_is_due_the_clock_waits_for_it():
    markers = [header(), *(ev.MarkerPlaced(t=n * MS, label="x") for n in range(25_000))]
    playback, clock = playing(markers)
    clock.now += 24
    playback.advance()
    assert playback.state.events == MOST_EVENTS + 2
    assert playback.position_ns == 10_000 * MS
    clock.now += 0.125
    assert playback.position_ns == 10_125 * MS


def test_a_seek_takes_effect_at_once_and_is_exact():
    playback, clock = playing()
    for t in (7 * S, 2 * S, 9.5 * S, 0, 4 * S):
        playback.seek(t)
        assert playback.position_ns == t
        assert dump(playback.state) == dump(folded([event for event in told() if event.t <= t]))
    clock.now += 1
    playback.advance()
    assert playback.position_ns == 5 * S
    assert len(playback.state.markers) == 1


@pytest.mark.parametrize(
    ("t", "position"), [(-5, 0), (10**30, 10 * S), (math.inf, 10 * S), (-math.inf, 0), (math.nan, 0)]
)
def test_a_seek_ends_at_the_ends(t, position):
    playback, _ = playing()
    playback.seek(t)
    assert playback.position_ns == position


def test_percents():
    playback, _ = playing()
    for percent, position in ((50, 5 * S), (0, 0), (100, 10 * S), (250, 10 * S), (-3, 0)):
        playback.seek_percent(percent)
        assert playback.position_ns == position
    playback.seek_percent(25)
    assert playback.percent == 25.0


def test_jumps_go_to_where_things_are_and_say_what_they_found():
    playback, _ = playing()
    assert playback.next("alert").name == "first"
    assert playback.state.alerts[-1].text == "first"
    assert playback.next("alert").name == "second"
    assert playback.next("alert") is None
    assert playback.position_ns == 6 * S
    assert playback.previous("alert").name == "first"
    assert len(playback.state.alerts) == 1
    assert playback.previous("alert") is None
    assert playback.next("marker").name == "here"
    assert playback.previous("error").name == "j1.1"
    assert playback.state.requests["j1.1"].status == "failed"
    assert playback.seek_job("j1").t == 1 * S
    assert playback.state.jobs["j1"].status == "running"
    assert playback.seek_job("j7") is None
    assert playback.position_ns == 1 * S


def test_steps_stand_still_and_go_event_by_event():
    playback, clock = playing()
    playback.seek(5 * S)
    count = playback.state.events
    playback.step(1)
    assert (playback.state.events, playback.position_ns, playback.paused) == (count + 1, 6 * S, True)
    playback.step(-2)
    assert (playback.state.events, playback.position_ns) == (count - 1, 4 * S)
    clock.now += 50
    playback.advance()
    assert playback.state.events == count - 1
    playback.step(-1000)
    assert (playback.state.events, playback.position_ns) == (0, 0)
    playback.step(1000)
    assert playback.finished


def test_between_events_of_one_moment_a_pause_holds():
    twice = [header(), ev.MarkerPlaced(t=5, label="a"), ev.MarkerPlaced(t=5, label="b")]
    playback, _ = playing(twice)
    playback.step(1)
    playback.advance()
    assert len(playback.state.markers) == 1
    playback.play()
    playback.advance()
    assert len(playback.state.markers) == 2


def test_the_end_is_taken_back_by_a_move():
    playback, clock = playing()
    clock.now += 50
    playback.advance()
    assert playback.finished
    playback.seek(9 * S)
    assert not playback.finished
    clock.now += 0.5
    playback.advance()
    assert playback.position_ns == 9.5 * S


def test_frames_say_that_the_state_was_replaced():
    playback, clock = playing()
    pump = Pump(playback)
    assert isinstance(playback, Player)
    clock.now += 5
    frame = pump.step()
    assert {"alerts", "stream"} <= frame.changed
    assert not frame.replaced
    first = frame.state
    playback.seek(1 * S)
    frame = pump.step()
    assert frame.replaced
    assert frame.changed == ALL_SECTIONS
    assert frame.state is pump.state is playback.state is not first
    frame = pump.step()
    assert (frame.changed, frame.replaced) == (frozenset(), False)


def test_a_move_forward_within_reach_is_told_like_playing():
    playback, _ = playing()
    pump = Pump(playback)
    pump.step()
    playback.seek(4 * S)
    frame = pump.step()
    assert not frame.replaced
    assert "alerts" in frame.changed
    assert "self" not in frame.changed


def test_a_replay_is_never_cut():
    playback, clock = playing()
    pump = Pump(playback)
    playback.pause()
    assert not any(pump.step().cut for _ in range(10))
    playback.play()
    clock.now += 50
    assert not any(pump.step().cut for _ in range(10))


def test_preparing_keeps_to_its_budget_and_ends():
    markers = [header(), *(ev.MarkerPlaced(t=n * MS, label="x") for n in range(30_000))]
    clock = Clock()
    recorded = Recorded(markers, size=PREPARED_AT_ONCE)
    playback = Playback(recorded, clock=clock)
    pump = Pump(playback)
    clock.tick = 0.01
    assert pump.prepare(0.025)
    assert recorded.asked <= 2 * 4
    assert playback.state.events == 0
    while pump.prepare(0.5):
        pass
    recorded.asked = 0
    assert not pump.prepare(0.5)
    assert recorded.asked == 0
    playback.seek(29_000 * MS)
    assert recorded.asked <= 8192 / PREPARED_AT_ONCE + 1


def far(count=30_000, **changes):
    """A session that is too long to be read at once, by a clock that runs while it is looked at."""
    markers = [header(), *(ev.MarkerPlaced(t=n * MS, label="x") for n in range(1, count))]
    playback, clock = playing(markers, **changes)
    playback.pause()
    clock.tick = MOVE_AT_ONCE_S / 4
    return playback, clock, markers


def arrive(playback):
    """Go on with a move to its end; return how many slices of work that took."""
    slices = 0
    while playback.going:
        assert playback.prepare(0.001)
        slices += 1
    return slices


def test_a_long_way_is_gone_in_slices_and_ends_in_the_exact_state():
    playback, _, markers = far()
    pump = Pump(playback)
    shown = pump.state
    for t in (29_000 * MS, 1000 * MS, 15_000 * MS, 14_999 * MS):
        playback.seek(t)
        assert (playback.position_ns, playback.finished) == (t, False), "it is said at once where it goes"
        if t == 29_000 * MS:
            assert playback.going
            assert pump.step() == (shown, frozenset(), False, False, None), "nothing is shown on the way"
            assert arrive(playback) > 20
        arrive(playback)
        assert pump.step().changed
        assert pump.state is playback.state
        assert playback.position_ns == t
        assert dump(playback.state) == dump(folded([event for event in markers if event.t <= t]))


def test_on_the_way_back_the_state_that_was_left_stays_until_the_other_is_there():
    playback, clock, markers = far()
    clock.tick = 0.0
    playback.seek(29_000 * MS)
    left = playback.state
    events = left.events
    clock.tick = MOVE_AT_ONCE_S / 4
    playback.seek(16_000 * MS)
    assert playback.going
    assert playback.state is left
    assert left.events == events
    arrive(playback)
    assert playback.state is not left
    assert dump(playback.state) == dump(folded([event for event in markers if event.t <= 16_000 * MS]))


def test_frames_alone_arrive_too():
    playback, _, _ = far()
    pump = Pump(playback)
    playback.seek(29_000 * MS)
    frames = 0
    while playback.going:
        changed = pump.step().changed
        assert bool(changed) != playback.going
        frames += 1
    assert frames > 5
    assert playback.state.events == 29_001


def test_on_the_way_another_move_takes_its_place():
    playback, _, markers = far()
    playback.seek(29_000 * MS)
    playback.seek(playback.position_ns - 10 * S)
    assert (playback.going, playback.position_ns) == (True, 19_000 * MS), "ten seconds back are counted from the goal"
    arrive(playback)
    assert dump(playback.state) == dump(folded([event for event in markers if event.t <= 19_000 * MS]))
    playback.seek(29_000 * MS)
    playback.seek(5 * MS)
    assert (playback.going, playback.state.events) == (False, 6)
    playback.seek(29_000 * MS)
    count = playback._replay.events
    playback.step(1)
    assert (playback.going, playback.state.events) == (False, count + 1)


def test_a_move_that_is_given_up_stands_where_it_has_come_to():
    playback, _, markers = far()
    playback.stay()
    assert playback.position_ns == 0
    playback.seek(29_000 * MS)
    playback.stay()
    assert not playback.going
    assert 0 < playback.position_ns < 29_000 * MS
    assert dump(playback.state) == dump(folded([event for event in markers if event.t <= playback.position_ns]))
    assert playback.advance()


def test_the_clock_stands_on_the_way_and_runs_on_from_the_goal():
    playback, clock, _ = far()
    playback.seek(20_000 * MS)
    playback.play()
    playback.faster()
    clock.now += 500
    assert (playback.going, playback.position_ns) == (True, 20_000 * MS)
    arrive(playback)
    clock.tick = 0.0
    before = playback.position_ns
    clock.now += 0.5
    assert playback.position_ns == before + 1 * S
    assert before < 21_000 * MS


def test_sources_that_cannot_be_prepared_need_nothing():
    class Empty:
        finished = True

        def poll(self):
            return []

        def writer_alive(self):
            return False

        def close(self):
            pass

    assert not Pump(Empty()).prepare(1.0)


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was(enabled):
    was = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        playback, _ = playing()
        for move in (lambda: playback.seek(5 * S), lambda: playback.step(-1), lambda: playback.prepare(0.1)):
            move()
            assert gc.isenabled() == enabled
    finally:
        (gc.enable if was else gc.disable)()


def test_a_log_is_played_from_its_file(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(b"".join(map(encode_line, whole_session())))
    playback = Playback(LogBlocks(path, block_size=300), speed=None)
    assert playback.length_ns == 303 * MS
    pump = Pump(playback)
    pump.step()
    assert dump(pump.state) == dump(folded(whole_session()))
    playback.previous("marker")
    assert pump.step().replaced
    assert playback.paused, "at no speed the end would be back at once"
    assert dump(pump.state) == dump(folded(whole_session()[:-1]))
    playback.close()


def test_the_length_of_what_only_looked_longer_is_put_right(tmp_path):
    path = tmp_path / "s.jsonl"
    bad = b'{"ev":"sample_taken","t":99999999999999,"values":{"x":"y"}}\n'
    path.write_bytes(b"".join(map(encode_line, whole_session())) + bad)
    playback = Playback(LogBlocks(path, block_size=300))
    assert playback.length_ns == 99999999999999
    playback.seek_percent(100)
    assert playback.length_ns == 303 * MS
    assert dump(playback.state) == dump(folded(whole_session()))
    assert playback.position_ns == 303 * MS
    playback.close()


def test_closing_lets_go_of_the_recording():
    recorded = Recorded(told())
    Playback(recorded).close()
    assert recorded.closed


# --- spans that heat slowed ---------------------------------------------------------------------------------------


def heated(*spans, seconds=60):
    """A session whose GPU says in these spans of seconds that heat slows it."""

    def reasons(second):
        return float(0x20 if any(start <= second < end for start, end in spans) else 0)

    samples = [
        ev.SampleTaken(
            t=second * S,
            values={"gpu.0.percent": 99.0, "gpu.0.temperature": 84.0, "gpu.0.throttle.reasons": reasons(second)},
        )
        for second in range(1, seconds)
    ]
    return [header(), *samples, ev.SessionFinished(t=seconds * S, outcome="completed")]


def test_the_next_and_the_last_span_slowed_by_heat_are_found_and_exact():
    events = heated((10, 15), (30, 40))
    playback, _ = playing(events)
    assert playback.next("throttle").t == 10 * S
    assert playback.position_ns == 10 * S
    assert dump(playback.state) == dump(folded([event for event in events if event.t <= 10 * S]))
    assert len(playback.state.heat_spans) == 1
    assert playback.next("throttle").t == 30 * S
    assert playback.next("throttle") is None
    assert playback.searched_ns == playback.length_ns
    assert playback.position_ns == 30 * S, "it stays where it was"
    assert playback.previous("throttle").t == 10 * S
    assert dump(playback.state) == dump(folded([event for event in events if event.t <= 10 * S]))
    assert [(span.start_ns, span.end_ns) for span in playback.heat_spans] == [(10 * S, 15 * S), (30 * S, 40 * S)]


def test_a_session_without_heat_has_no_such_span():
    playback, _ = playing(heated())
    assert playback.next("throttle") is None
    assert (playback.heat_spans, playback.position_ns) == ((), 0)


def test_a_search_for_heat_ends_in_time_and_says_how_far_it_came():
    playback, clock = playing(heated((3000, 3010), seconds=3600))
    clock.tick = 1.0
    assert playback.next("throttle") is None
    assert 0 < playback.searched_ns < 3000 * S
    clock.tick = 0.0
    while playback.prepare(1.0):
        pass
    assert playback.next("throttle").t == 3000 * S


def test_what_was_played_over_need_not_be_searched():
    playback, clock = playing(heated((10, 15)))
    clock.now += 20
    playback.advance()
    playback.pause()
    assert [mark.t for mark in playback.landmarks.of_kind("throttle")] == [10 * S]
    assert playback.previous("throttle").t == 10 * S
