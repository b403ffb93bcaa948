import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.inference.steady_state import steady_state

TRIALS = 300


def scatter(seed, count, level=100.0, sd=0.03):
    draw = random.Random(seed)
    return [level * math.exp(draw.gauss(0, sd)) for _ in range(count)]


def starts(make, trials=TRIALS):
    return [steady_state(make(seed)).start for seed in range(trials)]


@pytest.mark.parametrize("cut", [1, 3, 8])
def test_a_clear_warm_up_ends_where_it_ends(cut):
    values = [250.0] * cut + [100.0, 101.0, 99.0, 100.5, 99.5] * 6
    assert steady_state(values).start == cut


def test_a_warm_up_that_decays_is_cut_near_its_end():
    values = [100 * (1 + 2 * math.exp(-i / 3)) * factor for i, factor in enumerate(scatter(1, 60, 1.0))]
    start = steady_state(values).start
    assert start is not None
    assert 5 <= start <= 15


@pytest.mark.parametrize("count", [12, 40, 150])
def test_pure_scatter_is_left_whole(count):
    found = starts(lambda seed: scatter(seed, count))
    assert found.count(0) / TRIALS > 0.95


@pytest.mark.parametrize("count", [30, 100])
def test_a_slow_first_request_is_seen(count):
    found = starts(lambda seed: [200.0, *scatter(seed, count)])
    assert sum(start is not None and 1 <= start <= count // 3 for start in found) / TRIALS > 0.9
    assert found.count(0) / TRIALS < 0.06, "against 0.95 without the warm-up"


def test_a_late_spike_is_no_warm_up():
    found = starts(lambda seed: [value * (3 if place == 35 else 1) for place, value in enumerate(scatter(seed, 40))])
    assert found.count(0) / TRIALS > 0.85


def test_a_drift_never_settles():
    found = starts(lambda seed: [value * (1 + 0.6 * place / 60) for place, value in enumerate(scatter(seed, 60))])
    assert found.count(None) / TRIALS > 0.95
    assert "never settle" in steady_state([100.0 + place for place in range(60)]).reason


def test_a_drift_that_hides_in_the_scatter_is_seen_by_the_ranks():
    found = starts(lambda seed: [v * (1 + 0.12 * place / 100) for place, v in enumerate(scatter(seed, 100, sd=0.05))])
    # No cut stands out: without the ranks 1 in 100 is found.
    assert found.count(None) / TRIALS > 0.8


def test_a_level_reached_only_in_the_second_half_never_settles():
    found = starts(lambda seed: [*scatter(seed, 42, 200.0), *scatter(seed + 1000, 18)])
    assert found.count(None) == TRIALS


def test_a_drift_below_the_margin_does_not_matter():
    assert steady_state([100 + 0.02 * place for place in range(50)]).start == 0
    assert steady_state([100 + 0.2 * place for place in range(50)]).start is None


def test_few_values_say_nothing():
    state = steady_state([1.0] * 9)
    assert state.start is None
    assert state.reason == "9 values are too few to see a warm-up; 10 or more show one"
    assert steady_state([1.0] * 10).start == 0


def test_missing_values_keep_their_places():
    values = [None, 250.0, None, 250.0, *[100.0, 101.0, 99.0] * 8]
    assert steady_state(values).start == 4


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), max_size=60))
def test_any_sequence_has_a_place_or_a_reason(values):
    state = steady_state(values)
    assert (state.start is None) is (state.reason is not None)
    assert state.start is None or 0 <= state.start < len(values)


@given(st.lists(st.floats(0.001, 1e6), min_size=10, max_size=60), st.integers(-20, 20))
def test_another_unit_settles_at_the_same_place(values, exponent):
    assert steady_state([value * 2.0**exponent for value in values]) == steady_state(values)
