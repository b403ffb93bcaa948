import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.inference.intervals import Interval, mean_interval, percentile_interval, percentile_ranks
from llmtui.metrics.statistics import Missing

anything = st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), max_size=40)
CHANCES = 2000


def test_the_interval_of_a_mean_by_hand():
    # mean 5, SD √(32/7) = 2.138, t(0.975, 7) = 2.3646: 5 ± 2.3646 · 2.138 / √8
    interval = mean_interval([2, 4, 4, 4, 5, 5, 7, 9])
    assert isinstance(interval, Interval)
    assert (interval.low, interval.high) == pytest.approx((3.2125, 6.7875), abs=1e-4)
    assert mean_interval([3.0, 3.0, 3.0]) == Interval(3.0, 3.0, 0.95)


def test_too_few_values_have_a_reason():
    assert mean_interval([]) == Missing("there is no value")
    assert mean_interval([7.0, None]) == Missing("one value does not show how much values vary")
    assert percentile_interval([1.0] * 5, 50) == Missing(
        "5 values are too few for an interval of p50; 6 or more have one"
    )
    missing = percentile_interval(range(100), 99)
    assert isinstance(missing, Missing)
    assert "368 or more" in missing.reason, "ln 0.025 / ln 0.99"
    assert isinstance(percentile_interval(range(368), 99), Interval)
    assert isinstance(percentile_interval(range(367), 99), Missing)
    assert isinstance(percentile_interval(range(50), 100), Missing)


@pytest.mark.parametrize(
    ("count", "low", "high", "level"),
    [  # 95 % intervals of the median as printed tables have them, ranks from 1
        (6, 1, 6, 0.96875),
        (10, 2, 9, 0.97852),
        (15, 4, 12, 0.96484),
        (20, 6, 15, 0.95861),
    ],
)
def test_ranks_of_the_median_are_those_of_the_tables(count, low, high, level):
    ranks = percentile_ranks(count, 50)
    assert not isinstance(ranks, Missing)
    assert ranks[:2] == (low - 1, high - 1)
    assert ranks[2] == pytest.approx(level, abs=1e-5)


@pytest.mark.parametrize(("count", "share"), [(12, 50), (30, 50), (60, 90), (120, 95)])
def test_the_ranks_are_the_narrowest_with_half_of_the_chance_at_each_end(count, share):
    def at_most(k):
        return sum(math.comb(count, i) * (share / 100) ** i * (1 - share / 100) ** (count - i) for i in range(k + 1))

    low, high, level = percentile_ranks(count, share)
    assert at_most(low) <= 0.025 < at_most(low + 1)
    assert 1 - at_most(high) <= 0.025 < 1 - at_most(high - 1)
    assert level == pytest.approx(at_most(high) - at_most(low), rel=1e-9)


@pytest.mark.parametrize(("count", "share"), [(8, 50), (25, 50), (80, 90)])
def test_an_interval_of_a_percentile_holds_the_true_one_as_often_as_it_says(count, share):
    draw = random.Random(share * 1000 + count)
    true = -math.log(1 - share / 100)
    held, level = 0, 0.0
    for _ in range(CHANCES):
        interval = percentile_interval([draw.expovariate(1) for _ in range(count)], share)
        held += interval.low <= true <= interval.high
        level = interval.level
    assert level >= 0.95
    # Four standard errors of a share of 2000.
    assert abs(held / CHANCES - level) < 4 * math.sqrt(level * (1 - level) / CHANCES)


@pytest.mark.parametrize("count", [2, 5, 20])
def test_an_interval_of_a_mean_holds_the_true_one_as_often_as_it_says(count):
    draw = random.Random(count)
    held = 0
    for _ in range(CHANCES):
        interval = mean_interval([draw.gauss(10, 3) for _ in range(count)])
        held += interval.low <= 10 <= interval.high
    assert abs(held / CHANCES - 0.95) < 4 * math.sqrt(0.95 * 0.05 / CHANCES)


def test_a_normal_quantile_in_place_of_students_would_be_noticed():
    draw = random.Random(3)
    held = 0
    for _ in range(CHANCES):
        values = [draw.gauss(10, 3) for _ in range(3)]
        interval = mean_interval(values)
        middle, half = sum(values) / 3, (interval.high - interval.low) / 2 / 4.303 * 1.96
        held += middle - half <= 10 <= middle + half
    assert abs(held / CHANCES - 0.95) > 4 * math.sqrt(0.95 * 0.05 / CHANCES)


@given(anything, st.sampled_from([1.0, 50.0, 90.0, 99.9]))
def test_intervals_never_raise_and_never_say_nan(values, share):
    for interval in (mean_interval(values), percentile_interval(values, share)):
        if isinstance(interval, Interval):
            assert math.isfinite(interval.low)
            assert math.isfinite(interval.high)
            assert interval.low <= interval.high
        else:
            assert interval.reason


def test_a_level_that_is_none_is_refused():
    with pytest.raises(ValueError, match="level"):
        percentile_interval([1.0] * 10, 50, level=1.0)
