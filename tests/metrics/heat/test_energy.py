import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.heat.energy import (
    Energy,
    joules_per_token,
    metered_devices,
    span_energy,
    total_energy,
)
from llmtui.metrics.statistics import Missing

SECOND = 1_000_000_000


def series(key, values, start=0.0, step=1.0):
    return [(round((start + place * step) * SECOND), {key: value}) for place, value in enumerate(values)]


def span(samples, start=0.0, end=10.0, device="gpu.0", **more):
    return span_energy(samples, device, round(start * SECOND), round(end * SECOND), **more)


def test_the_counter_gives_its_growth():
    found = span(series("gpu.0.energy", [1000.0 + 200 * s for s in range(11)]))
    assert found == Energy(("gpu.0",), 10.0, 2000.0, "counter")
    assert found.watts == 200.0


def test_without_a_counter_power_is_integrated():
    found = span(series("cpu.power", [10.0 * s for s in range(11)]), device="cpu")
    assert (found.joules, found.source) == (500.0, "integrated")
    uneven = [(0, {"cpu.power": 0.0}), (4 * SECOND, {"cpu.power": 80.0}), (5 * SECOND, {"cpu.power": 80.0})]
    assert span(uneven, 0, 5, "cpu").joules == 160 + 80


def test_the_counter_comes_before_power():
    both = [
        (t, {"gpu.0.energy": 5.0 * place, "gpu.0.power": 9.0}) for place, t in enumerate(range(0, 11 * SECOND, SECOND))
    ]
    assert span(both).joules == 50.0
    assert span([(t, {"gpu.0.power": values["gpu.0.power"]}) for t, values in both]).joules == 90.0


def test_the_ends_are_taken_at_the_mean_power_of_the_span_and_not_at_that_of_idling():
    samples = series("gpu.0.power", [20.0] * 5 + [300.0] * 5 + [20.0] * 5, start=0.5)
    assert span(samples, 5.0, 10.0).joules == pytest.approx(1500.0)
    assert span(samples, 0.0, 15.0).joules == pytest.approx(15 / 14 * (4 * 20 + 160 + 4 * 300 + 160 + 4 * 20))


def test_a_counter_that_began_anew_leaves_power():
    samples = [(s * SECOND, {"cpu.energy": float(s % 6), "cpu.power": 7.0}) for s in range(11)]
    assert (span(samples, device="cpu").joules, span(samples, device="cpu").source) == (70.0, "integrated")
    alone = [(t, {"cpu.energy": values["cpu.energy"]}) for t, values in samples]
    assert span(alone, device="cpu").joules is None


def test_a_short_span_has_no_energy():
    samples = series("gpu.0.power", [100.0] * 20, start=0.5)
    assert span(samples, 3.0, 3.4).reason == "nothing was read in this time"
    assert span(samples, 3.0, 4.0).reason == "it was read only once in this time; the energy needs two readings"
    assert span(samples, 3.0, 5.0).joules == 200.0
    assert span(samples, 3.0, 3.0).joules is None
    assert span(samples, 4.0, 3.0).joules is None


def test_readings_that_miss_too_much_are_no_energy():
    assert "only 30 %" in span(series("gpu.0.energy", [1.0, 2.0, 3.0, 4.0])).reason
    assert (
        "only 35 %"
        in span([(SECOND // 10, {"gpu.0.energy": 1.0}), (8 * SECOND // 10, {"gpu.0.energy": 2.0})], 0, 2).reason
    )
    assert span([(SECOND // 10, {"gpu.0.energy": 1.0}), (SECOND, {"gpu.0.energy": 2.0})], 0, 2).joules == pytest.approx(
        2 / 0.9
    )
    assert "gap" in span([(0, {"gpu.0.power": 5.0}), (10 * SECOND, {"gpu.0.power": 5.0})]).reason
    assert span([(0, {"gpu.0.energy": 5.0}), (10 * SECOND, {"gpu.0.energy": 55.0})]).joules == 50.0, (
        "a counter has no gaps"
    )
    assert span(series("gpu.0.energy", [1.0 * s for s in range(91)]), 0, 100).joules is None, "the end is missing"


def test_the_samplers_reason_is_told():
    found = span([(0, {})], device="cpu", missing={"cpu.power": "no power meter: virtual machine"})
    assert found == Energy(("cpu",), 10.0, None, reason="no power meter: virtual machine")
    assert found.watts is None


def test_several_devices_are_summed_only_when_all_are_known():
    gpus = [Energy((f"gpu.{n}",), 10.0, 100.0 * n, "counter") for n in (1, 2)]
    assert total_energy(gpus) == Energy(("gpu.1", "gpu.2"), 10.0, 300.0, "counter")
    integrated = Energy(("cpu",), 10.0, 50.0, "integrated")
    assert total_energy([*gpus, integrated])[2:4] == (350.0, "integrated")
    unknown = Energy(("cpu",), 10.0, None, reason="no power meter")
    assert total_energy([*gpus, unknown]).joules is None
    assert total_energy([*gpus, unknown]).reason == "CPU: no power meter"
    assert total_energy([gpus[0], gpus[0]]).joules is None
    assert total_energy([]).reason == "no device measures its energy"


def test_joules_per_token():
    energy = Energy(("gpu.0",), 10.0, 2000.0, "counter")
    assert joules_per_token(energy, 500) == 4.0
    assert joules_per_token(energy, 0) == Missing("no token came, so there is no energy of one")
    assert joules_per_token(energy, None) == Missing("the tokens are not known")
    assert isinstance(joules_per_token(energy, -3), Missing)
    assert joules_per_token(Energy(("cpu",), 1.0, None, reason="no power meter"), 5) == Missing("no power meter")


def test_the_devices_that_make_up_a_machine():
    keys = ["gpu.10.power", "gpu.2.energy", "gpu.2.power", "cpu.power", "gpu.2.power.limit"]
    assert metered_devices(keys) == ("cpu", "gpu.2", "gpu.10")
    assert metered_devices(["board.power", "gpu.0.power"]) == ("board",), "it holds the GPU"
    assert metered_devices(["gpu.0.temperature"]) == ()
    assert metered_devices(["gpu.0.temperature"], ["cpu.power", "gpu.0.power"]) == ("cpu", "gpu.0")
    assert metered_devices(["cpu.power"], ["gpu.0.power"]) == ("cpu",), "there is no GPU"


readings = st.lists(
    st.tuples(
        st.integers(0, 20 * SECOND), st.dictionaries(st.sampled_from(["gpu.0.energy", "gpu.0.power"]), st.floats())
    ),
    max_size=12,
)


@given(
    readings,
    st.integers(0, 20 * SECOND),
    st.integers(0, 20 * SECOND),
    st.one_of(st.none(), st.floats()),
)
def test_nothing_raises_and_what_is_unknown_has_a_reason(samples, start, end, tokens):
    found = span_energy(samples, "gpu.0", start, end)
    for energy in (found, total_energy([found])):
        assert (energy.joules is None) == (energy.reason is not None) == (energy.source is None)
        assert energy.joules is None or math.isfinite(energy.joules)
        per_token = joules_per_token(energy, tokens)
        assert isinstance(per_token, Missing) or math.isfinite(per_token)


@given(st.floats(0.1, 2000), st.integers(2, 30), st.floats(0, 0.99))
def test_counter_and_power_agree_on_a_steady_draw(watts, seconds, phase):
    start, end = round(phase * SECOND), round((phase + seconds) * SECOND)
    counter = series("gpu.0.energy", [watts * s for s in range(40)])
    power = series("gpu.0.power", [watts] * 40)
    one, other = span_energy(counter, "gpu.0", start, end), span_energy(power, "gpu.0", start, end)
    assert one.joules == pytest.approx(watts * seconds, rel=1e-6)
    assert other.joules == pytest.approx(watts * seconds, rel=1e-6)
