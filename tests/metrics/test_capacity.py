import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.capacity import Trial, highest_kept, next_level


def search(lowest, highest, keeps, *, whole):
    trials = []
    while (level := next_level(trials, lowest, highest, whole=whole)) is not None:
        assert level not in {trial.level for trial in trials}, "no level is tried twice"
        assert lowest <= level <= highest
        trials.append(Trial(level, keeps(level)))
        assert len(trials) < 200
    return trials


def most_trials(lowest, highest):
    """Doubling, and as many halvings as there are whole numbers in the last interval."""
    return 3 + 2 * math.ceil(math.log2(highest / lowest + 1)) + math.ceil(math.log2(highest + 1))


@given(st.integers(1, 40), st.integers(1, 1000), st.integers(0, 1100))
def test_for_any_threshold_the_highest_whole_number_below_it_is_found(lowest, width, threshold):
    highest = lowest + width
    trials = search(float(lowest), float(highest), lambda level: level <= threshold, whole=True)
    wanted = None if threshold < lowest else float(min(threshold, highest))
    assert highest_kept(trials) == wanted
    assert all(trial.level == int(trial.level) for trial in trials)
    assert len(trials) <= most_trials(lowest, highest)


@given(st.floats(0.05, 100), st.floats(1.01, 100), st.floats(0, 1.2))
def test_for_any_threshold_a_rate_is_found_to_a_twentieth(lowest, factor, place):
    highest = lowest * factor
    threshold = highest * place
    trials = search(lowest, highest, lambda level: level <= threshold, whole=False)
    found = highest_kept(trials)
    if threshold < lowest:
        assert found is None
        assert len(trials) == 1
    elif threshold >= highest:
        assert found == highest
    else:
        assert found <= threshold
        assert threshold - found <= threshold / 19 + 1e-9
    assert len(trials) <= most_trials(lowest, highest) + math.ceil(math.log2(20))


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.booleans())
def test_a_server_that_answers_as_it_likes_ends_the_search_too(answers, whole):
    drawn = iter(answers * 100)
    trials = search(1.0, 64.0, lambda _level: next(drawn), whole=whole)
    found = highest_kept(trials)
    failed = [trial.level for trial in trials if not trial.kept]
    assert found is None or (Trial(found, True) in trials and all(found < level for level in failed))


def test_the_levels_double_and_then_halve():
    trials = search(1.0, 64.0, lambda level: level <= 11, whole=True)
    assert [trial.level for trial in trials] == [1, 2, 4, 8, 16, 12, 10, 11]


def test_the_highest_is_tried_even_when_no_doubling_meets_it():
    trials = search(3.0, 20.0, lambda _level: True, whole=True)
    assert [trial.level for trial in trials] == [3, 6, 12, 20]
    assert highest_kept(trials) == 20


def test_a_failure_of_the_lowest_ends_it():
    assert search(2.0, 64.0, lambda _level: False, whole=True) == [Trial(2.0, False)]
    assert highest_kept([]) is None


@pytest.mark.parametrize(
    ("trials", "found"),
    [
        ([Trial(1, True), Trial(2, False), Trial(4, True)], 1),
        ([Trial(1, False), Trial(2, True)], None),
        ([Trial(1, True), Trial(2, True)], 2),
    ],
)
def test_what_was_kept_above_a_failure_does_not_count(trials, found):
    assert highest_kept(trials) == found
