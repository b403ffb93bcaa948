import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.edit_distance import edit_distance, normalized_distance


def by_the_book(first, second):
    """Levenshtein's distance by the matrix of Wagner and Fischer."""
    row = list(range(len(second) + 1))
    for place, one in enumerate(first, 1):
        above, row = row, [place]
        for column, other in enumerate(second, 1):
            row.append(min(above[column] + 1, row[-1] + 1, above[column - 1] + (one != other)))
    return row[-1]


texts = st.text(st.sampled_from("abc \n\u00e9\U0001f600"), max_size=70)


@given(texts, texts)
def test_it_is_the_distance_of_the_matrix(first, second):
    assert edit_distance(first, second) == by_the_book(first, second) == edit_distance(second, first)


@given(texts, texts, texts)
def test_a_way_round_is_never_shorter(first, second, third):
    assert edit_distance(first, third) <= edit_distance(first, second) + edit_distance(second, third)


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("a" * 200, "a" * 199 + "b", 1)],
)
def test_known_distances(first, second, distance):
    assert edit_distance(first, second) == distance


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [("", "", 0.0), ("abcd", "abcx", 0.25), ("", "xy", 1.0), ("ab", "cd", 1.0), ("a", "ab", 0.5)],
)
def test_it_is_taken_over_the_longer_text(first, second, share):
    assert normalized_distance(first, second) == share


def test_memory_grows_with_the_length_and_not_with_its_square():
    tracemalloc.start()
    try:
        edit_distance("ab" * 10_000, "ba" * 10_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000, "the matrix would have 400 million cells"
