import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.heat.decline import Decline, judge_decline
from llmtui.metrics.heat.evidence import Sample
from llmtui.metrics.heat.throttle import judge_throttling
from llmtui.readings import HW_SLOWDOWN, POWER_BRAKE, POWER_CAP, READINGS, SW_THERMAL

SECOND = 1_000_000_000
STEP = 30 * SECOND
FELL = judge_decline([(place * STEP, 100.0 if place < 30 else 80.0) for place in range(60)])
STABLE = judge_decline([(place * STEP, 100.0 + place % 2) for place in range(60)])
NOISY = Decline("too noisy", "the rate is too noisy to judge")
VM = {
    "cpu.temperature": "no sensor: virtual machine",
    "cpu.throttle.time": "virtual machine: the host does not show throttling",
    "gpu.0.temperature": "no GPU found",
}


def gpu(second, *, throttled=(), degrees=75.0, reasons=0, clock=1900.0, **more):
    """One second of a GPU that says why its clock is as it is."""
    bits = reasons | (SW_THERMAL if second in throttled else 0)
    return {
        "gpu.0.percent": 98.0,
        "gpu.0.temperature": degrees,
        "gpu.0.temperature.limit": 90.0,
        "gpu.0.throttle.reasons": float(bits),
        "gpu.0.clock.sm": clock,
        "server.cpu": 1.0,
    } | more


def cpu(second, *, throttled=(), degrees=70.0):
    clock = 3000.0 if second in throttled else 4500.0
    return {"cpu.temperature": degrees, "cpu.temperature.limit": 100.0, "cpu.frequency": clock, "server.cpu": 8.0}


def judged(sample, seconds=600, decline=STABLE, missing=None, **more):
    """Judge a run of so many seconds under load, after ten seconds of idling."""
    idle = [Sample(-second * SECOND, {"cpu.percent": 1.0}, missing or {}) for second in range(10, 0, -1)]
    run = [Sample(second * SECOND, sample(second)) for second in range(seconds)]
    return judge_throttling([*idle, *run], [(0, seconds * SECOND)], decline, **more)


def without(values, *endings):
    return {key: value for key, value in values.items() if not key.endswith(endings)}


# --- the table -------------------------------------------------------------------------------------------------------


def test_thermal_throttling_by_the_drivers_word():
    found = judged(lambda s: gpu(s, throttled=range(380, 442), degrees=84.0), decline=FELL)
    assert found.kind == "thermal throttling"
    assert found.onset_ns == 380 * SECOND
    assert found.degrees == 84.0
    assert found.heat_judged
    assert found.sentence == (
        "Thermal throttling: GPU 0 was slowed by heat for 1:02 (10 % of the load), first 6:20 into the load, at 84 °C; "
        "the rate fell from 100 to 80 tok/s (-20.0 %)"
    )
    assert "GPU 0: its driver names heat (62 samples, 1:02)" in found.evidence
    assert FELL.sentence in found.evidence


def test_little_throttling_is_told_but_no_verdict():
    found = judged(lambda s: gpu(s, throttled=(100, 101, 102)))
    assert found.kind == "not throttled"
    assert found.sentence.startswith("Not throttled: GPU 0 was slowed by heat for 3.00 s only")
    assert judged(lambda s: gpu(s, throttled=range(100, 113))).kind == "thermal throttling", "2 % of the load"
    assert judged(lambda s: gpu(s, throttled=range(100, 111)), 3000).kind == "thermal throttling", "ten seconds"
    assert judged(lambda s: gpu(s, throttled=range(100, 109)), 3000).kind == "not throttled"


def test_the_bounds_of_throttling():
    def kind(throttled, seconds):
        return judged(lambda s: gpu(s, throttled=throttled), seconds).kind

    assert kind(range(100, 107), 300) == "thermal throttling", "2.3 %"
    assert kind(range(100, 105), 300) == "not throttled", "1.7 %"
    assert kind(range(30, 32), 60) == "thermal throttling", "two in a row"


def test_single_readings_are_no_throttling_but_a_counter_is():
    assert judged(lambda s: gpu(s, throttled=range(0, 600, 20))).kind == "not throttled"

    def counted(second):
        return gpu(second, **{"gpu.0.throttle.thermal.time": 5.0 + second * 0.05})

    found = judged(counted)
    assert found.kind == "thermal throttling"
    assert found.devices[0].seconds == pytest.approx(599 * 0.05)


def test_throttling_out_of_the_load_is_none_of_the_run():
    samples = [Sample(s * SECOND, gpu(s, throttled=range(100))) for s in range(300)]
    assert judge_throttling(samples, [(100 * SECOND, 300 * SECOND)]).kind == "not throttled"
    assert judge_throttling(samples, [(0, 300 * SECOND)]).kind == "thermal throttling"


def test_a_hardware_slowdown_without_heat_is_not_called_thermal():
    found = judged(lambda s: gpu(s, reasons=HW_SLOWDOWN if s > 300 else 0, degrees=50.0))
    assert found.kind == "hardware slowdown"
    hot = judged(lambda s: gpu(s, reasons=HW_SLOWDOWN if s > 300 else 0, degrees=89.0))
    assert hot.kind == "thermal throttling"


def test_likely_thermal_needs_a_low_clock_and_heat_together():
    late = range(300, 600)
    assert judged(lambda s: cpu(s, throttled=late, degrees=98.0 if s in late else 80.0)).kind == "likely thermal"
    assert judged(lambda s: cpu(s, throttled=late, degrees=80.0)).kind == "not throttled"
    assert judged(lambda s: cpu(s, degrees=98.0)).kind == "not throttled"
    assert judged(lambda s: cpu(s, throttled=range(300, 338), degrees=98.0)).kind == "likely thermal"
    short = range(300, 328)
    assert judged(lambda s: cpu(s, throttled=short, degrees=98.0)).kind == "not throttled", "below half a minute"
    assert judged(lambda s: cpu(s, throttled=short, degrees=98.0), decline=FELL).kind == "likely thermal"


def test_clock_and_heat_do_not_outvote_a_device_that_says_no():
    late = range(300, 600)

    def quiet(second):
        return cpu(second, throttled=late, degrees=98.0) | {"cpu.throttle.time": 3.0}

    assert judged(quiet).kind == "not throttled"
    assert judged(quiet, decline=FELL).kind == "slowed, cause unknown"


def test_power_limited_is_no_fault():
    found = judged(lambda s: gpu(s, reasons=POWER_CAP))
    assert found.kind == "power limited"
    assert "usual under load" in found.sentence
    assert found.onset_ns is None
    assert judged(lambda s: gpu(s, reasons=POWER_CAP if s % 9 < 5 else 0)).kind == "power limited"
    assert judged(lambda s: gpu(s, reasons=POWER_CAP if s % 9 < 4 else 0)).kind == "not throttled"
    brake = judged(lambda s: gpu(s, reasons=POWER_BRAKE if 300 < s < 320 else 0))
    assert brake.kind == "power limited"
    assert "usual" not in brake.sentence


def test_other_causes_come_before_heat_that_is_only_likely():
    late = range(300, 600)

    def stalled(second):
        return cpu(second, throttled=late, degrees=98.0) | {"pressure.memory.full": 30.0 if second in late else 0.0}

    found = judged(stalled, decline=FELL)
    assert found.kind == "slowed, other cause"
    assert found.evidence[0] == "other cause: work stalled for lack of memory"
    assert judged(stalled).kind == "likely thermal", "without a fall of the rate there is nothing to explain"
    hard = judged(lambda s: stalled(s) | {"cpu.throttle.time": s * 0.5}, decline=FELL)
    assert hard.kind == "thermal throttling"
    assert hard.evidence[0] == "other cause: work stalled for lack of memory"


def test_the_callers_own_causes_count():
    found = judged(gpu, decline=FELL, other_causes=["the context grew"])
    assert found.kind == "slowed, other cause"
    assert found.sentence.startswith("Slowed, other cause: the context grew; the rate fell")
    assert judged(gpu, decline=STABLE, other_causes=["the context grew"]).kind == "not throttled"


def test_a_fall_without_a_cause_says_so():
    found = judged(gpu, decline=FELL)
    assert found.kind == "slowed, cause unknown"
    assert found.heat_judged
    assert "GPU 0 reported no throttling" in found.sentence


@pytest.mark.parametrize("decline", [STABLE, NOISY, None])
def test_not_throttled_needs_a_source_that_was_quiet(decline):
    found = judged(gpu, decline=decline)
    assert found.kind == "not throttled"
    assert found.heat_judged


# --- unknown ---------------------------------------------------------------------------------------------------------


def test_a_virtual_machine_is_unknown_and_its_rate_is_judged():
    found = judged(lambda s: {"cpu.percent": 100.0, "server.cpu": 2.0}, missing=VM)
    assert found.kind == "unknown"
    assert not found.heat_judged
    assert "no sensor: virtual machine" in found.sentence
    assert STABLE.sentence in found.sentence
    fell = judged(lambda s: {"cpu.percent": 100.0, "server.cpu": 2.0}, missing=VM, decline=FELL)
    assert fell.kind == "slowed, cause unknown"
    assert "heat can't be judged" in fell.sentence
    assert not fell.heat_judged


def test_a_gpu_without_a_word_on_throttling_needs_its_clock():
    def bare(second):
        return without(gpu(second), "reasons")

    assert judged(bare).kind == "not throttled"
    assert judged(lambda s: without(bare(s), "clock.sm")).kind == "unknown"
    assert judged(lambda s: without(bare(s), "temperature")).kind == "unknown"
    short = judged(bare, 90)
    assert short.kind == "unknown"
    assert "120 s of load are needed" in short.sentence
    assert judged(gpu, 90).kind == "not throttled"


def test_a_source_that_fell_silent_can_not_say_that_all_was_well():
    found = judged(lambda s: gpu(s) if s < 300 else without(gpu(s), "reasons"))
    assert found.kind == "unknown"
    assert "only 50 % of the load" in found.sentence
    assert judged(lambda s: gpu(s) if s < 465 else without(gpu(s), "reasons", "clock.sm")).kind == "unknown"
    assert judged(lambda s: gpu(s) if s < 485 else without(gpu(s), "reasons")).kind == "not throttled"


def test_a_clock_has_to_be_seen_for_half_of_the_time_after_its_reference():
    def until(second):
        return judged(
            lambda s: without(gpu(s), "reasons") if s < second else without(gpu(s), "reasons", "clock.sm")
        ).kind

    assert until(340) == "unknown"
    assert until(370) == "not throttled"


def test_a_sampler_that_ended_leaves_the_rest_unknown():
    samples = [Sample(s * SECOND, gpu(s)) for s in range(100)]
    assert judge_throttling(samples, [(0, 600 * SECOND)]).kind == "unknown"


def test_stuck_bits_are_named_and_not_believed():
    idle = {"gpu.0.percent": 0.0, "gpu.0.temperature": 37.0, "gpu.0.throttle.reasons": float(SW_THERMAL)}
    samples = [Sample((s - 50) * SECOND, idle) for s in range(50)]
    samples += [Sample(s * SECOND, without(gpu(s, reasons=SW_THERMAL), "clock.sm")) for s in range(300)]
    found = judge_throttling(samples, [(0, 300 * SECOND)])
    assert found.kind == "unknown"
    assert "even while it idles" in found.sentence
    assert judge_throttling(samples[50:], [(0, 300 * SECOND)]).kind == "thermal throttling"


def test_another_machine_is_unknown_whatever_this_one_says():
    found = judged(lambda s: gpu(s, throttled=range(600)), blind="the server runs on another machine")
    assert found.kind == "unknown"
    assert found.devices == ()
    assert "the server runs on another machine" in found.sentence


def test_nothing_is_unknown():
    found = judge_throttling([], [])
    assert found.kind == "unknown"
    assert "no readings under load" in found.sentence
    assert judge_throttling([Sample(0, gpu(0))], []).kind == "unknown"


# --- several devices -------------------------------------------------------------------------------------------------


def other(values, number):
    return {key.replace("gpu.0", f"gpu.{number}"): value for key, value in values.items()}


def test_of_several_gpus_the_one_that_suffers_is_named():
    found = judged(lambda s: gpu(s) | other(gpu(s, throttled=range(300, 600), degrees=89.0), 1))
    assert found.kind == "thermal throttling"
    assert "GPU 1" in found.sentence
    assert "GPU 0" not in found.sentence
    assert {verdict.device: verdict.kind for verdict in found.devices if verdict.device != "cpu"} == {
        "gpu.0": "not throttled",
        "gpu.1": "thermal throttling",
    }


def test_a_gpu_that_others_use_is_none_of_the_run():
    idle = {"gpu.0.percent": 2.0}
    found = judged(lambda s: gpu(s, throttled=range(600)) | idle | other(gpu(s), 1))
    assert found.kind == "not throttled"


def test_a_processor_that_only_waits_need_not_be_judged():
    found = judged(lambda s: gpu(s) | {"cpu.percent": 8.0}, missing=VM)
    assert found.kind == "not throttled"
    both = judged(lambda s: gpu(s) | {"cpu.percent": 90.0, "server.cpu": 16.0}, missing=VM)
    assert both.kind == "unknown"


def test_the_word_of_the_board_is_that_of_its_processor():
    def pi(second, bits):
        return {
            "cpu.temperature": 82.0,
            "cpu.temperature.limit": 85.0,
            "board.throttled": float(bits),
            "server.cpu": 4.0,
        }

    assert judged(lambda s: pi(s, 0)).kind == "not throttled"
    found = judged(lambda s: pi(s, 0x8 if s > 300 else 0))
    assert found.kind == "thermal throttling"
    assert found.degrees == 82.0
    weak = judged(lambda s: pi(s, 0x5), decline=FELL)
    assert weak.kind == "slowed, other cause"
    assert "power supply" in weak.sentence


def test_spans_side_by_side_are_one_load():
    def part(second):
        return gpu(second, throttled=range(50, 90)) | {"gpu.0.percent": 50.0, "server.cpu": 0.5}

    samples = [Sample(s * SECOND, part(s)) for s in range(100)]
    found = judge_throttling(samples, [(0, 99 * SECOND), (10 * SECOND, 20 * SECOND)])
    assert found.kind == "thermal throttling"
    gaps = judge_throttling(samples, [(0, 10 * SECOND), (95 * SECOND, 99 * SECOND)])
    assert gaps.kind == "not throttled"


def test_text_from_outside_can_not_act():
    found = judged(gpu, decline=FELL, other_causes=["\x1b[31mred"])
    assert "\x1b" not in found.sentence + "".join(found.evidence)


keys = st.sampled_from([reading.key.replace("*", "0") for reading in READINGS] + ["gpu.1.temperature", "x"])
values = st.dictionaries(keys, st.one_of(st.floats(), st.integers(0, 2**11).map(float)), max_size=10)
samples = st.lists(
    st.builds(Sample, st.integers(-(10**12), 10**12), values, st.dictionaries(keys, st.text(), max_size=2)), max_size=15
)


@given(
    samples,
    st.lists(st.tuples(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12)), max_size=4),
    st.sampled_from([FELL, STABLE, NOISY, None]),
    st.booleans(),
)
def test_nothing_raises_and_only_what_was_judged_passes(taken, loaded, decline, blind):
    found = judge_throttling(taken, loaded, decline, blind="elsewhere" if blind else None)
    assert found.sentence.startswith(found.kind.capitalize())
    if found.kind == "not throttled":
        assert found.heat_judged
    if decline is FELL:
        assert found.kind not in ("not throttled", "unknown", "power limited")
