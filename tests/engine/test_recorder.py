from support.scripted import Sink

from llmtui import events as ev
from llmtui.engine.recorder import Recorder


def test_time_counts_from_the_origin():
    ticks = iter([100, 150, 175])
    sink = Sink()
    recorder = Recorder(sink, clock=lambda: next(ticks))
    assert recorder.origin_ns == 100
    assert recorder.now() == 50
    recorder.alert("warning", "code", "look", "j1")
    assert sink.events == [ev.AlertRaised(t=75, severity="warning", code="code", text="look", job="j1")]
    assert recorder.since_origin(130) == 30
