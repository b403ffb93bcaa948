import math
import random
from collections import Counter
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmtui.metrics.inference.comparison import LEAST_TO_TELL, MOST_MORE, compare, family_level, least_to_tell, ratio_of
from llmtui.metrics.inference.ranks import mann_whitney
from llmtui.metrics.statistics import Missing

anything = st.lists(
    st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), max_size=4), max_size=12
)
positive = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=14)
NORMAL = 0.05


def runs(*values):
    return [(value,) for value in values]


def drawn(draw, count, level=100.0, sd=NORMAL):
    return runs(*(level * math.exp(draw.gauss(0, sd)) for _ in range(count)))


def verdicts(count, ratio, trials=100, sd=NORMAL):
    draw = random.Random(count)
    found = Counter()
    for _ in range(trials):
        found[compare(drawn(draw, count, sd=sd), drawn(draw, count, 100 * ratio, sd), better="lower").verdict] += 1
    return found


# --- the ratio -----------------------------------------------------------------------------------------------------


def test_few_values_are_compared_by_welchs_interval_of_logarithms():
    # Logs 0, 1, 2 and 3, 3.5, 4, 4.5 in base e: means 1 and 3.75, variances of the means 1/3 and (5/12)/4;
    # Satterthwaite: 0.4375² / (0.3333²/2 + 0.10417²/3) = 3.2347 degrees, whose t(0.975) is 3.0557.
    result = ratio_of([math.exp(x) for x in (0, 1, 2)], [math.exp(x) for x in (3, 3.5, 4, 4.5)])
    assert result.of == "geometric means"
    assert math.log(result.value) == pytest.approx(2.75)
    half = (math.log(result.interval.high) - math.log(result.interval.low)) / 2
    assert half == pytest.approx(3.0557 * math.sqrt(0.4375), rel=1e-4)


def test_ten_values_are_compared_by_their_medians():
    a, b = [float(n) for n in range(100, 110)], [float(n) for n in range(200, 212)]
    result = ratio_of(a, b)
    assert result.of == "medians"
    assert result.value == 205.5 / 104.5
    assert result.interval.low < result.value < result.interval.high
    assert ratio_of(a[:9], b).of == "geometric means"


def test_a_spike_moves_the_mean_and_not_the_median():
    a = [100.0 + n for n in range(12)]
    spiked = [*a[:-1], 5000.0]
    assert ratio_of(a, spiked).value == 1
    assert ratio_of(a, spiked).interval.high < 1.1
    assert ratio_of(a[:5], spiked[-5:]).value > 1.5


@pytest.mark.parametrize("count", [4, 8, 12])
def test_the_interval_holds_the_true_ratio_as_often_as_it_says(count):
    draw, held = random.Random(count), 0
    for _ in range(200):
        a, b = drawn(draw, count), drawn(draw, count, 120.0)
        low, high, _level = ratio_of([v for (v,) in a], [v for (v,) in b]).interval
        held += low <= 1.2 <= high
    # 0.95 and four standard errors; the bootstrap of a median errs on the safe side.
    assert 0.90 <= held / 200 <= 0.995


def test_what_has_no_ratio_says_why():
    assert ratio_of([], [1.0]) == Missing("a side has no value")
    assert ratio_of([1.0], [2.0]) == Missing("one value does not show how much values vary")
    assert ratio_of([0.0, 1.0], [1.0, 2.0]) == Missing("a value is zero or below, so there is no ratio")
    assert isinstance(ratio_of([1e-300] * 12, [1e300] * 12), Missing)
    assert isinstance(ratio_of([1e-300, 1e300, 1.0], [1.0, 1e-300, 1e300]), Missing)


# --- the verdict ---------------------------------------------------------------------------------------------------

TIGHT = [100.0, 100.5, 99.5, 100.2, 99.8, 100.1]


@pytest.mark.parametrize(
    ("factor", "better", "verdict"),
    [
        (1.2, "lower", "slower"),
        (1.2, "higher", "faster"),
        (0.8, "lower", "faster"),
        (0.8, "higher", "slower"),
        (1.0, "lower", "same"),
        (1.01, "higher", "same"),
    ],
)
def test_a_clear_case_has_a_clear_verdict(factor, better, verdict):
    result = compare(runs(*TIGHT), runs(*(v * factor for v in TIGHT)), better=better)
    assert result.verdict == verdict
    assert result.more is None
    assert result.ratio.value == pytest.approx(factor)


def test_the_margin_decides_what_is_the_same():
    a, b = runs(*TIGHT), runs(*(v * 1.02 for v in TIGHT))
    assert compare(a, b, better="lower").verdict == "same"
    assert compare(a, b, better="lower", margin=0.01).verdict == "slower"
    assert compare(a, b, better="lower", margin=0.0).verdict == "slower"


def test_three_runs_tell_nothing_however_far_apart_they_are():
    three = compare(runs(1, 2, 3), runs(1001, 1002, 1003), better="lower")
    assert (three.verdict, three.more) == ("can't tell", 1)
    assert three.p == pytest.approx(0.1)
    four = compare(runs(1, 2, 3, 4), runs(1001, 1002, 1003, 1004), better="lower")
    assert four.verdict == "slower"
    assert four.p == pytest.approx(2 / math.comb(8, 4))


def test_three_equal_runs_are_not_enough_to_be_the_same():
    three = compare(runs(*TIGHT[:3]), runs(*TIGHT[:3]), better="lower")
    assert (three.verdict, three.more) == ("can't tell", 1)
    assert compare(runs(*TIGHT[:4]), runs(*TIGHT[:4]), better="lower").verdict == "same"


def test_an_interval_beyond_one_does_not_convince_against_the_ranks():
    result = compare(runs(100, 101, 102, 103), runs(102.5, 107, 108, 109), better="lower")
    assert result.ratio.interval.low > 1
    assert result.p == pytest.approx(4 / 70), "one pair stands the other way round"
    assert result.verdict == "can't tell"


def test_ranks_do_not_convince_against_an_interval_around_one():
    result = compare(runs(100, 101, 102, 103, 104), runs(105, 106, 107, 108, 1000), better="lower")
    assert result.p == pytest.approx(2 / 252)
    assert result.ratio.interval.low < 1 < result.ratio.interval.high
    assert result.verdict == "can't tell"


def test_one_value_a_side_asks_for_three_more():
    result = compare(runs(10.0), runs(20.0), better="lower")
    assert (result.verdict, result.more, result.ratio) == ("can't tell", 3, None)
    assert result.reason == "one value does not show how much values vary"


def test_values_that_never_vary():
    assert compare(runs(*[64.0] * 4), runs(*[64.0] * 4), better="lower").verdict == "same"
    assert compare(runs(*[64.0] * 4), runs(*[80.0] * 4), better="lower").verdict == "slower"
    assert compare(runs(*[64.0] * 3), runs(*[80.0] * 3), better="lower").more == 1


def test_zeros_have_no_ratio_and_no_false_verdict():
    mixed = compare(runs(0.0, 1.0, 2.0, 3.0), runs(5.0, 6.0, 7.0, 8.0), better="lower")
    assert (mixed.verdict, mixed.ratio, mixed.more) == ("can't tell", None, None)
    assert mixed.reason == "a value is zero or below, so there is no ratio"
    assert compare(runs(*[0.0] * 5), runs(*[0.0] * 5), better="lower").verdict == "same"


def test_missing_values_are_counted_and_left_out():
    result = compare(runs(*TIGHT, None, math.nan), [(), *runs(*TIGHT)], better="lower")
    assert (result.first.count, result.second.count, result.left_out) == (6, 6, 2)
    nothing = compare(runs(None), [], better="lower")
    assert (nothing.verdict, nothing.more, nothing.reason) == ("can't tell", None, "a side has no value")


def test_outliers_are_named_and_stay():
    result = compare(runs(*TIGHT, 100.0, 300.0), runs(*TIGHT), better="lower")
    assert [outlier.value for outlier in result.first_outliers] == [300.0]
    assert result.first.count == 8
    assert result.second_outliers == ()


# --- runs and requests ---------------------------------------------------------------------------------------------


def test_with_four_runs_a_run_is_one_value():
    a = [[v, v * 3, v * 9] for v in TIGHT[:4]]
    result = compare(a, [[w * 1.2 for w in run] for run in a], better="lower")
    assert (result.unit, result.first.count) == ("run", 4)
    assert result.first.median == pytest.approx(3 * 100.1, rel=0.01)
    assert result.verdict == "slower", "the prompts differ by far more than the sides, and in the same way"


def test_with_fewer_runs_each_request_counts():
    a = [TIGHT[:3], TIGHT[3:]]
    result = compare(a, [[v * 1.2 for v in run] for run in a], better="lower")
    assert (result.unit, result.first.count, result.verdict) == ("request", 6, "slower")


def test_more_is_counted_in_runs():
    draw = random.Random(14)
    halves = [[[level * math.exp(draw.gauss(0, 0.02)) for _ in range(5)] for _ in range(2)] for level in (100.0, 101.5)]
    few = compare(*halves, better="lower")
    single = compare(*(runs(*(v for run in half for v in run)) for half in halves), better="lower")
    assert few.verdict == single.verdict == "can't tell"
    assert single.more == 24
    assert few.more == 5, "24 values in runs of five"


# --- calibration ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [4, 8, 12])
def test_equal_samples_are_seldom_called_different(count):
    found = verdicts(count, 1.0)
    # 5 % for both together, and four standard errors of 100 trials.
    assert (found["faster"] + found["slower"]) / 100 <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / 100)


@pytest.mark.parametrize("count", [8, 12])
def test_different_samples_are_mostly_called_different_and_never_the_wrong_way(count):
    found = verdicts(count, 1.15)
    assert found["slower"] / 100 > 0.9
    assert found["faster"] == found["same"] == 0


def test_what_lies_at_the_margin_is_seldom_called_the_same():
    found = verdicts(12, 1.03, sd=0.01)
    assert found["same"] / 100 <= 0.025 + 4 * math.sqrt(0.025 * 0.975 / 100)
    assert verdicts(12, 1.0, sd=0.01)["same"] / 100 > 0.95


def test_the_runs_that_are_asked_for_mostly_bring_a_verdict():
    draw, asked, told = random.Random(1), 0, 0
    for _ in range(150):
        a, b = drawn(draw, 6), drawn(draw, 6, 106.0)
        more = compare(a, b, better="lower").more
        if more is not None and more <= 60:
            asked += 1
            longer = compare([*a, *drawn(draw, more)], [*b, *drawn(draw, more, 106.0)], better="lower")
            told += longer.verdict != "can't tell"
    assert asked > 50
    # Asked for with a power of 0.8, from a difference and a scatter that are guessed from six values.
    assert 0.65 < told / asked < 0.95


def test_a_hopeless_number_of_runs_is_not_asked_for():
    result = compare(runs(1, 10, 100, 1000, 10_000), runs(1, 12, 90, 1100, 9000), better="lower")
    assert (result.verdict, result.more) == ("can't tell", None)


# --- whatever comes ------------------------------------------------------------------------------------------------


@given(anything, anything, st.sampled_from([0.0, 0.03, 1.0]))
@settings(max_examples=60)
def test_any_input_has_a_verdict_and_no_nan(first, second, margin):
    result = compare(first, second, better="lower", margin=margin)
    assert result.verdict in {"faster", "slower", "same", "can't tell"}
    assert result.p is None or 0 <= result.p <= 1
    assert (result.ratio is None) is (result.reason is not None)
    if result.ratio is not None:
        assert all(math.isfinite(v) and v > 0 for v in (result.ratio.value, *result.ratio.interval))
    if result.verdict != "can't tell":
        assert result.more is None
        assert min(result.first.count, result.second.count) >= LEAST_TO_TELL
    assert result.more is None or 1 <= result.more <= MOST_MORE


@given(positive, positive, st.integers(-20, 20), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_neither_unit_nor_order_matters(a, b, exponent, shuffle):
    plain = compare(runs(*a), runs(*b), better="lower")
    shuffled = [list(a), list(b)]
    for side in shuffled:
        shuffle.shuffle(side)
    scaled = compare(*(runs(*(v * 2.0**exponent for v in side)) for side in shuffled), better="lower")
    assert (scaled.verdict, scaled.more, scaled.p) == (plain.verdict, plain.more, plain.p)
    if plain.ratio is not None:
        assert scaled.ratio.value == pytest.approx(plain.ratio.value)
        assert scaled.ratio.interval == pytest.approx(plain.ratio.interval)


@given(st.lists(st.floats(0.5, 2), min_size=4, max_size=9), st.lists(st.floats(0.5, 2), min_size=4, max_size=9))
@settings(max_examples=60)
def test_the_sides_exchanged_turn_the_verdict_around(a, b):
    there, back = compare(runs(*a), runs(*b), better="lower"), compare(runs(*b), runs(*a), better="lower")
    turned = {"faster": "slower", "slower": "faster"}
    assert back.verdict == turned.get(there.verdict, there.verdict)
    assert back.ratio.value == pytest.approx(1 / there.ratio.value)


@pytest.mark.parametrize(("a", "b"), list(product([(1, 2, 3, 4), (5, 5, 6, 9)], repeat=2)))
def test_p_is_that_of_the_rank_test(a, b):
    assert compare(runs(*a), runs(*b), better="lower").p == mann_whitney(a, b).p


# --- several sides ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("comparisons", "least"), [(1, 4), (2, 5), (6, 5), (7, 6), (23, 6), (24, 7)])
def test_a_higher_level_needs_more_values(comparisons, least):
    level = family_level(comparisons)
    assert least_to_tell(level) == least
    assert 2 / math.comb(2 * least, least) <= 0.05 / comparisons < 2 / math.comb(2 * least - 2, least - 1)


def test_the_level_of_each_leaves_an_error_of_5_percent_for_all_together():
    assert family_level(1) == family_level(0) == 0.95
    assert family_level(5) == pytest.approx(0.99)


def test_of_equal_sides_held_against_one_fewer_than_one_in_twenty_families_has_a_false_verdict():
    generator = random.Random(7)
    families, others = 200, 4

    def wrong(level):
        def side():
            return [[generator.gauss(100, 5)] for _ in range(8)]

        count = 0
        for _ in range(families):
            base = side()
            found = [compare(base, side(), better="lower", level=level).verdict for _ in range(others)]
            count += any(verdict in {"faster", "slower"} for verdict in found)
        return count / families

    assert wrong(family_level(others)) <= 0.05
    assert wrong(0.95) > 0.05, "without the correction there are more"
