import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.inference.precision import BOUND, LEAST, MOST_MORE, Precision, precision

STEADY = [100.0, 100.5, 99.5, 100.2, 99.8, 100.1]


def test_the_half_width_of_a_median_is_its_longer_arm():
    # Six values: the interval of the median reaches from the least to the largest, 99.5 to 101; the median is 100.15.
    result = precision([99.5, 99.8, 100.1, 100.2, 100.5, 101.0])
    assert result.middle == pytest.approx(100.15)
    assert result.half_width == pytest.approx(0.85 / 100.15)
    assert (result.enough, result.more, result.reason) == (True, 0, None)


def test_the_half_width_of_a_mean_is_students():
    result = precision([2, 4, 4, 4, 5, 5, 7, 9], of="mean")
    assert result.half_width == pytest.approx(1.7875 / 5, abs=1e-4)
    assert not result.enough
    # 8 · (0.3575 / 0.02)² - 8, more than anybody would run.
    assert result.more is None
    assert "more than 1000" in result.reason


def test_the_bound_decides():
    assert precision(STEADY).enough
    tight = precision(STEADY, 0.001)
    assert not tight.enough
    # Half-width 0.55 / 100.05 at six values; the width falls with the root of their number.
    assert tight.more == math.ceil(6 * (0.55 / 100.05 / 0.001) ** 2 - 6)


@pytest.mark.parametrize("of", ["median", "mean"])
def test_five_values_are_never_enough_even_if_they_are_equal(of):
    five = precision([7.0] * 5, of=of)
    assert (five.enough, five.more) == (False, 1)
    six = precision([7.0] * 6, of=of)
    assert (six.enough, six.more, six.half_width) == (True, 0, 0.0)


def test_few_values_foresee_from_their_scatter():
    wide, narrow = precision([95.0, 100.0, 105.0]), precision([99.9, 100.0, 100.1])
    assert wide.half_width is narrow.half_width is None
    assert "too few" in narrow.reason
    assert narrow.more == 3
    # Student's half-width 4.3027 · 5 / √3 at three values, to be brought down to 2.
    assert wide.more == math.ceil(3 * (4.3027 * 5 / math.sqrt(3) / 2) ** 2 - 3)
    assert precision([5.0]).more == LEAST - 1
    assert precision([]) == Precision(0, None, None, enough=False, more=LEAST, reason="there is no value")


def test_a_middle_of_zero_has_no_relative_width():
    result = precision([-1.0, 0.0, 1.0] * 3)
    assert (result.half_width, result.more, result.enough) == (None, None, False)
    assert "zero" in result.reason
    assert not precision([1.0, 2.0] * 4, 0.0).enough


@pytest.mark.parametrize("of", ["median", "mean"])
def test_repetition_until_it_suffices_ends_near_the_estimate_with_the_bound_kept(of):
    kept = 0
    for seed in range(100):
        draw = random.Random(seed)
        values = [100 * math.exp(draw.gauss(0, 0.03)) for _ in range(LEAST)]
        while not (state := precision(values, of=of)).enough:
            assert state.more is None or 1 <= state.more <= MOST_MORE
            values.append(100 * math.exp(draw.gauss(0, 0.03)))
            assert len(values) < 500
        kept += abs(state.middle - 100) <= 100 * BOUND
    # To look after each value costs some of the 95 %.
    assert kept >= 80


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), max_size=40))
def test_any_values_have_an_answer_without_nan(values):
    for of in ("median", "mean"):
        result = precision(values, of=of)
        assert result.half_width is None or math.isfinite(result.half_width)
        assert result.enough is (result.more == 0)
        assert result.half_width is not None or result.reason is not None
        assert not result.enough or result.half_width <= BOUND


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=30), st.integers(-20, 20))
def test_another_unit_is_known_equally_well(values, exponent):
    plain, scaled = precision(values), precision([value * 2.0**exponent for value in values])
    assert scaled.half_width == pytest.approx(plain.half_width)
    assert scaled.more == plain.more
