import pytest
from support.conversation import header
from support.dumps import dump

from llmtui import events as ev
from llmtui.state.heat_spans import HELD_NS, HeatSpan, note_heat
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState

S = 1_000_000_000


def spans(*said):
    found = []
    for t, slowed in said:
        note_heat(found, t * S, slowed=slowed)
    return found


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], []),
        ([(1, False), (2, False)], []),
        ([(1, True)], [HeatSpan(1 * S, 1 * S)]),
        ([(1, True), (2, True)], [HeatSpan(1 * S, 2 * S)]),
        ([(1, True), (2, True), (3, False), (4, False)], [HeatSpan(1 * S, 3 * S, over=True)]),
        ([(1, True), (3, False), (4, True)], [HeatSpan(1 * S, 3 * S, over=True), HeatSpan(4 * S, 4 * S)]),
    ],
)
def test_a_span_goes_from_the_first_word_of_heat_to_the_word_that_it_is_over(said, expected):
    assert spans(*said) == expected


def test_after_a_gap_it_is_another_span():
    held = HELD_NS // S
    assert spans((1, True), (1 + held, True)) == [HeatSpan(1 * S, (1 + held) * S)]
    assert spans((1, True), (2 + held, True)) == [
        HeatSpan(1 * S, 1 * S, over=True),
        HeatSpan((2 + held) * S, (2 + held) * S),
    ]
    assert spans((1, True), (2 + held, False)) == [HeatSpan(1 * S, 1 * S, over=True)]


def told(second, reasons):
    values = {"gpu.0.percent": 99.0, "gpu.0.temperature": 84.0, "gpu.0.throttle.reasons": float(reasons)}
    return ev.SampleTaken(t=second * S, values=values)


def test_the_samples_of_a_session_make_them():
    state = SessionState()
    apply_all(state, [header(), *(told(second, 0x20 if 10 <= second < 20 else 0) for second in range(30))])
    (span,) = state.heat_spans
    assert (span.start_ns, span.end_ns, span.over) == (10 * S, 20 * S, True)
    quiet = SessionState()
    apply_all(quiet, [header(), *(told(second, 0) for second in range(30))])
    assert quiet.heat_spans == []


def test_a_state_with_spans_is_the_same_after_it_was_put_aside():
    from llmtui.state.checkpoints import freeze, thaw

    state = SessionState()
    apply_all(state, [header(), *(told(second, 0x20 if second % 4 < 2 else 0) for second in range(200))])
    assert len(state.heat_spans) > 16, "long lists are packed"
    assert dump(thaw(freeze(state))) == dump(state)
