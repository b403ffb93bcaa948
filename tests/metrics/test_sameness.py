from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.edit_distance import normalized_distance
from llmtui.metrics.sameness import likenesses


def test_nothing_and_one_alone():
    assert likenesses([]) == []
    assert likenesses(["x"]) == [(0.0, True)]


def test_the_usual_answer_came_most_often_and_first_among_equals():
    assert [alike.usual for alike in likenesses(["b", "a", "a"])] == [False, True, True]
    assert [alike.usual for alike in likenesses(["b", "b", "a", "a"])] == [True, True, False, False]


def test_where_all_differ_none_is_usual():
    assert [alike.usual for alike in likenesses(["b", "a", "c"])] == [False, False, False]


@given(st.lists(st.sampled_from(["", "abcd", "abcx", "zz", "abc"]), min_size=2, max_size=9))
def test_the_mean_over_all_is_the_mean_over_all_pairs(answers):
    pairs = [normalized_distance(one, other) for one, other in combinations(answers, 2)]
    found = likenesses(answers)
    assert sum(alike.distance for alike in found) / len(found) == pytest.approx(sum(pairs) / len(pairs))
    assert all(0 <= alike.distance <= 1 for alike in found)
    assert (len(set(answers)) == 1) == all(alike.usual for alike in found)
