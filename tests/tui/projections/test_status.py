from support.conversation import header, queued, whole_session

from llmtui import events as ev
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.tui.projections.status import hardware_strip, status_parts


def folded(events):
    state = SessionState()
    apply_all(state, events)
    return state


def test_the_state_of_the_line_is_a_word():
    live = folded([header(), queued()])
    assert status_parts(live, "live", 0)[:2] == ["quick", "live"]
    assert "CUT" in status_parts(live, "cut", 0)[1]
    assert status_parts(folded(whole_session()), "live", 0)[1] == "completed"
    paused = folded([header(), queued(), ev.QueuePaused(t=5)])
    assert status_parts(paused, "live", 0)[1] == "QUEUE PAUSED"


def test_the_instrument_shows_its_own_cost():
    state = folded([header(), ev.SelfMeasured(t=1, engine_cpu=1.0, lag_p99_ns=1_500_000)])
    parts = status_parts(state, "live", 12_345)
    assert "lag p99 1.50 ms" in parts
    assert "12 kB/s" in parts


def test_the_strip_shows_what_there_is():
    assert hardware_strip(folded([header()])) == "no hardware reading yet"
    state = folded([header(), ev.SampleTaken(t=1, values={"cpu.percent": 50.0, "gpu.0.power": 100.0})])
    assert hardware_strip(state) == "CPU 50 %  100 W"
