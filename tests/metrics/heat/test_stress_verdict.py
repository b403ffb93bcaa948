import pytest

from llmtui.metrics.heat.evidence import Sample
from llmtui.metrics.heat.stress_verdict import SWAPPED_IN, Record, judge_stress
from llmtui.readings import POWER_CAP, SW_THERMAL

S = 1_000_000_000
LOAD_S = 600


def gpu(degrees=70.0, *, bits=0, **more):
    values = {
        "gpu.0.percent": 98.0,
        "gpu.0.temperature": degrees,
        "gpu.0.temperature.limit": 93.0,
        "gpu.0.throttle.reasons": float(bits),
        "server.cpu": 1.0,
        "swap.in.rate": 0.0,
    }
    return values | {key.replace("_", "."): value for key, value in more.items()}


def judged(weather=lambda _second: gpu(), rate=lambda _second: 50.0, *, seconds=LOAD_S, most=0.05, blind=None):
    """Judge ten minutes of load, ten seconds of idling before it and a minute of cool-down after it."""
    samples = [Sample(second * S, weather(second)) for second in range(-10, seconds + 61)]
    records = [Record(at * S, (at + 10) * S, rate(at), {}) for at in range(0, seconds, 10)]
    return judge_stress(samples, records, 0, seconds * S, most, blind)


def criterion(found, name):
    (only,) = [item for item in found.criteria if item.name == name]
    return only


def passed(found):
    return {item.name: item.passed for item in found.criteria}


def test_a_healthy_run_passes():
    found = judged()
    assert found.verdict == "not throttled"
    assert passed(found) == {"throttling": True, "swap": True, "rate": True}
    assert found.carrying == ("gpu.0",)


# --- throttling ------------------------------------------------------------------------------------------------------------


def test_throttling_fails_and_tells_the_time_to_it():
    found = judged(lambda second: gpu(84.0, bits=SW_THERMAL) if 370 <= second <= LOAD_S else gpu(80.0))
    assert found.verdict == "thermal throttling"
    assert passed(found) == {"throttling": False, "swap": True, "rate": True}
    assert criterion(found, "throttling").text == "thermal throttling"
    assert "time to throttle: 6:10 at 84 °C" in found.evidence


def test_throttling_in_the_cool_down_is_none_of_the_load():
    found = judged(lambda second: gpu(84.0, bits=SW_THERMAL) if second > LOAD_S else gpu())
    assert criterion(found, "throttling").passed is True
    assert not any("time to throttle" in line for line in found.evidence)


def test_a_power_limit_is_no_throttling_by_heat():
    found = judged(lambda _second: gpu(bits=POWER_CAP))
    assert found.verdict == "power limited"
    assert criterion(found, "throttling").passed is True


def test_a_machine_that_tells_nothing_does_not_pass():
    found = judged(lambda _second: {"cpu.percent": 90.0, "server.cpu": 4.0})
    assert found.verdict == "unknown"
    assert passed(found) == {"throttling": None, "swap": None, "rate": True}
    assert criterion(found, "throttling").text.startswith("not evaluated")


def test_no_samples_at_all_are_judged_too():
    found = judge_stress([], [], 0, 0, 0.05)
    assert found.verdict == "unknown"
    assert set(passed(found).values()) == {None}


def test_another_machine_is_judged_by_its_rate_alone():
    found = judged(lambda second: gpu(95.0, bits=SW_THERMAL), lambda at: 50.0 if at < 300 else 30.0, blind="far away")
    assert found.verdict == "slowed, cause unknown"
    assert passed(found) == {"throttling": None, "swap": None, "rate": False}
    assert not any("°C" in line for line in found.evidence)
    assert found.carrying == ()


# --- swap ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("per_second", "ok"), [(0.0, True), (SWAPPED_IN / 10 - 1, True), (SWAPPED_IN / 10 + 1, False), (1e9, False)]
)
def test_what_comes_back_from_the_swap_adds_up(per_second, ok):
    found = judged(lambda second: gpu(swap_in_rate=per_second if 100 < second <= 110 else 0.0))
    assert criterion(found, "swap").passed is ok


def test_the_amount_is_told_in_words():
    found = judged(lambda second: gpu(swap_in_rate=float(1 << 20) if 100 < second <= 164 else 0.0))
    assert criterion(found, "swap").text == "64.0 MiB came back from the swap"


# --- rate ------------------------------------------------------------------------------------------------------------------


def test_a_decline_fails_and_says_what_was_allowed():
    found = judged(rate=lambda at: 50.0 if at < 300 else 44.0)
    assert criterion(found, "rate").passed is False
    assert criterion(found, "rate").text == "the rate fell from 50 to 44 tok/s (-12.0 %); allowed is a fall of 5 %"


@pytest.mark.parametrize(
    ("to", "most", "ok"), [(44.0, 0.05, False), (44.0, 0.15, True), (49.0, 0.05, True), (49.0, 0.01, False)]
)
def test_how_much_it_may_fall_is_the_suite_s_choice(to, most, ok):
    assert criterion(judged(rate=lambda at: 50.0 if at < 300 else to, most=most), "rate").passed is ok


def test_a_saw_tooth_fails_though_start_and_end_agree():
    def saw(at):
        return 40.0 if at >= 120 and at % 100 >= 60 else 50.0

    assert criterion(judged(rate=saw), "rate").passed is False
    assert criterion(judged(rate=saw, most=0.25), "rate").passed is True


def test_a_rise_is_no_decline():
    assert criterion(judged(rate=lambda at: 50.0 if at < 300 else 60.0), "rate").passed is True


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (lambda at: 50.0 if at < 200 else None, "20 rates are too few"),
        (lambda at: 50.0 + 20 * ((at // 10 * 7) % 5 - 2), "too noisy to judge"),
        (lambda at: None, "0 rates are too few"),
    ],
    ids=["few", "noisy", "none"],
)
def test_a_rate_that_can_not_be_judged_does_not_pass(rate, words):
    found = criterion(judged(rate=rate), "rate")
    assert found.passed is None
    assert words in found.text


# --- the course ------------------------------------------------------------------------------------------------------------


def evidence(found, start):
    (line,) = [line for line in found.evidence if line.startswith(start)]
    return line


def course(second, *, peak=80.0, step=1.0):
    if second <= 0:
        return gpu(50.0)
    return gpu(min(peak, 50.0 + second / 2) if second <= LOAD_S else max(50.0, peak - step * (second - LOAD_S)))


def test_the_steady_state_is_told_with_its_start():
    line = evidence(judged(course, lambda at: 60.0 - min(at, 200) / 20), "rate at the end: ")
    assert line.startswith("rate at the end: 50.0 tok/s, steady since ")
    assert "(steady: " in line
    heating = evidence(judged(lambda second: gpu(50.0 + second / 20)), "rate at the end: ")
    assert "still heating: +3.0 °C a minute" in heating
    assert "steady since" not in heating


def test_temperatures_before_during_and_after():
    found = judged(course)
    assert evidence(found, "GPU 0: 50") == "GPU 0: 50 °C before, 80 °C at most, 80 °C at the end"
    assert "GPU 0: recovered within 0:25" in found.evidence


def test_one_that_does_not_recover_says_so():
    assert "GPU 0: still 74 °C after 1:00 of cool-down" in judged(lambda s: course(s, step=0.1)).evidence


def test_each_device_has_its_own_lines():
    found = judged(lambda second: course(second) | {"cpu.temperature": 45.0, "gpu.1.temperature": 40.0})
    assert {line.split(":")[0] for line in found.evidence if "before" in line} == {"GPU 0", "GPU 1", "CPU"}


def test_without_a_cool_down_nothing_is_said_of_recovery():
    samples = [Sample(second * S, gpu()) for second in range(-10, LOAD_S + 1)]
    found = judge_stress(samples, [], 0, LOAD_S * S, 0.05)
    assert not any("recover" in line or "still" in line for line in found.evidence)


def test_a_sensor_that_came_only_after_the_load_says_nothing_of_before():
    found = judged(lambda second: gpu() | ({"cpu.temperature": 60.0} if second > LOAD_S + 30 else {}))
    assert not any(line.startswith("CPU: ") and "before" in line for line in found.evidence)


def test_a_sensor_that_was_lost_says_when_it_was_read_last():
    def lost(second):
        return gpu(71.0) if second <= 300 else {"cpu.percent": 1.0}

    assert (
        "GPU 0: 71 °C before, 71 °C at most, 71 °C when it was read last, 5:00 into the load" in judged(lost).evidence
    )
