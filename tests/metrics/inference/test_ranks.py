import math
import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmtui.metrics.inference.ranks import mann_whitney, midranks
from llmtui.metrics.statistics import Missing

small = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=6)
anything = st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), max_size=30)


def wins(a, b):
    return sum((x > y) + (x == y) / 2 for x in a for y in b)


def dealt(a, b):
    """p by dealing all values to the two sides in every possible way."""
    pool, middle = [*a, *b], len(a) * len(b) / 2
    far, ways = 0, 0
    for chosen in combinations(range(len(pool)), len(a)):
        first = [pool[i] for i in chosen]
        second = [pool[i] for i in range(len(pool)) if i not in chosen]
        far += abs(wins(first, second) - middle) >= abs(wins(a, b) - middle)
        ways += 1
    return far / ways


def test_equal_values_share_their_ranks():
    assert midranks([30.0, 10.0, 20.0, 20.0]) == [4.0, 1.0, 2.5, 2.5]
    assert midranks([]) == []


@given(small, small)
@settings(max_examples=60)
def test_p_is_that_of_all_deals_with_ties_and_without(a, b):
    result = mann_whitney(a, b)
    assert result.method == "exact"
    assert result.u == wins(a, b)
    assert result.p == pytest.approx(dealt(a, b), rel=1e-12)


@pytest.mark.parametrize(
    ("n", "m", "critical"),
    [(4, 4, 0), (5, 5, 2), (6, 6, 5), (8, 8, 13), (10, 10, 23), (5, 8, 6), (12, 12, 37)],  # the printed 5 % tables
)
def test_critical_values_are_those_of_the_tables(n, m, critical):
    """The largest U that is significant at 5 %, two-sided, without ties."""

    def p_at(u):
        # The first sample beats exactly `u` of the second's values: start below all and move up one pair at a time.
        a = [0.0 - i for i in range(n)]
        full, rest = divmod(u, m)
        a = [1000.0 + i if i < full else value for i, value in enumerate(a)]
        if rest:
            a[full] = rest + 0.5
        result = mann_whitney(a, [float(i + 1) for i in range(m)])
        assert result.u == u
        return result.p

    assert p_at(critical) <= 0.05 < p_at(critical + 1)


def test_the_smallest_p_of_three_against_three_convinces_nobody():
    assert mann_whitney([1, 2, 3], [4, 5, 6]).p == pytest.approx(0.1)
    assert mann_whitney([1, 2, 3, 4], [5, 6, 7, 8]).p == pytest.approx(2 / 70)


def test_the_normal_approximation_takes_over_without_a_step():
    draw = random.Random(5)
    for shift in (0.0, 0.2, 0.5):
        a = [draw.gauss(0, 1) for _ in range(31)]
        b = [draw.gauss(shift, 1) for _ in range(31)]
        exact = mann_whitney(a, b)
        assert exact.method == "exact"
        by_hand = math.erfc(max(0, abs(exact.u - 480.5) - 0.5) / math.sqrt(31 * 31 * 63 / 12) / math.sqrt(2))
        assert exact.p == pytest.approx(by_hand, abs=0.005)
        assert exact.p != pytest.approx(by_hand, rel=1e-9)


def test_ties_and_continuity_by_hand():
    # 40 against 40, values 1, 2 and 3: ties of 30, 28 and 22.
    a = [1.0] * 20 + [2.0] * 14 + [3.0] * 6
    b = [1.0] * 10 + [2.0] * 14 + [3.0] * 16
    ties = sum(t**3 - t for t in (30, 28, 22))
    sd = math.sqrt(1600 / 12 * (81 - ties / (80 * 79)))
    result = mann_whitney(a, b)
    assert result.method == "normal"
    assert result.u == wins(a, b)
    assert result.p == pytest.approx(math.erfc((abs(result.u - 800) - 0.5) / sd / math.sqrt(2)), rel=1e-12)


def test_equal_samples_do_not_differ_and_empty_ones_have_no_p():
    assert mann_whitney([1.0] * 50, [1.0] * 50).p == 1
    assert mann_whitney([1.0] * 3, [1.0] * 3).p == 1
    assert mann_whitney([], [1.0]) == Missing("a side has no value")
    assert mann_whitney([None, math.nan], [1.0]) == Missing("a side has no value")


@pytest.mark.parametrize("count", [6, 40])
def test_samples_of_one_distribution_differ_no_more_often_than_p_says(count):
    draw = random.Random(count)
    found = sum(
        mann_whitney([draw.random() for _ in range(count)], [draw.random() for _ in range(count)]).p <= 0.05
        for _ in range(1000)
    )
    assert 15 <= found <= 75


@given(anything, anything)
def test_any_input_has_an_answer_and_no_side_is_preferred(a, b):
    result, turned = mann_whitney(a, b), mann_whitney(b, a)
    if isinstance(result, Missing):
        assert isinstance(turned, Missing)
        return
    assert 0 <= result.p <= 1
    assert turned.p == pytest.approx(result.p)
