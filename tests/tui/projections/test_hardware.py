import math

import pytest
from support.conversation import header, queued

from llmtui import events as ev
from llmtui.state.reducer import apply, apply_all
from llmtui.state.session import SessionState
from llmtui.tui.projections.hardware import hardware_view

S = 1_000_000_000


def sampled(*samples):
    state = SessionState()
    apply_all(state, [header(), queued(), *samples])
    return state


def sample(t, missing=None, **values):
    named = {key.replace("_", "."): value for key, value in values.items()}
    return ev.SampleTaken(t=t, values=named, missing=missing or {})


def test_a_figure_shows_its_value_on_a_fixed_scale():
    graph = hardware_view(sampled(sample(S, cpu_percent=56.0)), 60).graphs["cpu.percent"]
    assert (graph.value, graph.low, graph.high, graph.high_text) == ("56 %", 0, 100, "100 %")


def test_a_limit_stands_beside_the_value():
    state = sampled(ev.SampleTaken(t=S, values={"gpu.0.power": 140.0, "gpu.0.power.limit": 350.0}))
    graph = hardware_view(state, 60).graphs["gpu.0.power"]
    assert (graph.value, graph.high) == ("140 W of 350 W", 350.0)


def test_what_is_missing_says_why_and_shares_a_line():
    reasons = {"gpu.0.percent": "no GPU found", "gpu.0.memory.used": "no GPU found", "gpu.0.power": "no permission"}
    graphs = hardware_view(sampled(sample(S, reasons, cpu_percent=1.0)), 60).graphs
    assert graphs["gpu.0.percent"].title == "GPU, memory"
    assert graphs["gpu.0.percent"].missing == "no GPU found"
    assert graphs["gpu.0.power"].missing == "no permission"
    assert "gpu.0.memory.used" not in graphs


def test_a_lost_sampler_is_the_reason_for_everything():
    state = sampled(sample(S, cpu_percent=1.0), ev.SamplerLost(t=2 * S, reason="the sampler ended"))
    assert hardware_view(state, 60).graphs["cpu.percent"].missing == "the sampler ended"


def test_points_stay_as_they_are_while_time_goes_on():
    state = sampled(*(sample(n * S, cpu_percent=float(n)) for n in range(1, 30)))
    before = hardware_view(state, 60).graphs["cpu.percent"].points
    apply(state, sample(30 * S, cpu_percent=99.0))
    after = hardware_view(state, 60).graphs["cpu.percent"].points
    assert after[-122:-3] == before[-120:][1 : len(after) - 2] or list(after[:-2]) == list(before[2:])


def test_a_gap_longer_than_five_seconds_stays_open():
    state = sampled(sample(S, cpu_percent=50.0), sample(30 * S, cpu_percent=60.0))
    points = hardware_view(state, 60).graphs["cpu.percent"].points
    assert sum(math.isnan(point) for point in points) > 60


def test_jobs_and_markers_are_ticks():
    state = sampled(sample(S, cpu_percent=1.0), ev.JobStarted(t=5 * S, job="j1"), ev.MarkerPlaced(t=9 * S, label="x"))
    assert len(hardware_view(state, 60).graphs["cpu.percent"].ticks) == 2


def test_two_gpus_have_a_graph_each():
    state = sampled(ev.SampleTaken(t=S, values={"gpu.0.percent": 1.0, "gpu.1.percent": 2.0}))
    graphs = hardware_view(state, 60).graphs
    assert (graphs["gpu.0.percent"].title, graphs["gpu.1.percent"].title) == ("GPU", "GPU 1")


def test_the_server_and_llmtui_itself_stand_below():
    found = ev.ServerProcessesFound(
        t=S, target="t", processes=(ev.ServerProcess(pid=1, name="llama-server", command="x", created=1.0),)
    )
    own = ev.SelfMeasured(t=S, engine_cpu=1.25, sampler_cpu=0.5, engine_memory=1024, sampler_memory=1024)
    lines = hardware_view(sampled(found, own, ev.SampleTaken(t=S, values={"server.cpu": 1.5})), 60).lines
    assert lines[0].startswith("server llama-server (1 process): 1.50 cores")
    assert "engine 1.2 %, sampler 0.5 %" in lines[1]


@pytest.mark.parametrize(
    ("degrees", "level", "word"), [(60.0, "normal", "60 °C of 83 °C"), (76.0, "warn", "warm"), (82.0, "bad", "hot")]
)
def test_a_value_near_its_limit_says_so_in_a_word_and_a_level(degrees, level, word):
    values = {"gpu.0.temperature": degrees, "gpu.0.temperature.limit": 83.0}
    folded = SessionState()
    apply_all(folded, [header(), ev.SampleTaken(t=5, values=values)])
    graph = hardware_view(folded, 60).graphs["gpu.0.temperature"]
    assert graph.level == level
    assert graph.value.endswith(word)
