import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.inference.outliers import Outlier, outliers, robust_spread

anything = st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), max_size=40)


def test_one_far_value_is_flagged_with_its_place_and_score():
    # Median 10, distances 1 1 0 1 1 0 0 10: MAD 1, so the score of 20 is 0.6745 · 10.
    (found,) = outliers([9, 11, 10, 9, 11, 10, 10, 20])
    assert (found.place, found.value) == (7, 20)
    assert found.score == pytest.approx(0.6745 * 10, abs=0.001)
    assert outliers([9, 11, 10, 9, 11, 10, 10, 15.2])[0].place == 7
    assert outliers([9, 11, 10, 9, 11, 10, 10, 15.1]) == (), "0.6745 · 5.1 is below 3.5"


def test_places_count_the_values_that_are_missing():
    assert [found.place for found in outliers([None, 9, 11, math.nan, 10, 10, 10, 9, 11, 20])] == [9]


def test_a_far_value_below_has_a_negative_score():
    assert outliers([100.0, 101, 99, 100, 102, 98, 100, 3])[0].score < -3.5


def test_equal_values_with_one_other_need_the_second_rule():
    # MAD 0; mean distance 0.7, over 0.7979: the score is 7 / 0.8773.
    (found,) = outliers([10.0] * 9 + [17.0])
    assert found.score == pytest.approx(7 / (0.7 / 0.797885), rel=1e-5)


def test_equal_and_few_values_have_none():
    assert outliers([5.0] * 20) == ()
    assert outliers([1, 1, 1, 1, 1, 1, 1000]) == ()
    assert len(outliers([1, 1, 1, 1, 1, 1, 1, 1000])) == 1
    assert outliers([]) == ()
    assert robust_spread([5.0] * 20) is None


def test_few_of_normal_values_are_flagged():
    draw = random.Random(7)
    flagged = sum(len(outliers([draw.gauss(0, 1) for _ in range(50)])) for _ in range(400))
    assert flagged / (400 * 50) < 0.005


@given(anything)
def test_nothing_raises_and_whatever_is_flagged_is_in_the_sequence(values):
    for found in outliers(values):
        assert isinstance(found, Outlier)
        assert values[found.place] == found.value
        assert not math.isnan(found.score)


@given(st.lists(st.floats(-1e6, 1e6), max_size=30), st.integers(-30, 30))
def test_another_unit_flags_the_same(values, exponent):
    factor = 2.0**exponent
    assert [f.place for f in outliers([v * factor for v in values])] == [f.place for f in outliers(values)]
