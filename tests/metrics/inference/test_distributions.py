import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.inference.distributions import binomial_cdf, incomplete_beta, student_cdf, student_quantile

TABLE = {  # two-sided 95 % and 99 %, as in every printed table of Student's t
    1: (12.706, 63.657),
    2: (4.303, 9.925),
    3: (3.182, 5.841),
    4: (2.776, 4.604),
    5: (2.571, 4.032),
    10: (2.228, 3.169),
    20: (2.086, 2.845),
    30: (2.042, 2.750),
    60: (2.000, 2.660),
    120: (1.980, 2.617),
}


@pytest.mark.parametrize("degrees", TABLE)
def test_quantiles_are_those_of_the_printed_tables(degrees):
    assert student_quantile(0.975, degrees) == pytest.approx(TABLE[degrees][0], abs=5e-4)
    assert student_quantile(0.995, degrees) == pytest.approx(TABLE[degrees][1], abs=5e-4)


@given(st.floats(0.001, 0.999))
def test_one_and_two_degrees_have_closed_forms(probability):
    p = probability
    assert student_quantile(p, 1) == pytest.approx(math.tan(math.pi * (p - 0.5)), rel=1e-10, abs=1e-12)
    closed = (2 * p - 1) * math.sqrt(2 / (4 * p * (1 - p)))
    assert student_quantile(p, 2) == pytest.approx(closed, rel=1e-10, abs=1e-12)


@given(st.floats(0.01, 0.99), st.floats(0.5, 1e5))
def test_the_quantile_is_the_inverse_of_the_distribution(probability, degrees):
    assert student_cdf(student_quantile(probability, degrees), degrees) == pytest.approx(probability, rel=1e-9)


@pytest.mark.parametrize("degrees", [3, 7, 40])
def test_the_distribution_is_the_integral_of_the_density(degrees):
    constant = math.gamma((degrees + 1) / 2) / math.sqrt(degrees * math.pi) / math.gamma(degrees / 2)
    steps, t = 20_000, 1.7
    points = ((i + 0.5) * t / steps for i in range(steps))
    area = sum(constant * (1 + x * x / degrees) ** (-(degrees + 1) / 2) for x in points) * t / steps
    assert student_cdf(t, degrees) - 0.5 == pytest.approx(area, rel=1e-7)
    assert student_cdf(-t, degrees) == pytest.approx(1 - student_cdf(t, degrees), rel=1e-12)


def test_many_degrees_end_in_the_normal_distribution_without_a_step():
    assert student_quantile(0.975, 1e12) == pytest.approx(1.959963985, abs=1e-9)
    assert student_quantile(0.975, 9999.9999) == pytest.approx(student_quantile(0.975, 10_000), rel=1e-10)


@pytest.mark.parametrize(("probability", "degrees"), [(0, 3), (1, 3), (0.5, 0), (0.5, -1)])
def test_what_is_no_quantile_is_refused(probability, degrees):
    with pytest.raises(ValueError, match="no quantile"):
        student_quantile(probability, degrees)


def test_the_ends_of_the_incomplete_beta_function():
    assert incomplete_beta(2, 3, 0.0, 1.0) == 0
    assert incomplete_beta(2, 3, 1.0, 0.0) == 1
    assert incomplete_beta(2, 3, 0.4, 0.6) == pytest.approx(0.5248), "the exact polynomial at 0.4"


@given(st.integers(1, 60), st.integers(-2, 62), st.fractions(Fraction(1, 100), Fraction(99, 100)))
def test_the_binomial_is_the_exact_sum(trials, successes, probability):
    exact = sum(
        math.comb(trials, k) * probability**k * (1 - probability) ** (trials - k)
        for k in range(min(successes, trials) + 1)
    )
    assert binomial_cdf(successes, trials, float(probability)) == pytest.approx(float(exact), rel=1e-9, abs=1e-12)


def test_a_million_trials_take_no_million_steps():
    assert binomial_cdf(500_000, 1_000_000, 0.5) == pytest.approx(0.5 + 0.5 * math.sqrt(2 / (math.pi * 1e6)), rel=1e-6)
    assert binomial_cdf(0, 1_000_000, 0.5) == 0
