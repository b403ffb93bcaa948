import json
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.conversation import header, queued, whole_session

from llmtui import events as ev
from llmtui.log.decode import BULK_PREFIXES, EventDecoder, last_turn
from llmtui.log.encode import encode_line

SAMPLE = (Path(__file__).parent / "samples" / "version1.jsonl").read_bytes()
LINES = SAMPLE.splitlines(keepends=True)


def decoded(*pieces, **options):
    decoder = EventDecoder(**options)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.flush(), decoder


def test_a_block_gives_what_its_lines_give_one_by_one():
    whole, _ = decoded(SAMPLE)
    assert whole == decoded(*LINES)[0]
    written = list(map(encode_line, whole))
    assert decoded(*written)[0] == whole
    for old, new in zip(LINES, written, strict=True):
        assert keeps(json.loads(old), json.loads(new)), "what an old log says is written again"


def keeps(old, new):
    """Whether all of an old line is in a new one, which may say more."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(key in new and keeps(value, new[key]) for key, value in old.items())
    if isinstance(old, list):
        return isinstance(new, list) and len(old) == len(new) and all(map(keeps, old, new))
    return old == new


def test_the_control_a_line_that_lacks_or_changes_something_does_not_keep_it():
    old = {"a": [{"b": 1}], "c": None}
    assert keeps(old, {**old, "d": 2})
    for new in (
        {"a": [{"b": 1}]},
        {"a": [{"b": 2}], "c": None},
        {"a": [{"b": 1}, {}], "c": None},
        [],
        {"a": 1, "c": None},
    ):
        assert not keeps(old, new)


def test_cut_at_any_byte_all_whole_lines_are_there_and_no_other():
    whole, _ = decoded(SAMPLE)
    for cut in range(len(SAMPLE)):
        events, decoder = decoded(SAMPLE[:cut])
        # A line that lacks only its line feed is whole.
        complete = SAMPLE[: cut + 1].count(b"\n")
        assert events == whole[:complete], cut
        assert decoder.torn == (cut > 0 and SAMPLE[cut - 1 : cut] != b"\n" and SAMPLE[cut : cut + 1] != b"\n"), cut
        assert decoder.notices() == []


segments = st.one_of(
    st.sampled_from(LINES),
    st.binary(max_size=40).map(lambda junk: junk + b"\n"),
    st.sampled_from([b"\n", b"  \r\n", b'{"ev":"model_sang","t":1}\n', b'{"ev":"queue_paused"\n', b"null\n", b"[1]\n"]),
)


@given(st.lists(segments, max_size=30), st.lists(st.integers(0, 3000), max_size=20), st.booleans())
def test_what_is_read_does_not_depend_on_how_the_bytes_arrive(parts, cuts, bulk):
    data = b"".join(parts)
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    pieces = [data[a:b] for a, b in pairwise(places)]
    at_once, first = decoded(data, bulk=bulk)
    in_pieces, second = decoded(*pieces, bulk=bulk)
    assert at_once == in_pieces
    assert (first.lines, first.unknown, first.garbage, first.notices()) == (
        second.lines,
        second.unknown,
        second.garbage,
        second.notices(),
    )
    assert first.lines == data.count(b"\n")


# What begins like a sample is passed over without a look, even if it is damaged further on.
plain_segments = segments.filter(lambda line: line in LINES or not line.startswith(BULK_PREFIXES))


@given(st.lists(plain_segments, max_size=20))
def test_without_bulk_everything_but_tokens_and_samples_is_the_same(parts):
    data = b"".join(parts)
    whole, with_bulk = decoded(data)
    rest, without = decoded(data, bulk=False)
    bulk = (ev.TokensReceived, ev.SampleTaken, ev.SelfMeasured)
    assert rest == [event for event in whole if not isinstance(event, bulk)]
    assert without.lines == with_bulk.lines
    assert without.notices() == with_bulk.notices()
    assert without.recognised == with_bulk.recognised + without.lines - with_bulk.lines


@given(st.binary(max_size=60).filter(lambda junk: b"\n" not in junk and junk.strip()), st.integers(1, len(LINES)))
def test_a_line_of_garbage_costs_only_itself_and_is_named(junk, place):
    events, decoder = decoded(b"".join([*LINES[:place], junk + b"\n", *LINES[place:]]))
    assert events == decoded(SAMPLE)[0]
    assert decoder.notices() == [f"no event could be read from line {place + 1}"]


@pytest.mark.parametrize(
    "line",
    [
        b'{"ev":"job_queued","t":1,"parameters":' + b'{"a":' * 100_000,
        b"[" * 100_000,
        b'{"ev":"marker_placed","t":1,"label":"\xff"}',
        b'{"ev":"marker_placed","t":1,"label":"\\ud800"}',
        b'{"ev":"marker_placed","t":1e999,"label":""}',
        b'{"ev":"sample_taken","t":1,"values":{"cpu.percent":null}}',
        b'{"ev":"queue_paused","t":1}{"ev":"queue_paused","t":1}',
        b'{"ev":"session_opened","format":"new"}',
        b'{"ev":"session_opened","t":1,"format":0}',
    ],
)
def test_no_line_is_nasty_enough_to_stop_the_reading(line):
    after = encode_line(ev.QueuePaused(t=2))
    assert decoded(LINES[0] + line + b"\n")[1].garbage == 1
    assert decoded(line + b"\n" + SAMPLE)[0] == decoded(SAMPLE)[0]
    if b"session_opened" not in line:
        assert decoded(LINES[0] + line + b"\n" + after)[0][-1] == ev.QueuePaused(t=2)


def test_an_event_over_two_lines_is_not_our_format():
    events, decoder = decoded(b'{"ev":"queue_paused",\n"t":1}\n')
    assert events == []
    assert decoder.garbage == 2


def test_many_lines_of_garbage_are_counted_not_kept():
    _, decoder = decoded(LINES[0] + b"x\n" * 100_000)
    assert decoder.notices() == ["no event could be read from line 2, 3, 4 and 99997 more"]


def test_unknown_events_and_a_newer_format_are_said():
    newer = LINES[0].replace(b'"format":1', b'"format":99')
    events, decoder = decoded(newer + b'{"ev":"model_sang","t":3}\n' + encode_line(ev.QueuePaused(t=4)))
    assert [type(event) for event in events] == [ev.SessionOpened, ev.QueuePaused]
    assert decoder.notices() == [
        "the log has format 99, newer than 1: what is new in it is left out; update llmtui to see it",
        "1 event of a type that this version does not know, left out",
    ]


def test_a_newer_format_is_said_even_if_every_line_can_be_read():
    newer = LINES[0].replace(b'"format":1', b'"format":2')
    _, decoder = decoded(newer + encode_line(ev.QueuePaused(t=4)))
    assert [notice[:23] for notice in decoder.notices()] == ["the log has format 2, n"]


def test_events_that_are_late_by_nature_are_in_order_and_others_are_not():
    s = 1_000_000_000
    late = [header(), ev.QueuePaused(t=20 * s), ev.MarkerPlaced(t=15 * s, label="late"), ev.QueueResumed(t=21 * s)]
    assert decoded(*map(encode_line, late))[1].notices() == []
    moved = [header(), ev.QueuePaused(t=20 * s), ev.MarkerPlaced(t=14 * s, label="moved"), ev.QueueResumed(t=21 * s)]
    assert decoded(*map(encode_line, moved))[1].notices() == ["1 event out of order by more than 5 s"]
    assert len(decoded(*map(encode_line, moved))[0]) == 4


def test_a_session_that_was_opened_again_begins_its_time_anew():
    events = [header(), ev.QueuePaused(t=9_000_000_000_000), header(), ev.QueuePaused(t=5)]
    assert decoded(*map(encode_line, events))[1].notices() == []


def test_a_last_line_without_its_line_feed_is_told_once():
    line = encode_line(ev.QueuePaused(t=1))
    decoder = EventDecoder()
    assert decoder.feed(LINES[0] + line[:-1]) != []
    assert decoder.flush() == [ev.QueuePaused(t=1)]
    assert decoder.flush() == []
    assert decoder.feed(b"\n" + line) == [ev.QueuePaused(t=1)]
    assert decoder.lines == 3
    assert decoder.notices() == []


@pytest.mark.parametrize("piece", [10, 999, 5000])
def test_a_line_without_end_is_given_up_and_the_next_is_read(piece):
    data = LINES[0] + b"x" * 100_000 + b"\n" + encode_line(ev.QueuePaused(t=1))
    decoder = EventDecoder(longest_line=10_000)
    tracemalloc.start()
    events = []
    for start in range(0, len(data), piece):
        events += decoder.feed(data[start : start + piece])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert events[1:] == [ev.QueuePaused(t=1)]
    assert decoder.notices() == ["no event could be read from line 2"]
    assert peak < 100_000
    assert not decoder.torn


def test_the_last_turn_is_what_tells_whether_it_is_over():
    over = whole_session()
    assert isinstance(last_turn(over), ev.SessionFinished)
    assert isinstance(last_turn([*over, ev.SampleTaken(t=1, values={})]), ev.SessionFinished)
    assert isinstance(last_turn([*over, queued("j2")]), ev.JobQueued)
    assert last_turn([ev.QueuePaused(t=1)]) is None
