import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from llmtui.metrics.inference.level_shift import LEAST, LEAST_OF_A_LEVEL, level_shifts


def series(*levels, scatter=0.02, seed=1):
    """Values around each level, as (level, how many)."""
    draw = random.Random(seed)
    return [level * draw.gauss(1, scatter) for level, count in levels for _ in range(count)]


@pytest.mark.parametrize("levels", [((100, 10), (80, 10)), ((80, 10), (100, 10)), ((100, 4), (80, 4))])
def test_a_step_in_either_direction_is_found_at_its_place(levels):
    assert level_shifts(series(*levels)) == [levels[0][1]]


def test_a_step_near_the_end_is_found_about_there():
    (place,) = level_shifts(series((100, 15), (80, 5)))
    assert abs(place - 15) <= 1


def test_steps_are_found_one_by_one():
    assert level_shifts(series((100, 12), (80, 12), (120, 12))) == [12, 24]


@pytest.mark.parametrize(
    "values",
    [
        [],
        [5.0],
        [5.0] * 50,
        series((100, 20)),
        series((100, 4), (80, 3)),
        series((100, 10), (101.5, 10), scatter=0.001),
        [*series((100, 10)), 20.0, *series((100, 10), seed=2)],
        [100.0, 80.0] * 10,
        [0.0] * 20,
    ],
)
def test_no_step_is_seen_where_none_is_or_it_matters_to_nobody(values):
    assert level_shifts(values) == []


def test_a_smaller_margin_sees_a_smaller_step():
    values = series((100, 10), (101.5, 10), scatter=0.001)
    assert level_shifts(values, margin=0.01) == [10]


def test_of_level_series_few_seem_to_change():
    found = sum(bool(level_shifts(series((100, 20), scatter=0.05, seed=seed))) for seed in range(200))
    assert found <= 20, "1 in 20 is what it promises"


def test_most_steps_of_three_deviations_are_found():
    found = sum(level_shifts(series((100, 8), (85, 8), scatter=0.05, seed=seed)) != [] for seed in range(50))
    assert found >= 45


@hypothesis_settings(max_examples=50)
@given(st.lists(st.floats(0, 1e300), max_size=30))
def test_whatever_the_values_are_levels_have_some_length(values):
    ends = [0, *level_shifts(values), len(values)]
    assert ends == sorted(ends)
    if len(ends) > 2:
        assert min(b - a for a, b in pairwise(ends)) >= LEAST_OF_A_LEVEL
        assert len(values) >= LEAST
