import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.heat.settling import settling, steady_since, theil_sen
from llmtui.metrics.statistics import Missing

STEP = 30_000_000_000
anything = st.lists(st.tuples(st.integers(), st.one_of(st.none(), st.floats())), max_size=30)


def points(values):
    return [(place * STEP, value) for place, value in enumerate(values)]


def rates(count=10, drift_per_ten_minutes=0.0, scatter=0.0, seed=1):
    draw = random.Random(seed)
    return points([100 * (1 + drift_per_ten_minutes * place / 20 + draw.gauss(0, scatter)) for place in range(count)])


def heat(per_minute, count=10):
    return points([60 + per_minute * place / 2 for place in range(count)])


def test_the_slope_is_that_of_the_line_and_outliers_do_not_move_it():
    line = [(place * 10, 3.0 + 2.0 * place) for place in range(12)]
    assert theil_sen(line).value == pytest.approx(0.2)
    line[3] = (30, 1e9)
    line[9] = (90, -1e9)
    assert theil_sen(line).value == pytest.approx(0.2)


def test_the_interval_holds_the_true_slope_as_often_as_it_says():
    held = wrong = 0
    for seed in range(400):
        draw = random.Random(seed)
        slope = theil_sen([(place, 2.0 * place + draw.gauss(0, 3)) for place in range(10)])
        held += slope.low <= 2.0 <= slope.high
        wrong += slope.low <= 5.0 <= slope.high
    assert held / 400 > 0.92
    assert wrong / 400 < 0.1


def test_too_few_moments_have_no_slope():
    assert isinstance(theil_sen([]), Missing)
    assert isinstance(theil_sen([(1, 1.0), (2, 2.0)]), Missing)
    assert isinstance(theil_sen([(1, 1.0), (1, 2.0), (1, 3.0)]), Missing)


def test_flat_rate_and_flat_temperature_are_steady():
    found = settling(rates(drift_per_ten_minutes=0.005), heat(0.1))
    assert found.steady is True
    assert found.rate_drift == pytest.approx(0.005, abs=1e-4)
    assert found.heating == pytest.approx(0.1)


def test_a_rising_temperature_is_still_heating():
    found = settling(rates(), heat(0.8))
    assert found.steady is False
    assert found.sentence == "still heating: +0.8 °C a minute"
    assert settling(rates(), heat(0.4)).steady is True
    assert settling(rates(), heat(-0.8)).sentence.startswith("still cooling")


def test_a_drifting_rate_is_not_steady():
    found = settling(rates(drift_per_ten_minutes=-0.05))
    assert found.steady is False
    assert "changes by -2.3 % in 4.5 min" in found.sentence


def test_a_drift_of_less_than_one_percent_is_steady():
    assert "steady: the rate changes by +0.4 % in 4.5 min" in settling(rates(drift_per_ten_minutes=0.009)).sentence
    assert settling(rates(drift_per_ten_minutes=0.0115)).steady is False


def test_scatter_is_not_taken_for_drift_but_drift_beyond_scatter_is():
    steady = [settling(rates(scatter=0.03, seed=seed), heat(0.1)).steady for seed in range(200)]
    assert steady.count(True) / 200 > 0.9
    falling = [settling(rates(scatter=0.003, drift_per_ten_minutes=-0.1, seed=s), heat(0.1)).steady for s in range(200)]
    assert falling.count(False) / 200 > 0.9


def test_without_a_temperature_the_sentence_says_so():
    assert settling(rates()).sentence.endswith("the temperature is not known")


def test_only_the_last_ten_and_their_time_count():
    early = points([50.0 + 5 * place for place in range(10)])
    late = [(t + 10 * STEP, value) for t, value in rates()]
    hot = points([40.0 + 3 * place for place in range(10)] + [70.0] * 10)
    assert settling([*early, *late], hot).steady is True
    assert settling(early, hot).steady is False


def test_many_temperatures_are_taken_together():
    second = [(place * STEP // 30, 60 + 0.8 * place / 60) for place in range(300)]
    assert settling(rates(), second).heating == pytest.approx(0.8, abs=0.01)


def test_few_rates_say_nothing():
    found = settling(rates(9))
    assert found.steady is None
    assert found.sentence == "9 rates are too few to see a steady state; 10 or more show one"
    assert settling(points([0.0] * 10)).steady is None


def test_the_steady_state_begins_where_the_rate_levels_off():
    curve = points([100 + 40 * math.exp(-place / 4) for place in range(50)])
    since = steady_since(curve)
    assert since is not None
    assert 15 <= since / STEP <= 30
    assert steady_since(curve[:12]) is None
    assert steady_since([]) is None


@given(anything, anything)
def test_nothing_raises(some_rates, temperatures):
    found = settling(some_rates, temperatures)
    assert found.sentence
    since = steady_since(some_rates, temperatures)
    assert since is None or settling(some_rates, temperatures).steady
