import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.heat.evidence import Sample
from llmtui.metrics.heat.gpu_use import low_gpu_use
from llmtui.readings import POWER_CAP, READINGS, SW_THERMAL

S = 1_000_000_000
BUSY = {"gpu.0.percent": 97.0, "server.cpu": 1.0}
IDLE = {"gpu.0.percent": 0.0, "server.cpu": 0.0}


def judged(values, seconds=30, requests=None):
    """Judge a job whose samples are all alike, or what a function of the second gives."""
    at = values if callable(values) else lambda _second: values
    samples = [Sample(second * S, at(second)) for second in range(seconds)]
    return low_gpu_use(samples, [(0, seconds * S)] if requests is None else requests)


def low(percent=40.0, **more):
    return {"gpu.0.percent": percent, "server.cpu": 0.4} | {key.replace("_", "."): value for key, value in more.items()}


def test_a_gpu_that_is_used_well_is_no_news():
    assert judged(BUSY) is None
    assert judged(low(80.0)) is None
    assert judged(low(79.0)) is not None


def test_a_gpu_that_waits_while_the_processor_does_too_has_too_little_to_do():
    found = judged(low())
    assert (found.devices, found.percent, found.causes) == (("gpu.0",), 40.0, ("waiting",))
    assert found.sentence.startswith("GPU 0 was used only 40 % of the time while requests ran: the processor was not")
    assert "too few requests at once" in found.sentence


def test_a_busy_server_process_means_layers_on_the_processor():
    found = judged(low(server_cpu=6.0))
    assert found.causes == ("processor",)
    assert "the server kept 6.00 cores busy" in found.sentence
    assert "-ngl" in found.sentence
    assert judged(low(server_cpu=1.0)).causes == ("waiting",), "one core is what it takes to wait for a GPU"


def test_without_the_server_s_own_use_that_of_the_machine_speaks():
    without = {"gpu.0.percent": 40.0}
    assert judged(without | {"cpu.percent": 90.0}).causes == ("processor",)
    assert judged(without | {"cpu.percent": 10.0}).causes == ("waiting",)
    assert judged(low() | {"cpu.percent": 90.0}).causes == ("waiting",), "others kept the processor busy"
    found = judged(without)
    assert found.causes == ("unknown",)
    assert "can't be told" in found.sentence


@pytest.mark.parametrize(
    ("bits", "cause", "words"), [(SW_THERMAL, "heat", "heat"), (POWER_CAP, "power", "power limit")]
)
def test_limits_of_heat_and_power_are_named_when_they_last(bits, cause, words):
    def at(share):
        return lambda second: low() | {"gpu.0.throttle.reasons": float(bits if second % 10 < share else 1)}

    found = judged(at(6))
    assert found.causes == (cause,)
    assert f"GPU 0 was held down by: {words}" in found.sentence
    assert judged(at(3)).causes == ("waiting",)


def test_a_model_that_is_still_read_is_named():
    found = judged(low() | {"disk.read.rate": 800e6})
    assert found.causes == ("disk",)
    assert "read from the disk at 763 MiB/s" in found.sentence
    assert judged(low() | {"memory.faults.rate": 900.0}).causes == ("disk",)
    assert judged(low() | {"disk.read.rate": 1e6, "memory.faults.rate": 2.0}).causes == ("waiting",)


def test_several_causes_stand_side_by_side():
    found = judged(low(server_cpu=8.0) | {"disk.read.rate": 800e6, "gpu.0.throttle.reasons": float(SW_THERMAL)})
    assert found.causes == ("disk", "heat", "processor")


def test_gpus_that_take_turns_are_told_from_gpus_that_wait():
    found = judged(low(48.0) | {"gpu.1.percent": 47.0})
    assert (found.devices, found.causes) == (("gpu.0", "gpu.1"), ("split",))
    assert judged(low(30.0) | {"gpu.1.percent": 20.0}).causes == ("waiting",)
    assert judged(low(95.0) | {"gpu.1.percent": 20.0}) is None, "one of them sets the pace"
    found = judged(low(5.0) | {"gpu.1.percent": 60.0})
    assert (found.devices, found.percent) == (("gpu.1",), 60.0), "another GPU only shows the desktop"


def test_a_server_without_a_gpu_is_not_judged_by_one():
    assert judged(IDLE) is None
    assert judged(low(4.0, server_cpu=8.0)) is None
    held = judged(low(4.0, server_cpu=8.0) | {"server.memory.gpu": 3e9})
    assert held.causes == ("processor",), "it holds GPU memory and computes elsewhere"
    assert judged(low(4.0) | {"server.memory.gpu": 1e6}) is None


def test_only_readings_while_requests_ran_count():
    def at(second):
        return BUSY if 10 <= second <= 20 else IDLE

    assert judged(at, requests=[(10 * S, 20 * S)]) is None
    assert judged(at).percent == pytest.approx(97 * 11 / 29), "negative control: idle time counts too"
    assert judged(at, requests=[(9 * S, 20 * S)]) is None, "the first second also tells of what was before"


def test_short_requests_one_after_another_are_one_load():
    back_to_back = [(n * S // 2, n * S // 2 + S // 4) for n in range(60)]
    assert judged(low(), requests=back_to_back).percent == 40.0
    apart = [(n * 5 * S, n * 5 * S + S // 4) for n in range(6)]
    assert judged(low(), requests=apart) is None, "no reading belongs to any of them alone"


@pytest.mark.parametrize("values", [{}, {"server.cpu": 8.0}, {"gpu.0.memory.used": 1e9}])
def test_where_no_use_is_read_nothing_is_said(values):
    assert judged(values) is None


def test_too_few_readings_say_nothing():
    assert judged(low(), seconds=5) is None
    assert judged(low(), seconds=6) is not None


@pytest.mark.parametrize("requests", [[], [(5 * S, 4 * S)]])
def test_without_requests_nothing_is_said(requests):
    assert judged(low(), requests=requests) is None


KEYS = st.sampled_from([reading.key.replace("*", "0") for reading in READINGS])


def test_readings_too_large_to_add_up_raise_nothing():
    assert judged({"gpu.0.percent": 40.0, "server.cpu": 1.7e308}).causes == ("processor",)


@given(
    st.lists(st.tuples(st.integers(), st.dictionaries(KEYS, st.floats()))),
    st.lists(st.tuples(st.integers(), st.integers())),
)
def test_whatever_was_read_nothing_is_raised(samples, requests):
    found = low_gpu_use([Sample(t, values) for t, values in samples], requests)
    assert found is None or (found.percent < 80 and found.causes and found.sentence)
