from statistics import median as exact_median
from statistics import quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.statistics import carries, coefficient_of_variation, median, percentile

finite = st.floats(min_value=-1e9, max_value=1e9)


@given(st.lists(finite, min_size=1, max_size=50))
def test_median_agrees_with_the_standard_library(values):
    assert median(values) == pytest.approx(exact_median(values))


@given(st.lists(finite, min_size=2, max_size=50))
def test_percentiles_agree_with_the_inclusive_quantiles(values):
    cuts = quantiles(values, n=100, method="inclusive")
    assert percentile(values, 95) == pytest.approx(cuts[94], abs=1e-3)
    assert percentile(values, 99) == pytest.approx(cuts[98], abs=1e-3)


def test_an_empty_sample_has_no_figures():
    assert percentile([], 50) is None
    assert median([]) is None
    assert coefficient_of_variation([]) is None
    assert coefficient_of_variation([3.0]) is None


def test_a_mean_of_zero_divides_nothing():
    assert coefficient_of_variation([-1.0, 1.0]) is None


@pytest.mark.parametrize(
    ("count", "share", "enough"), [(99, 99, False), (100, 99, True), (10, 95, False), (1, 50, True)]
)
def test_a_percentile_needs_values_beyond_it(count, share, enough):
    assert carries(count, share) is enough
