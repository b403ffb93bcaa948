import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.any_events import sessions
from support.conversation import header, queued, request, whole_session
from support.dumps import dump, folded

from llmtui import events as ev
from llmtui.state import checkpoints
from llmtui.state.checkpoints import freeze, thaw
from llmtui.state.reducer import apply_all
from llmtui.state.session import KEPT_TEXT, SessionState


@given(sessions(), st.integers(0, 40))
def test_a_state_comes_back_as_it_was_and_goes_on_as_it_would_have(events, cut):
    state = folded(events[:cut])
    early = freeze(state)
    apply_all(state, events[cut:])
    late = freeze(state, early)
    assert dump(thaw(early)) == dump(folded(events[:cut]))
    assert dump(thaw(late)) == dump(folded(events))
    again = thaw(early)
    apply_all(again, events[cut:])
    assert dump(again) == dump(folded(events))
    assert dump(thaw(early)) == dump(folded(events[:cut])), "a state that goes on changes nothing that was put aside"


def test_the_dump_tells_states_apart():
    assert dump(folded(whole_session())) != dump(folded(whole_session()[:-1]))
    other = folded(whole_session())
    other.readings["cpu.percent"].append(1, 2.0)
    assert dump(folded(whole_session())) != dump(other)


def test_what_has_not_changed_is_shared():
    state = folded(whole_session())
    early = freeze(state)
    assert freeze(state, early).size < early.size / 2
    assert freeze(state, early).root.content[10] is early.root.content[10]
    assert freeze(state).root.content[10] is not early.root.content[10]


def test_long_text_is_packed_and_comes_back_piece_by_piece():
    pieces = [
        ev.TokensReceived(t=n, request="j1.1", offsets_us=(n,), texts=(f"é{n}\x00",), kind="reasoning")
        for n in range(99)
    ]
    state = folded([header(), queued(), *request("j1.1")[:2], *pieces])
    frozen = freeze(state)
    assert dump(thaw(frozen)) == dump(state)
    assert thaw(frozen).requests["j1.1"].pieces[7] == ("reasoning", "é7\x00")


def test_text_that_was_dropped_since_is_still_there():
    state = folded([header(), queued()])
    kept = []
    for number in range(4):
        batch = ev.TokensReceived(t=number, request=f"r{number}", offsets_us=(1,), texts=("x" * (KEPT_TEXT // 2),))
        apply_all(state, [*request(f"r{number}")[:2], batch])
        kept.append(freeze(state, kept[-1] if kept else None))
    assert thaw(kept[0]).requests["r0"].pieces
    assert not thaw(kept[3]).requests["r0"].pieces
    assert not state.requests["r0"].pieces


@pytest.mark.parametrize(
    "value", [[(1, "a")] * 99, [(1 << 70, "a")] * 99, [("\ud800",)] * 99, [((1,),)] * 99, [1, "a"] * 99]
)
def test_lists_of_anything_come_back(value):
    state = SessionState()
    state.running_jobs = value
    assert thaw(freeze(state)).running_jobs == value


@given(sessions())
def test_nothing_that_changes_stands_in_two_places(events):
    seen = {}
    twice = []

    def visit(value, path):
        if checkpoints._is_fixed(type(value)):
            return
        if id(value) in seen:
            twice.append((path, seen[id(value)]))
        seen[id(value)] = path
        held = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for place, one in enumerate(held):
            visit(one, f"{path}[{place}]")
        for name in checkpoints._fields(type(value)) if not isinstance(value, list) else ():
            visit(getattr(value, name), f"{path}.{name}")

    state = folded(events)
    visit(state, "state")
    assert not twice
    state.markers = state.alerts
    visit(state, "state")
    assert twice, "this test sees it when it is so"
