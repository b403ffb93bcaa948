import math
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.any_events import sessions
from support.conversation import MS, header, whole_session
from support.dumps import dump, folded

from llmtui import events as ev
from llmtui.state.replay import Replay


class Blocks:
    """Events in blocks of a size; it notes which ones were asked for."""

    def __init__(self, events, size):
        self.parts = [events[place : place + size] for place in range(0, len(events), size)]
        self.asked = []

    def __len__(self):
        return len(self.parts)

    def events(self, place):
        self.asked.append(place)
        return self.parts[place]


def moments(events):
    return list(accumulate((event.t for event in events), max))


def count_until(events, t):
    return sum(moment <= t for moment in moments(events))


def long_session(count=1000):
    return [header(), *(ev.MarkerPlaced(t=n * MS, label=str(n)) for n in range(1, count))]


TIMES = st.integers(-100, 2000).map(lambda n: n * MS)
SIZES = st.integers(1, 9)


@given(sessions(), SIZES, TIMES, TIMES)
def test_a_seek_is_the_same_as_playing_to_that_moment(events, size, first, t):
    replay = Replay(Blocks(events, size), spacing=3, most_checkpoints=5)
    replay.seek(first)
    replay.seek(t)
    played = Replay(Blocks(events, 7), spacing=1000)
    for moment in range(-100, t // MS + 1, 50):
        played.advance_to(moment * MS)
    played.advance_to(t)
    assert dump(replay.state) == dump(played.state) == dump(folded(events[: count_until(events, t)]))
    assert replay.events == played.events


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("seek"), TIMES),
        st.tuples(st.just("step"), st.integers(-5, 5)),
        st.tuples(st.just("seek_event"), st.integers(-2, 50)),
        st.tuples(st.just("advance_to"), TIMES),
        st.tuples(st.just("prepare"), st.integers(1, 20)),
    ),
    max_size=12,
)


@given(sessions(), SIZES, MOVES, st.integers(4, 9))
def test_any_way_to_a_position_ends_in_the_same_state(events, size, moves, most):
    replay = Replay(Blocks(events, size), spacing=2, most_checkpoints=most)
    place = 0
    for move, goal in moves:
        getattr(replay, move)(goal)
        if move == "seek":
            place = count_until(events, goal)
        elif move == "advance_to":
            place = max(place, count_until(events, goal))
        elif move != "prepare":
            place = max(0, min(len(events), goal + (place if move == "step" else 0)))
        assert replay.events == place
        assert replay.moment == (moments(events)[place - 1] if place else -math.inf)
        assert dump(replay.state) == dump(folded(events[:place]))
    assert len(replay.checkpoints) <= most


def test_an_event_that_comes_late_is_in_when_those_before_it_are():
    late = [
        header(),
        ev.MarkerPlaced(t=90, label="a"),
        ev.MarkerPlaced(t=50, label="b"),
        ev.MarkerPlaced(t=91, label="c"),
    ]
    replay = Replay(Blocks(late, 2))
    for t, count in ((49, 1), (50, 1), (89, 1), (90, 3), (91, 4), (50, 1)):
        replay.seek(t)
        assert replay.events == count


def test_all_that_a_way_forward_changed_is_told():
    replay = Replay(Blocks(whole_session(), 4))
    assert replay.advance_to(0) == {"header"}
    assert {"queue", "results", "hardware", "stream"} <= replay.advance_to(299 * MS)
    assert replay.advance_to(299 * MS) == set()
    assert replay.seek(302 * MS) == {"queue", "results", "alerts", "hardware"}
    assert replay.step(1) >= {"header"}
    assert replay.ended


def test_a_way_forward_can_be_bounded():
    replay = Replay(Blocks(long_session(), 100), spacing=64)
    replay.advance_to(math.inf, 333)
    assert (replay.events, replay.ended, replay.end) == (333, False, None)
    replay.advance_to(math.inf)
    assert (replay.events, replay.ended, replay.end) == (1000, True, 999 * MS)


def test_the_state_is_another_object_only_when_it_had_to_be():
    replay = Replay(Blocks(long_session(), 100), spacing=64)
    first = replay.state
    replay.seek(100 * MS)
    replay.step(1)
    assert replay.state is first
    replay.seek(99 * MS)
    assert replay.state is not first


def test_a_prepared_seek_reads_little_and_one_that_is_not_reads_all():
    for prepared, most in ((True, 1), (False, 10)):
        blocks = Blocks(long_session(), 100)
        replay = Replay(blocks, spacing=64)
        while prepared and replay.prepare(50):
            assert replay.events == 0, "looking ahead leaves the position alone"
        assert replay.prepared == prepared
        blocks.asked.clear()
        replay.seek(990 * MS)
        assert replay.events == 991
        assert len(set(blocks.asked)) == most


def test_from_a_checkpoint_to_any_event_it_is_never_further_than_their_spacing():
    replay = Replay(Blocks(long_session(), 100), spacing=64)
    while replay.prepare(37):
        pass
    places = [checkpoint.events for checkpoint in replay.checkpoints]
    assert places == list(range(0, 1000, 64))


def test_there_are_never_more_checkpoints_than_allowed_and_they_stay_evenly_apart():
    replay = Replay(Blocks(long_session(), 100), spacing=8, most_checkpoints=10)
    for events in range(0, 1000, 30):
        replay.seek_event(events)
        assert len(replay.checkpoints) <= 10
    places = [checkpoint.events for checkpoint in replay.checkpoints]
    gaps = {later - earlier for earlier, later in pairwise(places)}
    assert len(gaps) == 1
    assert 1000 - places[-1] <= 2 * gaps.pop()


def test_checkpoints_are_made_in_passing_and_spare_the_preparation():
    blocks = Blocks(long_session(), 100)
    replay = Replay(blocks, spacing=64)
    replay.advance_to(math.inf)
    blocks.asked.clear()
    assert not replay.prepare(10)
    assert blocks.asked == []
    assert len(replay.checkpoints) == 16


def test_preparing_goes_on_where_the_position_has_come_in_the_meantime():
    blocks = Blocks(long_session(), 100)
    replay = Replay(blocks, spacing=64)
    replay.prepare(70)
    replay.advance_to(600 * MS)
    blocks.asked.clear()
    replay.prepare(70)
    assert min(blocks.asked) == 5, "what was passed is not looked at again"


def test_a_seek_takes_over_from_the_look_ahead():
    blocks = Blocks(long_session(), 100)
    replay = Replay(blocks, spacing=256)
    replay.prepare(450)
    blocks.asked.clear()
    replay.seek(500 * MS)
    assert replay.events == 501
    assert min(blocks.asked) == 4, "what was looked at is not looked at again"
    assert replay.prepare(1)
    replay.seek(10 * MS)
    while replay.prepare(100):
        pass
    assert (replay.events, replay.end) == (11, 999 * MS)
    assert [checkpoint.events for checkpoint in replay.checkpoints] == [0, 256, 512, 768]


def test_stepping_back_one_by_one_starts_near_each_time():
    blocks = Blocks(long_session(10_000), 100)
    replay = Replay(blocks, spacing=8192)
    replay.seek_event(8000)
    replay.step(-1)
    blocks.asked.clear()
    for events in range(7998, 7900, -1):
        replay.step(-1)
        assert replay.events == events
    assert len(blocks.asked) < 98 * 8, "each step reads the neighbourhood, not the way from the last checkpoint"


@pytest.mark.parametrize("events", [[], [header()]])
def test_a_session_of_next_to_nothing_can_be_moved_in(events):
    replay = Replay(Blocks(events, 10))
    for move in (replay.seek, replay.step, replay.seek_event, replay.advance_to):
        for goal in (-5, 0, 5, 10**30):
            move(goal)
    assert replay.events == len(events)
    assert replay.ended
    assert not replay.prepare(1)


def test_blocks_without_events_are_passed():
    blocks = Blocks(long_session(20), 5)
    blocks.parts = [[], blocks.parts[0], [], [], *blocks.parts[1:], []]
    replay = Replay(blocks)
    replay.seek(math.inf)
    assert (replay.events, replay.ended) == (20, True)
