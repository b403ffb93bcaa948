import math
from statistics import fmean, quantiles, stdev
from statistics import median as exact_median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.statistics import (
    carries,
    coefficient_of_variation,
    mean_and_sd,
    median,
    median_absolute_deviation,
    percentile,
    summarize,
)

finite = st.floats(min_value=-1e9, max_value=1e9)
anything = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))
KNOWN = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]


def numbers_of(summary):
    """Every figure of a summary that is there."""
    single = [summary.mean, summary.sd, summary.cv, summary.median, summary.mad, summary.least, summary.most]
    return [value for value in (*single, *(p.value for p in summary.percentiles)) if value is not None]


@given(st.lists(finite, min_size=1, max_size=50))
def test_median_agrees_with_the_standard_library(values):
    assert median(values) == pytest.approx(exact_median(values))


@given(st.lists(finite, min_size=2, max_size=50))
def test_percentiles_agree_with_the_inclusive_quantiles(values):
    cuts = quantiles(values, n=100, method="inclusive")
    assert percentile(values, 95) == pytest.approx(cuts[94], abs=1e-3)
    assert percentile(values, 99) == pytest.approx(cuts[98], abs=1e-3)


@given(st.lists(finite, min_size=2, max_size=50))
def test_mean_and_sd_agree_with_the_standard_library(values):
    mean, sd = mean_and_sd(values)
    assert mean == pytest.approx(fmean(values), rel=1e-12, abs=1e-6)
    assert sd == pytest.approx(stdev(values), rel=1e-9, abs=1e-6)


def test_a_small_deviation_from_a_large_mean_is_seen():
    assert mean_and_sd([1e9, 1e9 + 1, 1e9 + 2]) == (1e9 + 1, 1.0)


def test_an_empty_sample_has_no_figures():
    assert percentile([], 50) is None
    assert median([]) is None
    assert mean_and_sd([]) == (None, None)
    assert mean_and_sd([3.0]) == (3.0, None)
    assert median_absolute_deviation([]) is None
    assert coefficient_of_variation([]) is None
    assert coefficient_of_variation([3.0]) is None
    empty = summarize([None, math.nan])
    assert (empty.count, empty.left_out) == (0, 2)
    assert numbers_of(empty) == []
    assert not any(p.carried for p in empty.percentiles)


def test_a_mean_of_zero_divides_nothing():
    assert coefficient_of_variation([-1.0, 1.0]) is None
    assert coefficient_of_variation([-1.0, -3.0]) == pytest.approx(math.sqrt(2) / 2), "over the size of the mean"


@pytest.mark.parametrize(
    ("count", "share", "enough"), [(99, 99, False), (100, 99, True), (10, 95, False), (1, 50, True)]
)
def test_a_percentile_needs_values_beyond_it(count, share, enough):
    assert carries(count, share) is enough


def test_a_summary_of_known_values():
    summary = summarize([*KNOWN, None, math.inf])
    assert (summary.count, summary.left_out) == (8, 2)
    assert (summary.mean, summary.median, summary.mad) == (5.0, 4.5, 0.5)
    assert (summary.least, summary.most) == (2.0, 9.0)
    assert summary.sd == pytest.approx(math.sqrt(32 / 7))
    assert summary.cv == pytest.approx(math.sqrt(32 / 7) / 5)
    assert summary.p90.value == pytest.approx(7 + 0.3 * 2)
    assert [p.carried for p in summary.percentiles] == [True, False, False, False, False]


def test_a_thousand_values_carry_every_percentile():
    summary = summarize(range(1001))
    assert [p.value for p in summary.percentiles] == pytest.approx([500, 900, 950, 990, 999])
    assert all(p.carried for p in summary.percentiles)
    assert [p.carried for p in summarize(range(999)).percentiles] == [True, True, True, True, False]


@given(st.lists(anything, max_size=40), st.randoms(use_true_random=False))
def test_a_summary_never_raises_never_says_nan_and_knows_no_order(values, draw):
    summary = summarize(values)
    assert all(math.isfinite(value) for value in numbers_of(summary))
    assert summary.count + summary.left_out == len(values)
    shuffled = list(values)
    draw.shuffle(shuffled)
    assert summarize(shuffled) == summary


@given(st.lists(finite, min_size=1, max_size=40))
def test_figures_of_place_are_ordered_and_within_the_sample(values):
    summary = summarize(values)
    places = [summary.least, *(p.value for p in summary.percentiles), summary.most]
    assert places == sorted(places)
    assert summary.least - 1e-6 <= summary.mean <= summary.most + 1e-6


@given(st.lists(finite, min_size=2, max_size=30), st.integers(-40, 40))
def test_another_unit_changes_the_scale_and_nothing_else(values, exponent):
    factor = 2.0**exponent
    plain, scaled = summarize(values), summarize([value * factor for value in values])
    assert numbers_of(scaled) == pytest.approx(
        [v if v is plain.cv else v * factor for v in numbers_of(plain)], rel=1e-9, abs=1e-300
    )
    assert scaled.cv == pytest.approx(plain.cv) if plain.cv is not None else scaled.cv is None
