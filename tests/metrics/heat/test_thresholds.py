import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.heat.thresholds import DECODE_RATE, THRESHOLDS, at_power_limit, level, pattern, word
from llmtui.readings import describe

GIB = float(1 << 30)
MIB = float(1 << 20)
numbers = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))


@pytest.mark.parametrize(
    ("key", "limit", "normal", "warn", "bad"),
    [
        (DECODE_RATE, 100.0, 93.1, 92.9, 84.9),
        ("gpu.0.memory.used", 24 * GIB, 21.5 * GIB, 21.7 * GIB, 23.4 * GIB),
        ("cgroup.memory.used", 10 * GIB, 8.9 * GIB, 9.1 * GIB, 9.8 * GIB),
        ("gpu.0.temperature", 90.0, 81.9, 82.0, 87.0),
        ("gpu.12.temperature", None, 69.9, 70.0, 83.0),
        ("gpu.0.temperature.margin", None, 8.1, 8.0, 3.0),
        ("gpu.0.temperature.junction", 110.0, 101.9, 102.0, 107.0),
        ("gpu.0.temperature.junction", None, 94.9, 95.0, 105.0),
        ("gpu.0.temperature.memory", None, 94.9, 95.0, 105.0),
        ("gpu.0.clock.sm", 1900.0, 1806.0, 1804.0, 1600.0),
        ("cpu.temperature", 100.0, 89.9, 90.0, 97.0),
        ("cpu.temperature", None, 84.9, 85.0, 95.0),
        ("ram.available", 100 * GIB, 10.1 * GIB, 9.9 * GIB, 4.9 * GIB),
        ("swap.in.rate", None, 0.9 * MIB, 1.1 * MIB, 21 * MIB),
        ("pressure.memory.full", None, 4.9, 5.1, 20.1),
    ],
)
def test_each_figure_has_its_levels_and_words(key, limit, normal, warn, bad):
    assert [level(key, value, limit) for value in (normal, warn, bad)] == ["normal", "warn", "bad"]
    words = [word(key, value, limit) for value in (normal, warn, bad)]
    assert words[0] == "normal"
    assert all(words)
    assert len(set(words)) == 3


def test_a_low_processor_clock_is_a_warning_at_most():
    assert level("cpu.frequency", 4100, 5000) == "normal"
    assert level("cpu.frequency", 3900, 5000) == "warn"
    assert level("cpu.frequency", 400, 5000) == "warn"


def test_the_power_limit_has_a_word_and_no_warning():
    assert level("gpu.0.power", 349, 350) == "normal"
    assert word("gpu.0.power", 349, 350) == "at its power limit"
    assert word("gpu.0.power", 300, 350) == "normal"
    assert at_power_limit(343, 350)
    assert not at_power_limit(342, 350)
    assert not at_power_limit(None, 350)
    assert not at_power_limit(343, None)
    assert not at_power_limit(0, 0)


def test_what_cannot_be_judged_has_no_level():
    assert level("gpu.0.percent", 99) is None, "a busy GPU is neither good nor bad"
    assert level("gpu.0.memory.used", 24 * GIB) is None, "no total"
    assert level("gpu.0.memory.used", 24 * GIB, 0) is None
    assert level("gpu.0.temperature", None, 90) is None
    assert level("gpu.0.temperature", math.nan, 90) is None
    assert level("no.such.key", 1) is None
    assert word("gpu.0.temperature", None) == ""
    assert level("gpu.0.temperature", 84, math.nan) == "bad", "an unknown limit leaves the usual one"


def test_every_threshold_is_of_a_figure_that_exists():
    assert all(describe(key.replace("*", "0")) for key in THRESHOLDS if key != DECODE_RATE)
    assert describe("gpu.0.no.such") is None
    assert pattern("gpu.3.clock.sm") == "gpu.*.clock.sm"


@given(st.sampled_from([key.replace("*", "0") for key in THRESHOLDS]), numbers, numbers)
def test_nothing_raises_and_a_level_has_a_word(key, value, limit):
    found = level(key, value, limit)
    assert (found is None) == (word(key, value, limit) == "")


@given(st.sampled_from(["gpu.0.temperature", "swap.in.rate"]), st.floats(0, 1e9), st.floats(0, 1e9), numbers)
def test_more_heat_is_never_a_better_level(key, one, other, limit):
    order = ["normal", "warn", "bad"]
    low, high = sorted((one, other))
    assert order.index(level(key, low, limit)) <= order.index(level(key, high, limit))
