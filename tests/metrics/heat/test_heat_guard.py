import pytest

from llmtui.metrics.heat.heat_guard import HeatGuard, heat_criteria, limits_for
from llmtui.readings import ASLEEP

S = 1_000_000_000


def run(samples, most="auto", abort="auto"):
    """Return (second, alarm) of the first alarm; a sample is a dict of values, or a str for a sampler that is lost."""
    guard = HeatGuard(most, abort)
    for second, sample in enumerate(samples):
        lost = sample if isinstance(sample, str) else None
        values = {} if lost else {k: v for k, v in sample.items() if not isinstance(v, str)}
        missing = {} if lost else {k: v for k, v in sample.items() if isinstance(v, str)}
        alarm = guard.look(second * S, values, missing, lost)
        if alarm is not None:
            return second, alarm, guard
    return None, None, guard


def gpu(*degrees, limit=None):
    more = {} if limit is None else {"gpu.0.temperature.limit": float(limit)}
    return [{"gpu.0.temperature": float(value), **more} for value in degrees]


def test_two_readings_at_the_limit_abort_and_one_does_not():
    second, alarm, _ = run(gpu(80, 89, 90, 91, 92))
    assert second == 3
    assert alarm.cause == "overheated"
    assert alarm.sentence == "GPU 0 reached 91 °C; the limit is 90 °C (the usual limits)"
    assert run(gpu(80, 90, 89, 91, 89))[1] is None


def test_one_reading_at_the_device_s_own_limit_is_enough():
    assert run(gpu(80, 92, limit=93))[0] == 1
    assert run(gpu(80, 91, 80, limit=93))[0] is None


@pytest.mark.parametrize(
    ("own", "most", "abort"),
    [(None, 85, 90), (93, 85, 90), (80, 74, 79), (95, 89, 94), (100, 94, 99), (90, 84, 89)],
)
def test_auto_follows_the_device(own, most, abort):
    limits = limits_for("cpu", own, "auto", "auto")
    assert (limits.most, limits.abort) == (most, abort)


def test_the_user_s_numbers_count_for_each_device():
    chosen = {"gpu": 70.0, "gpu.1": 60.0}
    assert limits_for("gpu.0", 93, chosen, "auto").most == 70
    assert limits_for("gpu.1", 93, chosen, "auto").most == 60
    assert limits_for("cpu", None, chosen, "auto").most == 85
    assert limits_for("cpu", None, 50, 55)[:2] == (50, 55)
    assert run(gpu(56, 57), abort=55.0)[0] == 1


def test_hot_memory_of_a_gpu_is_not_its_core():
    assert run([{"gpu.0.temperature": 70.0, "gpu.0.temperature.memory": 104.0}] * 5)[1] is None


def test_a_lost_sensor_alarms_after_ten_seconds():
    second, alarm, _ = run([*gpu(70, 71), {"gpu.0.temperature": "the GPU is lost"}, *[{"cpu.percent": 1.0}] * 20])
    assert second == 12
    assert alarm.cause == "sensor lost"
    assert run([*gpu(70), {"gpu.0.temperature": "lost"}, *gpu(*[72] * 20)])[1] is None


def test_a_lost_sampler_is_as_bad_as_a_lost_sensor():
    second, alarm, _ = run([*gpu(70), *["the sampler ended"] * 15])
    assert second == 11
    assert "the sampler ended" in alarm.sentence


def test_slow_sensors_are_not_lost():
    assert run([*gpu(70), *[{"cpu.percent": 1.0}] * 30])[1] is None


def test_a_gpu_that_falls_asleep_is_cold_and_not_lost():
    asleep = {"gpu.0.temperature": ASLEEP}
    assert run([*gpu(45), asleep, *[{"cpu.percent": 1.0}] * 20])[1] is None
    assert run([*gpu(45), "the sampler ended", asleep, *[{"cpu.percent": 1.0}] * 20])[1] is None
    assert run([*gpu(45), asleep, *gpu(50), {"gpu.0.temperature": "lost"}, *[{}] * 20])[1].cause == "sensor lost"


def test_without_any_temperature_nothing_is_judged():
    _, alarm, guard = run([{"cpu.percent": 100.0, "gpu.0.temperature": "no GPU found"}] * 30)
    assert alarm is None
    assert guard.peaks == {}


# --- what is told of it ----------------------------------------------------------------------------------------------------


def test_the_reason_is_kept_though_it_comes_only_once():
    _, alarm, guard = run([*gpu(70), {"gpu.0.temperature": "the GPU is lost"}, *[{"cpu.percent": 1.0}] * 20])
    assert alarm.sentence.endswith("can't be read any more: the GPU is lost")
    assert guard.why_blind("gpu.0") == "the GPU is lost"
    assert guard.unseen == {"gpu.0": "the GPU is lost"}


def test_a_short_gap_is_not_unseen():
    _, _, guard = run([*gpu(70), {"gpu.0.temperature": "lost"}, *[{}] * 8, *gpu(70, 70)])
    assert guard.unseen == {}


def criteria(guard, carrying=(), unseen=None, missing=None, blind=None):
    found = heat_criteria(guard, carrying, unseen or {}, missing or {}, blind)
    return {criterion.name: (criterion.passed, criterion.text) for criterion in found}


def test_each_device_is_held_against_its_own_limit():
    _, _, guard = run([{"gpu.0.temperature": 84.0, "gpu.1.temperature": 84.0, "gpu.1.temperature.limit": 80.0}])
    found = criteria(guard)
    assert found["temperature of GPU 0"] == (True, "at most 84 °C; the limit to pass is 85 °C (the usual limits)")
    assert found["temperature of GPU 1"] == (False, "at most 84 °C; the limit to pass is 74 °C (its own limit)")


def test_a_device_that_was_not_read_all_the_time_does_not_pass_but_may_fail():
    _, _, cool = run(gpu(70))
    _, _, hot = run(gpu(88))
    passed, text = criteria(cool, unseen={"gpu.0": "it is lost"})["temperature of GPU 0"]
    assert passed is None
    assert text.endswith("it could not be read all the time: it is lost")
    assert criteria(hot, unseen={"gpu.0": "it is lost"})["temperature of GPU 0"][0] is False


def test_who_carried_the_load_needs_a_temperature():
    _, _, guard = run(gpu(70))
    reasons = {"cpu.temperature": "no sensor: virtual machine"}
    found = criteria(guard, ("gpu.0", "cpu", "board"), missing=reasons)
    assert found["temperature of CPU"] == (None, "not evaluated: no sensor: virtual machine")
    assert found["temperature of GPU 0"][0] is True
    assert len(found) == 2
    assert list(criteria(guard)) == ["temperature of GPU 0"], "negative control: nobody needs the processor's"


def test_with_no_temperature_nothing_passes():
    guard = HeatGuard("auto", "auto")
    assert criteria(guard)["temperature"] == (None, "not evaluated: no temperature can be read here")
    _, _, hot = run(gpu(95))
    assert criteria(hot, blind="far away") == {"temperature": (None, "not evaluated: far away")}
