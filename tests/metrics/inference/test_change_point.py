import math
import random

from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.inference.change_point import change_point

RUNS = 200


def scattered(seed, count, sd, correlation=0.3):
    draw = random.Random(seed)
    error, found = draw.gauss(0, sd), []
    for _ in range(count):
        found.append(1 + error)
        error = correlation * error + draw.gauss(0, sd * math.sqrt(1 - correlation**2))
    return found


def misses(at, fall, sd, spoil=lambda draw, values: values):
    found = []
    for seed in range(RUNS):
        values = scattered(seed, 60, sd)
        values = spoil(random.Random(seed), values[:at] + [value * (1 - fall) for value in values[at:]])
        found.append(abs((change_point(values) or 0) - at))
    return found


def test_the_change_point_is_where_the_values_step_down():
    assert change_point([10, 11, 10, 11, 5, 6, 5, 6]) == 4
    assert change_point([10, 10, 10, 4, 4, 4]) == 3
    assert change_point([10, 10, 10, 4]) is None, "one low value may be a spike"


def test_what_does_not_fall_has_none():
    assert change_point([1, 2, 3, 4]) is None
    assert change_point([5.0] * 9) is None
    assert change_point([]) is None
    assert change_point([7.0]) is None


def test_a_step_is_found_early_in_the_middle_and_late():
    for at in (14, 30, 51):
        missed = misses(at, 0.15, 0.01)
        assert sum(miss <= 1 for miss in missed) / RUNS > 0.95
    assert sum(miss <= 3 for miss in misses(30, 0.10, 0.03)) / RUNS > 0.85


def test_spikes_do_not_lead_astray():
    def spoil(draw, values):
        for place in draw.sample(range(60), 2):
            values[place] *= 0.3
        return values

    assert sum(miss <= 2 for miss in misses(30, 0.15, 0.01, spoil)) / RUNS > 0.9


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=40))
def test_nothing_raises_and_the_place_is_inside(values):
    place = change_point(values)
    assert place is None or 0 < place < len(values)


@given(st.lists(st.floats(1, 1000), min_size=2, max_size=40))
def test_what_never_falls_has_none(values):
    assert change_point(sorted(values)) is None
