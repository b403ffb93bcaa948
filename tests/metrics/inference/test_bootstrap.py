import math
import random
from itertools import product
from statistics import fmean
from statistics import median as exact_median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmtui.metrics.inference.bootstrap import bootstrap_interval, bootstrap_ratio_interval
from llmtui.metrics.inference.intervals import Interval
from llmtui.metrics.statistics import Missing, median, percentile

anything = st.lists(
    st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), max_size=4), max_size=12
)


def singles(values):
    return [(value,) for value in values]


def normal(seed, count, mean=100.0, sd=10.0):
    draw = random.Random(seed)
    return [draw.gauss(mean, sd) for _ in range(count)]


def slow_median(values):
    """The median, unknown to the short cut."""
    return exact_median(values)


def test_the_interval_is_that_of_all_draws_of_a_small_sample():
    values = [1.0, 2.0, 4.0, 8.0, 16.0]
    means = [fmean(drawn) for drawn in product(values, repeat=5)]
    interval = bootstrap_interval(singles(values), fmean, resamples=20_000)
    assert interval.low == pytest.approx(percentile(means, 2.5), rel=0.03)
    assert interval.high == pytest.approx(percentile(means, 97.5), rel=0.03)


@pytest.mark.parametrize("values", [[1.0, 2.0, 4.0, 8.0, 16.0], [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]])
def test_the_short_cut_draws_medians_as_often_as_all_draws_do(values):
    count = len(values)
    exact = [exact_median(drawn) for drawn in product(values, repeat=count)]
    for tail in (0.8, 0.5, 0.2):
        interval = bootstrap_interval(singles(values), median, level=1 - tail, resamples=20_000)
        low, high = interval.low, interval.high
        assert (
            sum(v < low for v in exact) / len(exact) - 0.01
            <= tail / 2
            <= sum(v <= low for v in exact) / len(exact) + 0.01
        )
        assert (
            sum(v > high for v in exact) / len(exact) - 0.01
            <= tail / 2
            <= sum(v >= high for v in exact) / len(exact) + 0.01
        )


def test_the_short_cut_and_the_long_way_agree_on_many_values():
    values = normal(1, 101)
    fast, slow = bootstrap_interval(singles(values), median), bootstrap_interval(singles(values), slow_median)
    assert fast.low == pytest.approx(slow.low, abs=0.5)
    assert fast.high == pytest.approx(slow.high, abs=0.5)


def test_values_that_belong_together_are_drawn_together():
    # Ten requests whose hundred gaps are alike: a hundredfold of the same ten facts.
    levels = normal(3, 10)
    together = bootstrap_interval([[level] * 100 for level in levels], fmean)
    apart = bootstrap_interval([(level,) for level in levels for _ in range(100)], fmean)
    alone = bootstrap_interval(singles(levels), fmean)
    assert together.high - together.low == pytest.approx(alone.high - alone.low, rel=1e-9)
    assert apart.high - apart.low < (together.high - together.low) / 5


def test_the_same_seed_gives_the_same_interval_in_any_order():
    values = normal(4, 20)
    first = bootstrap_interval(singles(values), fmean)
    assert bootstrap_interval(singles(values[::-1]), fmean) == first
    assert bootstrap_interval(singles(values), fmean, seed=1) != first


def test_what_cannot_be_drawn_has_a_reason():
    assert bootstrap_interval([], fmean) == Missing("there is no value")
    one = Missing("one group of values does not show how much groups vary")
    assert bootstrap_interval([[1.0, 2.0, 3.0]], fmean) == one
    assert bootstrap_interval([[1.0], [None], []], fmean) == one
    assert bootstrap_ratio_interval(singles([1.0, 2.0]), [[3.0]], fmean) == one
    zero = bootstrap_ratio_interval(singles([0.0, 0.0]), singles([1.0, 2.0]), fmean)
    assert isinstance(zero, Missing)
    assert "divide by zero" in zero.reason


def test_a_ratio_of_known_samples():
    a, b = singles(normal(5, 40)), singles(normal(6, 40, mean=150.0))
    interval = bootstrap_ratio_interval(a, b, fmean)
    # The delta method: the relative errors of both means are about 10 / 100 / √40 and 10 / 150 / √40.
    half = 1.96 * 1.5 * math.hypot(0.1, 10 / 150) / math.sqrt(40)
    assert (interval.high - interval.low) / 2 == pytest.approx(half, rel=0.25)
    assert interval.low < 1.5 < interval.high


@pytest.mark.parametrize("statistic", [fmean, median])
def test_the_interval_holds_the_true_value_about_as_often_as_it_says(statistic):
    held = 0
    for seed in range(300):
        interval = bootstrap_interval(singles(normal(seed, 25)), statistic, resamples=400)
        held += interval.low <= 100 <= interval.high
    assert 0.90 <= held / 300 <= 0.985


@given(anything, anything)
@settings(max_examples=50)
def test_any_input_has_an_interval_or_a_reason(first, second):
    for result in (
        bootstrap_interval(first, median, resamples=50),
        bootstrap_ratio_interval(first, second, median, resamples=50),
    ):
        if isinstance(result, Interval):
            assert math.isfinite(result.low)
            assert math.isfinite(result.high)
            assert result.low <= result.high
        else:
            assert result.reason
