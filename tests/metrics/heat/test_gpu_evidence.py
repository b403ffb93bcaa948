import pytest
from support.looks import Looks, found

from llmtui.metrics.heat.gpu_evidence import GpuEvidence, reason_words
from llmtui.readings import BOARD_LIMIT, HW_SLOWDOWN, HW_THERMAL, POWER_BRAKE, POWER_CAP, SW_THERMAL

HARD, POWER = ("gpu.0", "hard"), ("gpu.0", "power")


def looked(*samples, **options):
    """Look at samples of one GPU in turn, keys without `gpu.0.`; return the looks."""
    gpu, looks = GpuEvidence("gpu.0"), Looks()
    found_looks = []
    for sample in samples:
        look = looks.next({f"gpu.0.{key}": value for key, value in sample.items()}, **options)
        gpu.look(look)
        found_looks.append(look)
    return found_looks


def reasons(*bits, **options):
    return looked(*({"throttle.reasons": float(bit)} for bit in bits), **options)


def kinds(looks):
    return [found(look) for look in looks]


# --- the driver's reasons --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        (0, []),
        (0x1, []),
        (0x100, []),
        (SW_THERMAL, ["thermal"]),
        (HW_THERMAL, ["thermal"]),
        (POWER_CAP, ["power"]),
        (BOARD_LIMIT, ["power"]),
        (POWER_BRAKE, ["power"]),
        (SW_THERMAL | POWER_CAP, ["thermal", "power"]),
        (HW_SLOWDOWN, []),
        (1 << 40, []),
    ],
)
def test_each_reason_is_evidence_of_its_own_kind(bits, expected):
    (look,) = reasons(bits)
    assert found(look) == expected
    assert {HARD, POWER} <= look.observed.keys()


def test_a_hardware_slowdown_has_to_be_seen_twice_in_a_row_and_is_heat_only_where_it_is_hot():
    assert kinds(reasons(HW_SLOWDOWN, HW_SLOWDOWN)) == [[], ["hardware"]]
    assert kinds(reasons(HW_SLOWDOWN, 0, HW_SLOWDOWN)) == [[], [], []]
    hot = {"throttle.reasons": float(HW_SLOWDOWN), "temperature": 89.0, "temperature.limit": 90.0}
    assert kinds(looked(hot, hot)) == [["hot"], ["hot", "thermal"]]


def test_a_slowdown_that_the_driver_explains_is_only_what_it_says():
    assert kinds(reasons(HW_SLOWDOWN | HW_THERMAL, HW_SLOWDOWN | HW_THERMAL)) == [["thermal"]] * 2
    assert kinds(reasons(HW_SLOWDOWN | POWER_BRAKE, HW_SLOWDOWN | POWER_BRAKE)) == [["power"]] * 2


def test_a_bit_that_stays_while_the_gpu_idles_is_not_believed_and_says_nothing_of_heat():
    stuck = reasons(*[SW_THERMAL] * 6, idle=True, loaded=False)
    assert kinds(stuck)[-1] == []
    assert HARD not in stuck[-1].observed, "whether heat comes can't be told any more"
    under_load = reasons(*[SW_THERMAL] * 6)
    assert kinds(under_load) == [["thermal"]] * 6
    other = reasons(*[POWER_CAP] * 6, idle=True, loaded=False)
    assert HARD in other[-1].observed, "another bit that is stuck leaves heat to be told"


@pytest.mark.parametrize("value", [-1.0, 2.0**64, float("inf")])
def test_what_can_be_no_bits_is_no_word(value):
    (look,) = looked({"throttle.reasons": value})
    assert (look.findings, dict(look.observed)) == ([], {})


def test_no_reading_is_no_word():
    (look,) = looked({"percent": 99.0})
    assert (look.findings, dict(look.observed)) == ([], {})


def test_words_of_bits_old_and_new():
    assert reason_words(0) == ""
    assert reason_words(SW_THERMAL | POWER_CAP) == "power limit and heat"
    assert reason_words(1 << 33) == f"reason {1 << 33:#x}"


# --- counters --------------------------------------------------------------------------------------------------------


def test_a_counter_of_throttled_time_is_evidence_where_it_grew():
    grew = looked(*({"throttle.thermal.time": value} for value in (5.0, 5.0, 5.4, 5.4)))
    assert kinds(grew) == [[], [], ["thermal"], []]
    finding = grew[2].findings[0]
    assert (finding.counted, round(finding.seconds, 6)) == (True, 0.4)
    assert all(HARD in look.observed for look in grew)


@pytest.mark.parametrize("second", [1.0, 500.0])
def test_a_counter_that_fell_or_outran_time_counted_nothing(second):
    assert kinds(looked({"throttle.thermal.time": 50.0}, {"throttle.thermal.time": second})) == [[], []]


def test_a_counter_of_power_is_power_and_no_heat():
    look = looked({"throttle.power.time": 1.0}, {"throttle.power.time": 1.5})[1]
    assert found(look) == ["power"]
    assert POWER in look.observed
    assert HARD not in look.observed


# --- draw and limit --------------------------------------------------------------------------------------------------


def test_a_draw_at_its_limit_speaks_where_no_driver_does():
    at, below = {"power": 299.0, "power.limit": 300.0}, {"power": 250.0, "power.limit": 300.0}
    assert kinds(looked(at)) == [["power"]]
    assert kinds(looked(below)) == [[]]
    assert kinds(looked({"power": 299.0})) == [[]], "without a limit nothing can be at it"
    assert kinds(looked({**at, "throttle.reasons": 0.0})) == [[]], "the driver's own word comes first"


def test_a_limit_that_somebody_lowered_is_named():
    lowered = {"power.limit": 200.0, "power.limit.default": 300.0}
    look = looked({"throttle.reasons": float(POWER_CAP), **lowered})[0]
    assert look.findings[0].words == "its driver names power limit, which is set to 200 W of 300 W"
    own = {"power.limit": 290.0, "power.limit.default": 300.0}
    assert "set to" not in looked({"throttle.reasons": float(POWER_CAP), **own})[0].findings[0].words


# --- clock -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("percent", "expected"), [(95.0, True), (30.0, False), (None, True)])
def test_the_clock_counts_only_while_the_gpu_is_loaded(percent, expected):
    use = {} if percent is None else {"percent": percent}
    looks = looked(*({"clock.sm": 1800.0, **use} for _ in range(122)), *({"clock.sm": 900.0, **use} for _ in range(4)))
    assert any("clock" in one for one in kinds(looks)) is expected
    idle = looked(*({"clock.sm": 1800.0} for _ in range(122)), *({"clock.sm": 900.0} for _ in range(4)), loaded=False)
    assert not any("clock" in one for one in kinds(idle))
