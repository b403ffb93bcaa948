import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.heat.evidence import Sample
from llmtui.metrics.heat.request_heat import request_heat
from llmtui.metrics.heat.thermal_evidence import EvidenceWatch
from llmtui.readings import POWER_CAP, READINGS, SW_THERMAL

SECOND = 1_000_000_000
GPU = {"gpu.0.percent": 98.0, "gpu.0.temperature": 65.0, "gpu.0.temperature.limit": 90.0, "gpu.0.throttle.reasons": 0.0}
CPU = {"cpu.temperature": 60.0, "cpu.temperature.limit": 100.0, "cpu.frequency": 4500.0, "server.cpu": 8.0}


def heat_of_samples(samples, start_ns, end_ns):
    """The tag from the samples around one request alone: no usual clock is known, and no stuck bits."""
    watch = EvidenceWatch()
    evidence = [watch.take(sample, in_flight=start_ns <= sample.t_ns <= end_ns) for sample in samples]
    return request_heat(evidence, start_ns, end_ns, watch.missing)


def tag(values, start=0.0, end=10.0, missing=None):
    """The tag of a request, with a sample at each whole second from -2 to 13."""
    samples = [Sample(s * SECOND, values(s) if callable(values) else values, missing or {}) for s in range(-2, 14)]
    return heat_of_samples(samples, round(start * SECOND), round(end * SECOND))


def test_a_quiet_device_makes_a_clean_request():
    assert tag(GPU) == ("clean", None)
    assert tag(GPU | {"gpu.0.throttle.reasons": float(POWER_CAP)}) == ("clean", None), "power is no heat"


def test_heat_that_slows_nothing_is_warm():
    assert tag(GPU | {"gpu.0.temperature": 84.0}) == ("warm", "GPU 0: 84 °C of 90 °C")
    assert tag(GPU | {"gpu.0.temperature": 89.0}).tag == "warm"
    assert tag(GPU | {"gpu.0.temperature": 80.0}).tag == "clean"


def test_one_reading_of_throttling_is_enough():
    def once(second):
        return GPU | {"gpu.0.throttle.reasons": float(SW_THERMAL if second == 5 else 0)}

    assert tag(once) == ("throttled", "GPU 0: its driver names heat")
    assert tag(once, 6, 10).tag == "clean"
    assert tag(once, 0, 4).tag == "clean"


def test_a_counter_tells_of_the_end_of_a_request_in_the_next_sample():
    def counted(second):
        return GPU | {"gpu.0.throttle.thermal.time": 1.0 if second <= 5 else 1.5}

    assert tag(counted, 2, 5.5) == ("throttled", "GPU 0: its driver counted time slowed by heat")
    assert tag(counted, 2, 4.5).tag == "clean"


def test_a_request_between_two_samples_goes_by_both():
    assert tag(GPU, 3.2, 3.4).tag == "clean"
    hot = GPU | {"gpu.0.throttle.reasons": float(SW_THERMAL)}
    assert tag(lambda s: hot if s == 4 else GPU, 3.2, 3.4).tag == "throttled"
    assert tag(lambda s: hot if s == 5 else GPU, 3.2, 3.4).tag == "clean"
    assert tag(GPU, 100, 101) == ("unknown", "no sample was taken while it ran")


def test_figures_that_come_more_seldom_than_others_still_count():
    def mixed(second):
        return GPU if second % 4 == 0 else {"cpu.percent": 5.0}

    assert tag(mixed, 5, 7).tag == "clean"
    assert tag(lambda s: {"cpu.percent": 5.0}, 5, 7).tag == "unknown"


def test_unknown_says_why():
    found = tag({"cpu.percent": 99.0, "server.cpu": 2.0}, missing={"cpu.temperature": "no sensor: virtual machine"})
    assert found == ("unknown", "CPU: no sensor: virtual machine")
    assert tag({}).reason == "CPU: nothing was read that tells of throttling"
    assert tag({"cpu.temperature": 50.0}).tag == "unknown", "a cool chip alone proves nothing"


def test_a_processor_that_waits_for_the_gpu_need_not_be_known():
    assert tag(GPU | {"server.cpu": 1.0, "cpu.percent": 5.0}).tag == "clean"
    assert tag(GPU | {"server.cpu": 8.0, "cpu.percent": 60.0}).tag == "unknown"


def test_the_use_of_a_gpu_is_told_late():
    assert tag(lambda s: GPU | {"gpu.0.percent": 0.0 if s < 3 else 98.0}, 0, 3.5).tag == "clean"


def test_clock_and_temperature_stand_in_for_a_device_that_says_nothing():
    def watched(clock, degrees):
        watch = EvidenceWatch()
        run = [CPU] * 130 + [CPU | {"cpu.frequency": clock, "cpu.temperature": degrees}] * 10
        taken = [watch.take(Sample(s * SECOND, values), in_flight=True) for s, values in enumerate(run)]
        return request_heat(taken, 130 * SECOND, 139 * SECOND, watch.missing)

    assert watched(4400.0, 70.0) == ("clean", None)
    assert watched(3000.0, 98.0) == ("throttled", "CPU: its clock was low at its limit of temperature")
    assert watched(3000.0, 70.0).tag == "clean"
    assert watched(4400.0, 98.0).tag == "warm"


@pytest.mark.parametrize(("bits", "expected"), [(0x0, "clean"), (0x8, "throttled"), (0x5, "clean")])
def test_a_board_speaks_for_its_processor(bits, expected):
    assert tag({"cpu.temperature": 60.0, "board.throttled": float(bits), "server.cpu": 4.0}).tag == expected


keys = st.sampled_from([reading.key.replace("*", "0") for reading in READINGS])
values = st.dictionaries(keys, st.floats(), max_size=8)
samples = st.lists(
    st.builds(Sample, st.integers(0, 20 * SECOND), values, st.dictionaries(keys, st.text(), max_size=2)), max_size=10
)


@given(samples, st.integers(0, 20 * SECOND), st.integers(0, 20 * SECOND))
def test_nothing_raises_and_what_is_not_clean_has_a_reason(taken, start, end):
    found = heat_of_samples(taken, start, end)
    assert (found.reason is None) == (found.tag == "clean")
