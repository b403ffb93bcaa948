import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.backends.counters import LARGEST, read_count, read_nanoseconds, read_number, read_positive

ANYTHING = st.one_of(
    st.integers(), st.floats(), st.booleans(), st.none(), st.text(max_size=3), st.sampled_from([10**30, -(10**400)])
)


@pytest.mark.parametrize(("value", "count"), [(0, 0), (7, 7), (7.0, 7), (LARGEST, LARGEST)])
def test_a_count_is_taken(value, count):
    assert read_count(value) == count
    assert type(read_count(value)) is int


@pytest.mark.parametrize("value", [-1, -0.5, LARGEST + 1, 10**400, 1e300, math.inf, math.nan, True, "7", None, [], {}])
def test_what_is_no_count_is_unknown(value):
    assert read_count(value) is read_positive(value) is read_number(value) is read_nanoseconds(value) is None


def test_zero_is_a_count_but_no_size_and_no_duration():
    assert (read_count(0), read_positive(0), read_nanoseconds(0), read_nanoseconds(1e-9)) == (0, None, None, None)


def test_milliseconds_become_nanoseconds():
    assert read_nanoseconds(157.207) == 157_207_000
    assert read_nanoseconds(LARGEST) is None


@given(ANYTHING)
def test_whatever_a_server_states_what_is_read_can_be_reckoned_with(value):
    for read in (read_count, read_positive, read_nanoseconds):
        found = read(value)
        assert found is None or 0 <= found <= LARGEST
        assert found is None or float(found) == found
