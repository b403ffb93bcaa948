from hypothesis import given
from hypothesis import strategies as st
from support.conversation import header

from llmtui import events as ev
from llmtui.log.encode import encode_line
from llmtui.log.waiting import FEW, WaitingLines

SAMPLE = ev.SampleTaken(t=1, values={"cpu.percent": 1.0})
TOKENS = ev.TokensReceived(t=1, request="r", offsets_us=(1,), texts=("x",))
MARKER = ev.MarkerPlaced(t=1, label="x")


def filled(events, most_bytes=1_000_000):
    waiting = WaitingLines(most_bytes)
    for number, event in enumerate(events):
        waiting.add(event, b"%d\n" % number)
    return waiting


@given(st.lists(st.sampled_from([SAMPLE, TOKENS, MARKER, header()])), st.integers(1, 40))
def test_lines_leave_in_the_order_in_which_they_came(events, most_bytes):
    waiting = filled(events)
    taken = []
    while waiting:
        taken.append(waiting.take(most_bytes))
    assert b"".join(taken) == b"".join(b"%d\n" % number for number in range(len(events)))
    assert all(len(block) < most_bytes + 4 for block in taken)
    assert waiting.size == 0
    assert waiting.take(10) == b""
    assert waiting.tell_lost() == "nothing was lost"


KINDS = [SAMPLE, TOKENS, MARKER, header()]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(KINDS), st.integers(1, 30)),
        st.tuples(st.just("burst"), st.sampled_from(KINDS), st.integers(FEW - 2, FEW + 2)),
        st.tuples(st.just("take"), st.none(), st.integers(1, 200)),
    )
)


@given(STEPS, st.sampled_from([40, 400, 1_000_000]))
def test_whatever_order_it_comes_in_it_is_what_a_plain_list_would_do(steps, most_bytes):
    """The list is looked through from its start for the cheapest kind, and lines are taken off its start."""
    waiting, plain, lost = WaitingLines(most_bytes), [], 0
    kept = 0
    for number, (step, event, count) in enumerate(steps):
        if step == "take":
            taken = waiting.take(count)
            expected = b""
            while plain and len(expected) < count:
                expected += plain.pop(0)[1]
            assert taken == expected
            kept -= len(taken)
        for _ in range({"add": 1, "burst": count, "take": 0}[step]):
            line = b"%d\n" % number + b"x" * (count if step == "add" else 0)
            waiting.add(event, line)
            plain.append((KINDS.index(event), line))
            kept += len(line)
            while kept > most_bytes and any(kind < 3 for kind, _ in plain):
                cheapest = min(range(len(plain)), key=lambda place: (plain[place][0], place))
                kept -= len(plain.pop(cheapest)[1])
                lost += 1
        assert (waiting.size, len(waiting), waiting.lost) == (kept, len(plain), lost)
        assert len(waiting._new) <= FEW, "so many at most are sorted while somebody waits for it"


def test_the_cheapest_go_first_and_of_a_kind_the_oldest():
    waiting = filled([header(), SAMPLE, MARKER, TOKENS, SAMPLE, MARKER, TOKENS, MARKER], most_bytes=10)
    # Eight lines of two bytes; room for five.
    assert waiting.size == 10
    assert waiting.lost == 3
    assert waiting.take(100) == b"0\n2\n5\n6\n7\n"
    assert waiting.tell_lost() == "events lost: 3 (2 of samples, 1 of tokens)"
    assert waiting.tell_lost() == "nothing was lost"


def test_the_header_stays_whatever_comes():
    waiting = filled([header(), *[MARKER] * 100], most_bytes=10)
    assert waiting.take(100).startswith(b"0\n")
    assert waiting.tell_lost() == "events lost: 98 (98 of other kinds)"


def test_a_line_that_alone_is_beyond_the_bound_goes_itself():
    waiting = WaitingLines(100)
    waiting.add(header(), b"0" * 60)
    waiting.add(SAMPLE, b"1" * 60)
    assert (len(waiting), waiting.lost, waiting.size) == (1, 1, 60)


@given(st.lists(st.sampled_from([SAMPLE, TOKENS, MARKER]), min_size=1), st.integers(20, 2000))
def test_the_bound_holds_and_nothing_vanishes_unsaid(events, most_bytes):
    waiting = WaitingLines(most_bytes)
    for event in events:
        waiting.add(event, encode_line(event))
        assert waiting.size <= most_bytes
    kept = waiting.take(1_000_000).count(b"\n")
    assert kept + waiting.lost == len(events)
