import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui import wording
from llmtui.metrics.heat.decline import (
    LEAST,
    MOST_VARIATION,
    SlowingHint,
    baseline,
    first_low,
    judge_decline,
)

RUNS = 400
COUNT = 60
"""Half an hour in records of 30 s."""

SECOND = 1_000_000_000
anything = st.lists(
    st.tuples(st.integers(), st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))), max_size=60
)


def noisy(draw, cv, correlation=0.3):
    """Values around 1 whose scatter hangs together: AR(1)."""
    error, found = draw.gauss(0, cv), []
    for _ in range(COUNT):
        found.append(1 + error)
        error = correlation * error + draw.gauss(0, cv * math.sqrt(1 - correlation**2))
    return found


def shaped(shape, draw, values):
    fall = {"step": 0.10, "drift": 0.10, "late": 0.15, "saw": 0.15}.get(shape, 0.0)
    if shape == "outliers":
        for place in draw.sample(range(COUNT), 2):
            values[place] *= 0.5
        return values
    if shape == "boost":
        return [value * 1.08 for value in values[:3]] + values[3:]
    lower = {
        "stable": lambda place: 0.0,
        "step": lambda place: fall if place >= COUNT // 2 else 0.0,
        "drift": lambda place: fall * place / (COUNT - 1),
        "late": lambda place: fall if place >= COUNT * 0.85 else 0.0,
        "saw": lambda place: fall if place >= COUNT // 3 and place // 3 % 2 else 0.0,
        "halved": lambda place: 0.5 if place >= COUNT // 2 else 0.0,
    }[shape]
    return [value * (1 - lower(place)) for place, value in enumerate(values)]


def run(shape, cv, seed):
    draw = random.Random(f"{shape} {cv} {seed}")
    return shaped(shape, draw, noisy(draw, cv))


def timed(values):
    return [(place * 30 * SECOND, value) for place, value in enumerate(values)]


def share(shape, cv, rule, runs=RUNS):
    return sum(bool(rule(run(shape, cv, seed))) for seed in range(runs)) / runs


def declined(values):
    return judge_decline(timed(values)).declined


def hinted(values):
    hint = SlowingHint()
    return True in [hint.add(value) for value in values]


# The table of rates: false alarms where nothing falls, detections where something does.


@pytest.mark.parametrize(
    ("shape", "cv", "most"),
    [
        ("stable", 0.03, 0.02),
        ("stable", 0.06, 0.07),
        ("stable", 0.12, 0.07),
        ("outliers", 0.03, 0.02),
        ("boost", 0.06, 0.08),
    ],
)
def test_what_does_not_fall_is_seldom_called_declined(shape, cv, most):
    assert share(shape, cv, declined) <= most


def test_comparing_means_alone_would_raise_false_alarms():
    def means(values):
        return 1 - sum(values[-10:]) / sum(values[:10]) > 0.05

    assert share("stable", 0.12, means) > 0.15
    assert share("outliers", 0.03, means) > 0.08


@pytest.mark.parametrize(
    ("shape", "cv", "least"),
    [
        ("step", 0.03, 0.98),
        ("step", 0.06, 0.70),
        ("drift", 0.03, 0.94),
        ("late", 0.01, 0.99),
        ("saw", 0.03, 0.95),
        ("halved", 0.06, 0.99),
    ],
)
def test_what_falls_is_found(shape, cv, least):
    assert share(shape, cv, declined) >= least


@pytest.mark.parametrize(
    ("shape", "cv", "most"),
    [
        ("stable", 0.03, 0.03),
        ("stable", 0.06, 0.11),
        ("stable", 0.12, 0.11),
        ("outliers", 0.03, 0.04),
        ("boost", 0.06, 0.11),
    ],
)
def test_the_live_hint_seldom_comes_for_nothing(shape, cv, most):
    assert share(shape, cv, hinted) <= most


@pytest.mark.parametrize(("shape", "cv", "least"), [("step", 0.03, 0.82), ("late", 0.01, 0.99), ("saw", 0.03, 0.94)])
def test_the_live_hint_comes_when_the_rate_falls(shape, cv, least):
    assert share(shape, cv, hinted) >= least


def test_the_live_hint_comes_within_a_few_values():
    delays = []
    for seed in range(RUNS):
        hint = SlowingHint()
        slow = [hint.add(value) for value in run("step", 0.03, seed)]
        if True in slow and slow.index(True) >= COUNT // 2:
            delays.append(slow.index(True) - COUNT // 2)
    assert sorted(delays)[len(delays) // 2] <= 4
    assert len(delays) / RUNS > 0.8


# The parts of the rule.


def test_a_clear_fall_says_from_where_to_where_and_since_when():
    found = judge_decline(timed([100.0, 101.0, 99.0] * 10 + [80.0, 81.0, 79.0] * 10))
    assert found.judgement == "declined"
    assert found.declined is True
    assert (found.first, found.last) == (100.0, 80.0)
    assert found.change == pytest.approx(-0.2)
    assert found.onset_ns == 30 * 30 * SECOND
    assert found.sentence == "the rate fell from 100 to 80 tok/s (-20.0 %)"


def test_a_rise_is_no_decline():
    found = judge_decline(timed([80.0, 81.0, 79.0] * 10 + [100.0, 101.0, 99.0] * 10))
    assert found.judgement == "stable"
    assert found.p is not None
    assert found.p > 0.99
    assert found.onset_ns is None


def test_a_fall_of_less_than_five_percent_does_not_matter_however_sure_it_is():
    assert judge_decline(timed([100.0, 100.1] * 15 + [96.0, 96.1] * 15)).judgement == "stable"
    assert judge_decline(timed([100.0, 100.1] * 15 + [94.0, 94.1] * 15)).judgement == "declined"


def test_the_first_two_values_do_not_count():
    assert judge_decline(timed([150.0, 150.0] + [100.0, 101.0] * 14)).judgement == "stable"


def test_spells_count_when_the_end_is_as_good_as_the_start():
    spell = [100.0, 101.0, 99.0] * 6 + [70.0] * 12 + [100.0, 101.0, 99.0] * 8
    found = judge_decline(timed(spell))
    assert found.judgement == "declined"
    assert "in spells" in found.sentence
    assert found.low_share == pytest.approx(12 / 42)
    assert found.onset_ns == 18 * 30 * SECOND
    shorter = [100.0, 101.0, 99.0] * 6 + [70.0] * 6 + [100.0, 101.0, 99.0] * 10
    assert judge_decline(timed(shorter)).judgement == "stable"


def test_spells_have_to_be_deep():
    def spell(level):
        return judge_decline(timed([100.0, 101.0, 99.0] * 6 + [level] * 12 + [100.0, 101.0, 99.0] * 8)).judgement

    assert spell(91.0) == "stable"
    assert spell(89.0) == "declined"


def test_a_fall_that_chance_could_make_is_none():
    start = [100.0, 100.0, 97.0, 107.0, 99.0, 111.0, 95.0, 101.0, 108.0, 94.0, 106.0, 93.0]
    between = [101.0, 99.0, 103.0, 97.0] * 7
    unsure = judge_decline(timed([*start, *between, 98.0, 98.0, 91.0, 100.0, 86.0, 102.0, 93.0, 93.0, 92.0, 93.0]))
    assert unsure.change is not None
    assert unsure.change < -0.05
    assert unsure.p == pytest.approx(0.012, abs=0.001)
    assert unsure.judgement == "stable"
    sure = judge_decline(timed([*start, *between, 98.0, 97.0, 91.0, 99.0, 86.0, 102.0, 93.0, 93.0, 92.0, 93.0]))
    assert sure.p == pytest.approx(0.009, abs=0.001)
    assert sure.judgement == "declined"


def test_few_values_are_not_judged():
    found = judge_decline(timed([100.0] * 12 + [50.0] * 12))
    assert found.declined is None
    assert found.sentence == f"24 rates are too few to see a decline; {LEAST} or more show one"
    assert judge_decline(timed([100.0] * 12 + [50.0] * 13)).declined is True


def test_noise_is_named_with_its_variation():
    draw = random.Random(5)
    found = judge_decline(timed([100 * (1 + draw.choice((-0.2, -0.1, 0.1, 0.2))) for _ in range(60)]))
    assert found.judgement == "too noisy"
    assert found.declined is None
    assert found.variation is not None
    assert found.variation > MOST_VARIATION
    assert f"{wording.percent(found.variation)} (CV)" in found.sentence


def test_noise_is_seen_whatever_the_level_does():
    def too_noisy(values):
        return judge_decline(timed(values)).judgement == "too noisy"

    assert share("stable", 0.15, too_noisy) > 0.9
    assert share("stable", 0.06, too_noisy) < 0.05
    assert share("saw", 0.03, too_noisy) < 0.01, "a saw-tooth is no noise"
    assert share("halved", 0.03, too_noisy) == 0


def test_a_fall_far_beyond_the_noise_is_told_all_the_same():
    noise = [100.0, 112.0, 88.0, 109.0, 91.0] * 6
    assert judge_decline(timed(noise + [value * 0.9 for value in noise])).judgement == "too noisy"
    assert judge_decline(timed(noise + [value * 0.3 for value in noise])).judgement == "declined"


def test_no_level_no_fall():
    assert judge_decline(timed([0.0] * 30)).judgement == "too few"
    assert judge_decline(timed([-5.0] * 30)).judgement == "too few"
    assert baseline([0.0] * 12) is None
    assert baseline([5.0] * 11) is None
    assert baseline([5.0] * 12) == (5.0, 0.0)


def test_missing_values_keep_the_moments_of_the_others():
    points = timed([100.0, None, 101.0, math.nan, 99.0] * 10 + [80.0] * 30)
    assert judge_decline(points).onset_ns == 50 * 30 * SECOND


def test_the_first_low_value_is_one_that_others_follow():
    start = [10.0] * 12
    assert first_low([*start, 1, 10, 10, 10, 10, 1, 10, 1, 1], 5) == 17
    assert first_low([*start, 10, 1, 10], 5) == 13
    assert first_low([1.0, *start], 5) is None


def test_the_hint_goes_when_the_rate_is_back():
    hint = SlowingHint()
    for value in [100.0] * 12:
        assert not hint.add(value)
    assert [hint.add(value) for value in (80, 80, 80)] == [False, False, True]
    assert hint.sentence == "80 tok/s in 3 of the last 5 samples, 20 % below 100"
    assert [hint.add(value) for value in (100, 100, 100)] == [True, True, False]
    assert hint.sentence is None


def test_the_hint_needs_a_baseline():
    hint = SlowingHint()
    assert not any(hint.add(value) for value in [100.0] * 5 + [1.0] * 6)
    assert hint.sentence is None
    noisy_base = SlowingHint()
    for value in [100.0, 80.0, 120.0] * 4:
        noisy_base.add(value)
    assert not any(noisy_base.add(70.0) for _ in range(5)), "at this scatter 70 is nothing special"


@given(anything)
def test_nothing_raises_and_every_judgement_has_its_sentence(points):
    found = judge_decline(points)
    assert found.sentence
    assert (found.declined is None) == (found.judgement in ("too few", "too noisy"))
    assert (found.onset_ns is not None) == (found.judgement == "declined")
    hint = SlowingHint()
    for _, value in points:
        assert hint.add(value) == (hint.sentence is not None)


@given(st.lists(st.floats(0.1, 1e6), min_size=25, max_size=60), st.integers(-20, 20))
def test_another_unit_is_judged_alike(values, exponent):
    other = judge_decline(timed([value * 2.0**exponent for value in values]))
    found = judge_decline(timed(values))
    assert (found.judgement, found.onset_ns, found.p) == (other.judgement, other.onset_ns, other.p)
