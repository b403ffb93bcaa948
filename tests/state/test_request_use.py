import pytest
from support.conversation import MS, header, queued

from llmtui import events as ev
from llmtui.state.reducer import apply_all
from llmtui.state.results import job_results
from llmtui.state.session import SessionState

S = 1_000_000_000
QUIET = {"gpu.0.percent": 95.0, "gpu.0.temperature": 60.0, "gpu.0.throttle.reasons": 0.0, "server.memory.gpu": 5e9}
HOT = {**QUIET, "gpu.0.temperature": 84.0, "gpu.0.throttle.reasons": float(0x20)}


def request(name, start, end, tokens=100):
    figures = ev.Figures(ttft_ns=10 * MS, decode_rate=50.0, tokens=tokens, tokens_basis="server")
    return [
        (start, ev.RequestStarted(t=start * S, request=name, job="j1", model="m", messages=())),
        (start, ev.RequestSent(t=start * S, request=name)),
        (end, ev.RequestFinished(t=end * S, request=name, job="j1", status="done", figures=figures)),
    ]


def session(readings, *requests, missing=None, finished=True):
    """Fold a session with one sample a second; `readings(second)` gives its values."""
    told = [(0, header()), (0, queued(requests=0)), (0, ev.JobStarted(t=0, job="j1"))]
    told += [item for request_ in requests for item in request_]
    last = max(second for second, _ in told)
    told += [
        (t, ev.SampleTaken(t=t * S + 1, values=readings(t), missing=missing or {} if t == 0 else {}))
        for t in range(last + 3)
    ]
    state = SessionState()
    apply_all(state, [event for _, event in sorted(told, key=lambda item: item[0])])
    if finished:
        apply_all(state, [ev.SessionFinished(t=(last + 3) * S, outcome="completed")])
    return state


def test_mean_peak_and_memory_around_a_request():
    def readings(t):
        return {**QUIET, "gpu.0.power": 100.0 + 10 * t, "gpu.0.memory.used": 1e9 * (5 if 5 <= t < 15 else 1)}

    use = session(readings, request("j1.1", 5, 15)).requests["j1.1"].use
    power = use.figures["gpu.0.power"]
    assert (power.before, power.peak, power.after) == (140.0, 240.0, 250.0)
    assert power.mean == pytest.approx(195.0)
    assert power.middle is None
    memory = use.figures["gpu.0.memory.used"]
    assert (memory.before, memory.middle, memory.peak, memory.after) == (1e9, 5e9, 5e9, 1e9)


def test_energy_names_its_source():
    counted = session(lambda t: {**QUIET, "gpu.0.energy": 1000.0 + 200 * t, "gpu.0.power": 1.0}, request("j1.1", 5, 15))
    use = counted.requests["j1.1"].use
    assert use.energy.source == "counter"
    assert use.energy.joules == pytest.approx(2000, rel=0.01)
    assert use.joules_per_token == pytest.approx(20, rel=0.01)
    integrated = session(lambda _: {**QUIET, "gpu.0.power": 200.0}, request("j1.1", 5, 15)).requests["j1.1"].use
    assert integrated.energy.source == "integrated"
    assert integrated.joules_per_token == pytest.approx(20, rel=0.01)


def test_without_a_meter_there_is_a_reason_and_no_figure():
    reason = "no power meter: virtual machine"
    state = session(lambda _: {"cpu.percent": 50.0}, request("j1.1", 5, 15), missing={"cpu.power": reason})
    use = state.requests["j1.1"].use
    assert use.joules_per_token is None
    assert reason in use.joules_missing
    assert reason in job_results(state)[0].missing["joules_per_token"]


def test_each_request_is_tagged_and_the_clean_ones_stand_alone():
    state = session(
        lambda t: HOT if 25 <= t <= 40 else QUIET,
        request("j1.1", 5, 15),
        request("j1.2", 26, 38),
        request("j1.3", 50, 60),
    )
    tags = [state.requests[f"j1.{n}"].use.heat.tag for n in (1, 2, 3)]
    assert tags == ["clean", "throttled", "clean"]
    (row,) = job_results(state)
    assert row.heat == {"clean": 2, "throttled": 1}
    assert row.clean_rate == 50.0
    assert "heat" in state.requests["j1.2"].use.heat.reason


def test_a_machine_that_tells_nothing_of_heat_is_unknown_and_never_clean():
    state = session(lambda _: {"cpu.percent": 99.0, "server.cpu": 2.0}, request("j1.1", 5, 15))
    assert state.requests["j1.1"].use.heat.tag == "unknown"
    assert job_results(state)[0].clean_rate is None


def test_a_request_is_judged_as_soon_as_the_samples_after_it_are_there():
    state = session(lambda _: QUIET, request("j1.1", 5, 15), finished=False)
    assert state.requests["j1.1"].use is None
    late = [ev.SampleTaken(t=t * S, values=QUIET) for t in range(18, 22)]
    apply_all(state, late)
    assert state.requests["j1.1"].use is not None


def test_old_samples_are_dropped():
    state = session(lambda _: QUIET, *(request(f"j1.{n}", 10 * n, 10 * n + 9) for n in range(1, 40)))
    assert len(state.use.samples) < 60
    assert len(state.use.evidence) < 60
    assert state.use.spans == {}


def test_the_servers_memory_is_one_figure_too():
    """Peaks and medians of the parts do not add up: here the weights come when the rest has gone."""

    def readings(t):
        parts = (8e9, 1e9) if t < 10 else (2e9, 4e9)
        return {"server.memory.private": parts[0], "server.memory.file": parts[1]}

    use = session(readings, request("j1.1", 5, 15)).requests["j1.1"].use
    whole, private, file = (use.figures[f"server.memory{part}"] for part in ("", ".private", ".file"))
    assert (whole.before, whole.peak, whole.after) == (9e9, 9e9, 6e9)
    assert private.peak + file.peak == 12e9
    alone = session(lambda _t: {"server.memory.private": 3e9}, request("j1.1", 5, 15)).requests["j1.1"].use
    assert alone.figures["server.memory"].middle == 3e9
    without = session(lambda _t: {"ram.used": 3e9}, request("j1.1", 5, 15)).requests["j1.1"].use
    assert "server.memory" not in without.figures


def test_what_llmtui_itself_used_belongs_to_the_request_in_which_it_was_said():
    told = [(0, header()), (0, queued(requests=0)), (0, ev.JobStarted(t=0, job="j1")), *request("j1.1", 2, 6)]
    told += [(t, ev.SampleTaken(t=t * S, values={"ram.used": 1.0})) for t in range(14)]
    told += [
        (t + 0.5, ev.SelfMeasured(t=t * S + S // 2, engine_cpu=cpu, sampler_cpu=sampler))
        for t, cpu, sampler in ((1, 90.0, 1.0), (3, 10.0, None), (5, 20.0, 10.0), (7, 80.0, 1.0))
    ]
    state = SessionState()
    apply_all(state, [event for _, event in sorted(told, key=lambda item: item[0])])
    client = state.requests["j1.1"].use.figures["client.cpu"]
    assert client.mean == pytest.approx(0.2)
    assert (client.peak, client.before, client.after) == pytest.approx((0.3, 0.91, 0.81))


def test_only_readings_that_tell_of_a_request_are_kept_and_of_those_the_figures():
    told = {"cpu.percent", "ram.used", "server.cpu", "server.memory.gpu", "gpu.0.clock.sm", "gpu.12.memory.used"}
    of_memory = {"ram.used", "server.memory.gpu", "gpu.12.memory.used"}
    others = {"cpu.core.0.percent", "ram.total", "server.threads", "gpu.0.clock.mem", "gpu.x.power", "gpu.0", "gpu."}
    meters = {"cpu.energy", "gpu.0.energy", "board.power"}
    readings = dict.fromkeys(told | others | meters, 1.0)
    state = session(lambda _: readings, request("j1.1", 5, 15))
    figures = state.requests["j1.1"].use.figures
    assert set(figures) == told
    assert {key for key, figure in figures.items() if figure.middle is not None} == of_memory
    assert {key for _, kept in state.use.samples for key in kept} == told | meters
