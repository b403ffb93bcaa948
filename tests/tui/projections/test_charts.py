from support.conversation import MS, header, queued, request, whole_session

from llmtui import events as ev
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.tui.projections.charts import charts


def state(*events):
    folded = SessionState()
    apply_all(folded, [header(), *events])
    return folded


def sample(t=6 * MS, missing=None, **values):
    return ev.SampleTaken(
        t=t, values={key.replace("_", "."): value for key, value in values.items()}, missing=missing or {}
    )


def test_all_charts_share_one_axis_of_time():
    shown = charts(state(*whole_session()[1:], sample(t=200 * MS, gpu_0_temperature=50.0)), 60)
    axes = {(data.ticks, data.span_text, len(data.points)) for data in shown.values() if data.missing is None}
    assert len(axes) == 1
    assert next(iter(axes))[0]


def test_each_gpu_has_its_own_charts_beside_its_limit():
    values = {f"gpu.{n}.temperature": 50.0 + n for n in (0, 1)} | {"gpu.1.temperature.limit": 83.0, "gpu.1.power": 99.0}
    shown = charts(state(ev.SampleTaken(t=5, values=values)), 60)
    assert shown["gpu.1.temperature"].value == "51 °C of 83 °C"
    assert shown["gpu.1.temperature"].title == "GPU temperature 1"
    assert "gpu.1.power" in shown
    assert "gpu.0.power" not in shown


def test_what_is_missing_says_why():
    shown = charts(state(sample(missing={"cpu.temperature": "no sensor: virtual machine"})), 60)
    assert shown["cpu.temperature"].missing == "no sensor: virtual machine"
    assert shown["gpu.0.temperature"].missing == "no reading yet"
    assert shown["itl_p99"].missing


def test_the_itl_of_each_request_is_a_point_and_a_warm_up_is_none():
    figures = ev.Figures(itl_p99_ns=20 * MS, itl_count=200)
    warm = charts(state(queued(), *request("j1.1", warmup=True, figures=figures)), 60)
    assert warm["itl_p99"].missing
    measured = charts(state(queued(), *request("j1.1", figures=figures)), 60)
    assert measured["itl_p99"].value == "20.0 ms"


def test_spans_in_which_heat_slowed_it_are_a_chart_only_where_a_device_tells():
    def told(second, reasons):
        values = {"gpu.0.percent": 99.0, "gpu.0.temperature": 84.0, "gpu.0.throttle.reasons": float(reasons)}
        return ev.SampleTaken(t=second * 1000 * MS, values=values)

    shown = charts(state(*(told(second, 0x20 if 10 <= second < 20 else 0) for second in range(30))), 30)
    data = shown["slowed"]
    assert data.value == "no"
    assert 0.0 in data.points
    assert 1.0 in data.points
    still = charts(state(*(told(second, 0x20) for second in range(30))), 30)["slowed"]
    assert (still.value, still.level) == ("yes", "bad")
    assert "slowed" not in charts(state(sample(cpu_percent=5.0)), 60)


def test_where_heat_slowed_a_device_is_marked_on_the_axis_of_every_chart():
    def told(second, reasons):
        values = {"gpu.0.percent": 99.0, "gpu.0.temperature": 84.0, "gpu.0.throttle.reasons": float(reasons)}
        return ev.SampleTaken(t=second * 1000 * MS, values=values)

    points = 30
    shown = charts(state(*(told(second, 0x20 if 10 <= second < 20 else 0) for second in range(30))), 30, points)
    marked = {data.heat for data in shown.values() if data.missing is None}
    assert marked == {frozenset(range(10, 21))}
    quiet = charts(state(*(told(second, 0) for second in range(30))), 30, points)
    assert {data.heat for data in quiet.values() if data.missing is None} == {frozenset()}
