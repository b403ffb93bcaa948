import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.heat.evidence import BOARD, Sample
from llmtui.metrics.heat.gpu_evidence import reason_words
from llmtui.metrics.heat.thermal_evidence import EvidenceWatch
from llmtui.readings import HW_SLOWDOWN, HW_THERMAL, POWER_BRAKE, POWER_CAP, READINGS, SW_THERMAL

SECOND = 1_000_000_000
COOL = {"gpu.0.percent": 99.0, "gpu.0.temperature": 65.0, "gpu.0.temperature.limit": 90.0}


def watched(values, *, in_flight=True, start=0, watch=None, missing=None):
    """Take samples a second apart; return what each says."""
    watch = watch or EvidenceWatch()
    return [
        watch.take(Sample((start + place) * SECOND, found, missing or {}), in_flight=in_flight)
        for place, found in enumerate(values)
    ]


def kinds(evidence, device="gpu.0"):
    return [{finding.kind for finding in one.findings if finding.device == device} for one in evidence]


def words(evidence, kind):
    return {finding.words for one in evidence for finding in one.findings if finding.kind == kind}


def reasons(*bits):
    return [COOL | {"gpu.0.throttle.reasons": float(bit)} for bit in bits]


# --- hard evidence ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bit", [SW_THERMAL, HW_THERMAL])
def test_the_drivers_reasons_of_heat_are_hard_evidence_at_once(bit):
    assert kinds(watched(reasons(0, bit, 0))) == [set(), {"thermal"}, set()]


def test_idle_and_unknown_reasons_are_no_evidence():
    assert kinds(watched(reasons(0x1, 0x10, 0x800))) == [set()] * 3
    assert reason_words(0x820) == "heat and reason 0x800"


def test_hardware_slowdown_needs_two_readings_in_a_row():
    assert kinds(watched(reasons(HW_SLOWDOWN, 0, HW_SLOWDOWN, HW_SLOWDOWN))) == [set(), set(), set(), {"hardware"}]


def test_hardware_slowdown_at_the_limit_is_heat_and_with_the_power_brake_is_power():
    hot = [found | {"gpu.0.temperature": 88.0} for found in reasons(HW_SLOWDOWN, HW_SLOWDOWN)]
    assert kinds(watched(hot)) == [{"hot"}, {"hot", "thermal"}]
    brake = HW_SLOWDOWN | POWER_BRAKE
    assert kinds(watched(reasons(brake, brake))) == [{"power"}, {"power"}]


def test_the_drivers_counter_shows_what_fell_between_samples():
    found = watched([COOL | {"gpu.0.throttle.thermal.time": t} for t in (7.0, 7.0, 7.25, 7.25)])
    assert kinds(found) == [set(), set(), {"thermal"}, set()]
    (finding,) = found[2].findings
    assert finding.seconds == 0.25
    assert finding.counted


def test_a_sum_of_counters_may_outrun_the_clock_by_as_many_as_it_has():
    def grown(key, device, by):
        return "thermal" in kinds(watched([{key: 10.0}, {key: 10.0 + by}]), device)[1]

    assert grown("gpu.0.throttle.thermal.time", "gpu.0", 3.9)
    assert not grown("gpu.0.throttle.thermal.time", "gpu.0", 4.1)
    assert grown("cpu.throttle.time", "cpu", 12.9)
    assert not grown("cpu.throttle.time", "cpu", 13.1)


def test_a_counter_that_jumps_or_goes_back_is_no_evidence():
    assert kinds(watched([COOL | {"gpu.0.throttle.thermal.time": t} for t in (7.0, 700.0, 3.0, 3.0)])) == [set()] * 4


def test_the_processors_counters():
    assert kinds(watched([{"cpu.throttle.time": t} for t in (1.0, 1.0, 1.5)]), "cpu")[1:] == [set(), {"thermal"}]
    assert kinds(watched([{"cpu.throttle.events": n} for n in (3.0, 3.0, 4.0)]), "cpu")[1:] == [set(), {"thermal"}]
    both = [{"cpu.throttle.events": n, "cpu.throttle.time": 1.0} for n in (3.0, 4.0)]
    assert kinds(watched(both), "cpu") == [set(), set()], "less than a millisecond"


@pytest.mark.parametrize(
    ("bits", "found"),
    [
        (0, set()),
        (0x1, {"other"}),
        (0x2, {"thermal"}),
        (0x4, {"thermal"}),
        (0x8, {"thermal"}),
        (0x5, {"other"}),
        (0x9, {"other", "thermal"}),
        (0xE0000, set()),
    ],
)
def test_a_raspberry_pi_tells_its_power_supply_from_heat(bits, found):
    assert kinds(watched([{"board.throttled": float(bits)}]), BOARD) == [found]


def test_macos_and_jetson():
    assert kinds(watched([{"thermal.pressure": p} for p in (0.0, 1.0, 2.0)]), BOARD) == [set(), set(), {"thermal"}]
    assert kinds(watched([{"board.overcurrent.events": n} for n in (5.0, 5.0, 6.0)]), BOARD) == [
        set(),
        set(),
        {"hardware"},
    ]


def test_a_bit_that_was_set_while_idle_and_cool_is_not_believed():
    watch = EvidenceWatch()
    idle = {"gpu.0.percent": 0.0, "gpu.0.temperature": 37.0, "gpu.0.throttle.reasons": float(SW_THERMAL)}
    watched([idle] * 4, in_flight=False, watch=watch)
    assert watch.stuck("gpu.0") == SW_THERMAL
    loaded = watched(reasons(SW_THERMAL, SW_THERMAL, SW_THERMAL | HW_THERMAL), watch=watch, start=10)
    assert kinds(loaded) == [set(), set(), {"thermal"}]
    assert ("gpu.0", "hard") not in loaded[0].observed, "a source that is stuck can't say that all is well"


def test_a_bit_right_after_a_load_or_at_the_limit_is_not_stuck():
    watch = EvidenceWatch()
    watched(reasons(SW_THERMAL), watch=watch)
    after = {"gpu.0.percent": 0.0, "gpu.0.temperature": 60.0, "gpu.0.throttle.reasons": float(SW_THERMAL)}
    watched([after] * 20, in_flight=False, watch=watch, start=1)
    assert watch.stuck("gpu.0") == 0
    hot = after | {"gpu.0.temperature": 89.0}
    other = EvidenceWatch()
    watched([hot] * 20, in_flight=False, watch=other)
    assert other.stuck("gpu.0") == 0
    watched([after] * 5, in_flight=False, watch=watch, start=21)
    assert watch.stuck("gpu.0") == 0
    watched([after] * 10, in_flight=False, watch=watch, start=26)
    assert watch.stuck("gpu.0") == SW_THERMAL, "half a minute later it is"


# --- power -----------------------------------------------------------------------------------------------------------


def test_the_power_limit_is_told_as_power():
    found = watched(reasons(POWER_CAP))
    assert kinds(found) == [{"power"}]
    counted = watched([COOL | {"gpu.0.throttle.power.time": t} for t in (1.0, 2.0)])
    assert kinds(counted) == [set(), {"power"}]


def test_a_lowered_limit_is_named():
    set_low = {"gpu.0.power.limit": 200.0, "gpu.0.power.limit.default": 350.0}
    (text,) = words(watched([found | set_low for found in reasons(POWER_CAP)]), "power")
    assert text == "its driver names power limit, which is set to 200 W of 350 W"
    (text,) = words(watched([found | set_low | {"gpu.0.power.limit": 300.0} for found in reasons(POWER_CAP)]), "power")
    assert text == "its driver names power limit"


def test_without_reasons_the_draw_is_compared_with_the_limit():
    draw = [COOL | {"gpu.0.power": watts, "gpu.0.power.limit": 300.0} for watts in (280.0, 299.0)]
    assert kinds(watched(draw)) == [set(), {"power"}]
    assert kinds(watched([found | {"gpu.0.throttle.reasons": 0.0} for found in draw])) == [set(), set()]


# --- clock and temperature -------------------------------------------------------------------------------------------


def clocks(*values, device="gpu.0", key="clock.sm", **more):
    return [COOL | {f"{device}.{key}": value} | more for value in values]


def test_a_clock_below_its_reference_for_three_samples():
    found = watched(clocks(*[1900.0] * 125, 1600.0, 1600.0, 1600.0, 1800.0))
    assert kinds(found)[-4:] == [set(), set(), {"clock"}, set()]
    assert words(found, "clock") == {"its clock fell to 1600 MHz, 84 % of what is usual under load"}
    assert not any("clock" in kind for kind in kinds(watched(clocks(*[1900.0] * 125, 1720.0, 1720.0, 1720.0))))


def test_an_idle_chips_clock_says_nothing():
    idle = [found | {"gpu.0.percent": 5.0} for found in clocks(300.0, 300.0, 300.0)]
    assert not words(watched(clocks(*[1900.0] * 125) + idle), "clock")
    assert words(watched(clocks(*[1900.0] * 125, 300.0, 300.0, 300.0)), "clock")


def test_a_new_job_has_a_new_reference():
    watch = EvidenceWatch()
    watched(clocks(*[1900.0] * 125), watch=watch)
    watch.restart()
    assert not words(watched(clocks(*[1600.0] * 200), watch=watch, start=200), "clock")


def test_the_processors_clock_counts_only_when_it_does_the_work():
    def run(cores, **more):
        base = {"cpu.frequency": 4000.0, "server.cpu": cores} | more
        return watched([base] * 125 + [base | {"cpu.frequency": 2000.0}] * 3)

    assert words(run(8.0), "clock")
    assert not words(run(0.2), "clock")
    assert words(run(1.0), "clock")
    assert not words(run(0.9), "clock")
    assert not words(run(1.4, **{"gpu.0.percent": 90.0}), "clock"), "one core that waits for the GPU"
    assert words(run(1.6, **{"gpu.0.percent": 90.0}), "clock")


def test_without_the_servers_share_the_whole_processor_counts():
    def run(percent):
        base = {"cpu.frequency": 4000.0, "cpu.percent": percent}
        return words(watched([base] * 125 + [base | {"cpu.frequency": 2000.0}] * 3), "clock")

    assert run(51.0)
    assert not run(49.0)


@pytest.mark.parametrize(
    ("values", "degree"),
    [
        ({"gpu.0.temperature": 81.0, "gpu.0.temperature.limit": 90.0}, set()),
        ({"gpu.0.temperature": 83.0, "gpu.0.temperature.limit": 90.0}, {"warm"}),
        ({"gpu.0.temperature": 87.0, "gpu.0.temperature.limit": 90.0}, {"hot"}),
        ({"gpu.0.temperature": 83.0}, {"hot"}),
        ({"gpu.0.temperature": 60.0, "gpu.0.temperature.margin": 3.0}, {"hot"}),
        (
            {
                "gpu.0.temperature": 70.0,
                "gpu.0.temperature.limit": 100.0,
                "gpu.0.temperature.junction": 108.0,
                "gpu.0.temperature.junction.limit": 110.0,
            },
            {"hot"},
        ),
    ],
)
def test_a_gpu_is_hot_at_its_limit(values, degree):
    assert kinds(watched([values])) == [degree]


def test_a_processor_is_hot_at_its_limit_and_a_raspberry_pi_at_80():
    assert kinds(watched([{"cpu.temperature": 96.0, "cpu.temperature.limit": 100.0}]), "cpu") == [{"warm"}]
    assert kinds(watched([{"cpu.temperature": 97.0, "cpu.temperature.limit": 100.0}]), "cpu") == [{"hot"}]
    assert kinds(watched([{"cpu.temperature": 95.0}]), "cpu") == [{"hot"}]
    pi = {"cpu.temperature": 80.0, "cpu.temperature.limit": 85.0}
    assert kinds(watched([pi]), "cpu") == [{"warm"}]
    assert kinds(watched([pi | {"board.throttled": 0.0}]), "cpu") == [{"hot"}]


# --- what was asked, and who works -----------------------------------------------------------------------------------


def test_only_what_was_read_counts_as_observed():
    second = watched(reasons(0, 0))[1]
    assert second.observed["gpu.0", "hard"] == 1.0
    bare = watched([COOL, COOL])[1]
    assert ("gpu.0", "hard") not in bare.observed


def test_several_gpus_are_told_apart():
    values = {
        "gpu.0.throttle.reasons": 0.0,
        "gpu.1.throttle.reasons": float(SW_THERMAL),
        "gpu.12.throttle.reasons": 0.0,
    }
    (one,) = watched([values])
    assert [(finding.device, finding.kind) for finding in one.findings] == [("gpu.1", "thermal")]


def test_load_is_a_request_a_busy_gpu_or_a_busy_server():
    def loaded(values, *, in_flight=False):
        return watched([values], in_flight=in_flight)[0].loaded

    assert loaded({}, in_flight=True)
    assert loaded({"gpu.0.percent": 70.0})
    assert loaded({"server.cpu": 1.0})
    assert not loaded({"gpu.0.percent": 69.0, "server.cpu": 0.9})


@pytest.mark.parametrize(
    ("values", "at_work"),
    [
        ({}, {"cpu"}),
        ({"gpu.0.percent": 95.0, "server.cpu": 1.0}, {"gpu.0"}),
        ({"gpu.0.percent": 40.0, "server.cpu": 8.0}, {"gpu.0", "cpu"}),
        ({"gpu.0.percent": 9.0, "gpu.1.percent": 11.0}, {"gpu.1"}),
        ({"gpu.0.percent": 0.0, "server.cpu": 4.0}, {"cpu"}),
        ({"gpu.0.temperature": 50.0, "server.cpu": 4.0}, {"cpu"}),
        ({"gpu.0.temperature": 50.0, "server.cpu": 4.0, "server.memory.gpu": 9e9}, {"cpu", "gpu.0"}),
        ({"gpu.0.temperature": 50.0}, {"cpu", "gpu.0"}),
    ],
)
def test_who_carries_the_load(values, at_work):
    assert watched([values])[0].at_work == at_work


def test_reasons_for_missing_figures_stand_until_a_value_comes():
    watch = EvidenceWatch()
    watched([{}], watch=watch, missing={"cpu.temperature": "no sensor"})
    watched([{}], watch=watch, start=1)
    assert watch.missing == {"cpu.temperature": "no sensor"}
    watched([{"cpu.temperature": 50.0}], watch=watch, start=2)
    assert watch.missing == {}


keys = st.sampled_from(
    [reading.key.replace("*", "0") for reading in READINGS]
    + ["gpu.1.temperature", "gpu.", "gpu..x", "", "gpu.\u0661.percent"]
)
values = st.dictionaries(keys, st.one_of(st.floats(), st.integers(0, 2**70).map(float)), max_size=12)


@given(
    st.lists(st.tuples(st.integers(), values, st.dictionaries(keys, st.text(), max_size=3), st.booleans()), max_size=12)
)
def test_nothing_raises(samples):
    watch = EvidenceWatch()
    for t, found, missing, in_flight in samples:
        one = watch.take(Sample(t, found, missing), in_flight=in_flight)
        assert all(finding.seconds >= 0 for finding in one.findings)
