import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.inference.intervals import paired_share_difference, share_interval
from llmtui.metrics.statistics import Missing

CHANCES = 2000


@pytest.mark.parametrize(
    ("successes", "count", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 2, 0.0945, 0.9055)],
)
def test_wilsons_interval_as_it_is_tabulated(successes, count, low, high):
    found = share_interval(successes, count)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_nothing_asked_is_missing():
    assert isinstance(share_interval(0, 0), Missing)
    assert isinstance(paired_share_difference(0, 0, 0, 0), Missing)


def test_two_sides_that_are_alike_differ_by_nothing_and_the_sign_is_the_firsts():
    even = paired_share_difference(10, 3, 3, 8)
    assert even.low == pytest.approx(-even.high)
    better = paired_share_difference(10, 12, 0, 2)
    worse = paired_share_difference(10, 0, 12, 2)
    assert better.low > 0 > worse.high
    assert (better.low, better.high) == (pytest.approx(-worse.high), pytest.approx(-worse.low))


def coverage(narrower):
    """Return how often the interval holds the true difference of 0.15 on 40 questions."""
    draw = random.Random(5)
    held = 0
    for _ in range(CHANCES):
        counts = [0, 0, 0, 0]
        for _ in range(40):
            counts[draw.choices((0, 1, 2, 3), (0.5, 0.2, 0.05, 0.25))[0]] += 1
        found = paired_share_difference(*counts)
        middle, half = (found.low + found.high) / 2, (found.high - found.low) / 2 * narrower
        held += middle - half <= 0.15 <= middle + half
    return held / CHANCES


def test_the_difference_is_in_its_interval_as_often_as_is_said():
    assert 0.95 - 4 * math.sqrt(0.95 * 0.05 / CHANCES) <= coverage(1.0) <= 0.99
    assert coverage(0.7) < 0.92, "an interval that is too narrow would be noticed"


@given(st.tuples(*[st.integers(0, 60)] * 4))
def test_an_interval_of_a_difference_stays_in_range(table):
    found = paired_share_difference(*table)
    if sum(table):
        assert -1 <= found.low <= (table[1] - table[2]) / sum(table) + 1e-12
        assert (table[1] - table[2]) / sum(table) - 1e-12 <= found.high <= 1
