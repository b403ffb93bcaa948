import pytest
from support.looks import Looks, found

from llmtui.metrics.heat.chip_evidence import SLOW_CLOCK, SLOW_READINGS, Chip
from llmtui.metrics.heat.reading_history import REFERENCE_FROM_S, REFERENCE_TO_S

BUSY = 1800.0


def heated(degrees, *, limit=90.0, hot_from=None, figure="temperature"):
    chip, looks = Chip("gpu.0", "gpu.0.clock.sm", hot_from), Looks()
    values = {f"gpu.0.{figure}": degrees}
    if limit is not None:
        values[f"gpu.0.{figure}.limit"] = limit
    look = looks.next(values)
    chip.heat(look)
    return chip, look


# --- temperature -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("degrees", "degree", "kinds"),
    [
        (60.0, "cool", []),
        (81.9, "cool", []),
        (82.0, "warm", ["warm"]),
        (86.9, "warm", ["warm"]),
        (87.0, "hot", ["hot"]),
    ],
)
def test_the_degree_is_how_near_the_limit_is(degrees, degree, kinds):
    chip, look = heated(degrees)
    assert (chip.degree, found(look)) == (degree, kinds)
    assert ("gpu.0", "heat") in look.observed, "asked, whatever it said"


def test_the_words_have_the_limit_where_there_is_one():
    assert heated(88.0)[1].findings[0].words == "88 °C of 90 °C"
    assert heated(88.0, limit=None)[1].findings[0].words == "88 °C"
    assert heated(2.0, limit=None, figure="temperature.margin")[1].findings[0].words == "2 °C left to its limit"
    assert heated(108.0, limit=110.0, figure="temperature.junction")[1].findings[0].words == "108 °C of 110 °C at the hot spot"  # fmt: skip


def test_the_worst_of_several_sensors_counts_and_all_that_are_not_cool_are_named():
    chip, looks = Chip("gpu.0", "gpu.0.clock.sm"), Looks()
    look = looks.next({"gpu.0.temperature": 60.0, "gpu.0.temperature.limit": 90.0, "gpu.0.temperature.junction": 106.0})
    chip.heat(look)
    assert (chip.degree, look.findings[0].words) == ("hot", "106 °C at the hot spot")


def test_a_device_may_be_hot_from_a_temperature_of_its_own():
    assert heated(80.0, limit=None, hot_from=80.0)[0].degree == "hot"
    assert heated(79.9, limit=None, hot_from=80.0)[0].degree == "warm"
    assert heated(80.0, limit=None)[0].degree == "warm"


def test_without_a_reading_the_degree_stays_and_nothing_is_found():
    chip, looks = Chip("gpu.0", "gpu.0.clock.sm"), Looks()
    chip.heat(looks.next({"gpu.0.temperature": 89.0, "gpu.0.temperature.limit": 90.0}))
    silent = looks.next({"cpu.percent": 5.0})
    chip.heat(silent)
    assert (chip.degree, silent.findings, dict(silent.observed)) == ("hot", [], {})
    chip.heat(looks.next({"gpu.0.temperature": 50.0}))
    assert chip.degree == "cool"


# --- clock -----------------------------------------------------------------------------------------------------------


def clocked(clocks, *, busy=lambda second: True, chip=None):
    """Take a clock each second and return the kinds that were found in each."""
    chip, looks = chip or Chip("gpu.0", "gpu.0.clock.sm"), Looks()
    kinds = []
    for second, clock in enumerate(clocks):
        look = looks.next({"gpu.0.clock.sm": clock})
        chip.clock(look, busy=busy(second))
        kinds.append(found(look))
    return kinds


LEARNED = int(REFERENCE_TO_S) + 2


def test_a_clock_below_what_is_usual_under_load_is_low_from_the_third_reading_on():
    low = 0.99 * SLOW_CLOCK * BUSY
    kinds = clocked([BUSY] * LEARNED + [low] * 5)
    assert kinds[LEARNED:] == [[]] * (SLOW_READINGS - 1) + [["clock"]] * (5 - SLOW_READINGS + 1)
    assert [kind for one in kinds[:LEARNED] for kind in one] == []


def test_a_clock_at_its_usual_level_or_a_little_below_is_not_low():
    assert clocked([BUSY] * LEARNED + [1.01 * SLOW_CLOCK * BUSY] * 9)[LEARNED:] == [[]] * 9
    assert clocked([BUSY] * LEARNED + [2 * BUSY] * 9)[LEARNED:] == [[]] * 9


def test_two_low_readings_between_good_ones_are_none():
    low = 0.5 * BUSY
    assert [kind for one in clocked([BUSY] * LEARNED + [low, low, BUSY] * 4) for kind in one] == []


def test_an_idle_chip_lowers_its_clock_by_itself():
    kinds = clocked([BUSY] * LEARNED + [300.0] * 9, busy=lambda second: second < LEARNED)
    assert kinds[LEARNED:] == [[]] * 9


def test_the_boost_of_the_first_seconds_is_no_reference():
    boost = int(REFERENCE_FROM_S)
    kinds = clocked([2 * BUSY] * boost + [BUSY] * (LEARNED - boost + 9))
    assert [kind for one in kinds for kind in one] == []


def test_before_there_is_a_reference_nothing_is_said():
    chip, looks = Chip("gpu.0", "gpu.0.clock.sm"), Looks()
    look = looks.next({"gpu.0.clock.sm": 100.0})
    chip.clock(look, busy=True)
    assert (look.findings, dict(look.observed)) == ([], {})


def test_a_restart_forgets_what_was_usual():
    chip = Chip("gpu.0", "gpu.0.clock.sm")
    clocked([BUSY] * LEARNED, chip=chip)
    assert any(clocked([0.5 * BUSY] * 5, chip=chip))
    chip.restart()
    assert not any(clocked([0.5 * BUSY] * 5, chip=chip))


def test_the_words_say_how_low():
    chip, looks = Chip("gpu.0", "gpu.0.clock.sm"), Looks()
    for _ in range(LEARNED):
        chip.clock(looks.next({"gpu.0.clock.sm": BUSY}), busy=True)
    for _ in range(SLOW_READINGS):
        look = looks.next({"gpu.0.clock.sm": 900.0})
        chip.clock(look, busy=True)
    assert look.findings[0].words == "its clock fell to 900 MHz, 50 % of what is usual under load"
