import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.memory_trend import LEAST, Growth, growth_criterion, growth_text, memory_growth
from llmtui.metrics.statistics import Missing

MINUTE = 60_000_000_000
GIB = 1024**3


def points(*levels):
    return [(place * MINUTE, level * GIB) for place, level in enumerate(levels)]


LEAK = points(*(1 + place / 10 for place in range(11)))
LEVEL = points(*(1 + (place % 2) / 100 for place in range(11)))


def test_a_leak_has_its_rate_and_its_share():
    growth = memory_growth(LEAK)
    assert growth.an_hour == pytest.approx(6 * GIB)
    assert growth.share == pytest.approx(1.0)
    assert growth.sure
    assert growth_text(growth) == "grew by 100.0 % (6.00 GiB an hour, 95 % interval 6.00 GiB to 6.00 GiB)"


def test_memory_that_goes_up_and_down_stays_level():
    growth = memory_growth(LEVEL)
    assert not growth.sure
    assert growth_text(growth).startswith("stayed level")


def test_one_jump_is_no_leak():
    assert not memory_growth(points(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 9)).sure


def test_memory_that_is_given_back_is_said_to_fall():
    assert growth_text(memory_growth(points(*(2 - place / 10 for place in range(11))))).startswith("fell by 50")


def test_few_readings_are_no_trend():
    few = memory_growth(LEAK[: LEAST - 1])
    assert isinstance(few, Missing)
    assert isinstance(memory_growth(LEAK[:LEAST]), Growth)
    assert isinstance(memory_growth([LEAK[0]] * 20), Missing), "one moment again and again"


@pytest.mark.parametrize(
    ("readings", "most", "passed"),
    [
        ({"a": LEAK}, 0.05, False),
        ({"a": LEAK}, 1.5, True),
        ({"a": LEAK}, None, True),
        ({"a": LEVEL}, 0.0001, True),
        ({"a": LEVEL, "b": LEAK}, 0.05, False),
        ({"a": LEVEL, "b": LEVEL[:3]}, 0.05, None),
        ({"a": LEAK, "b": LEVEL[:3]}, 0.05, False),
        ({}, 0.05, None),
    ],
)
def test_none_of_the_memories_may_surely_grow_by_more(readings, most, passed):
    assert growth_criterion(readings, most).passed is passed


def test_readings_of_another_machine_say_nothing():
    found = growth_criterion({"a": LEAK}, 0.05, "the server runs elsewhere")
    assert (found.passed, found.text) == (None, "not evaluated: the server runs elsewhere")


@given(st.lists(st.tuples(st.integers(0, 10**12), st.floats(0, 1e15)), max_size=12))
def test_no_readings_make_it_fail(readings):
    assert growth_criterion({"a": readings}, 0.1).text
