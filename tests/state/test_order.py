import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.state.order import move_key

NAMES = st.sampled_from("abcdef")


def order_after(names, name, before):
    queue = dict.fromkeys(names, 1)
    moved = move_key(queue, name, before)
    return "".join(queue), moved


@pytest.mark.parametrize(
    ("name", "before", "order"),
    [
        ("d", "b", "adbc"),
        ("a", "d", "bcad"),
        ("a", None, "bcda"),
        ("d", None, "abcd"),
        ("b", "c", "abcd"),
        ("d", "a", "dabc"),
    ],
)
def test_a_name_goes_in_front_of_another_or_to_the_end(name, before, order):
    assert order_after("abcd", name, before) == (order, True)


@pytest.mark.parametrize(("name", "before"), [("x", "a"), ("x", None), ("a", "x"), ("a", "a")])
def test_what_is_not_there_moves_nothing(name, before):
    assert order_after("abcd", name, before) == ("abcd", False)


@given(st.lists(NAMES, unique=True), NAMES, st.none() | NAMES)
def test_nothing_is_lost_and_the_others_keep_their_order(names, name, before):
    queue = {key: key.upper() for key in names}
    moved = move_key(queue, name, before)
    assert sorted(queue) == sorted(names)
    assert all(queue[key] == key.upper() for key in queue)
    assert [key for key in queue if key != name] == [key for key in names if key != name]
    if moved and before is not None:
        assert list(queue).index(name) + 1 == list(queue).index(before)
