import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.heat.reading_history import ClockReference, History, Rows, StuckBits, as_bits

SECOND = 1_000_000_000


def steps(readings, key="k"):
    history = History()
    return [history.take(round(t * SECOND), {key: value}).get(key) for t, value in readings]


def test_growth_counts_from_the_reading_before():
    first, second, third = steps([(0, 5.0), (1, 7.0), (3, 7.0)])
    assert (first.grown, first.seconds) == (None, 0.0)
    assert (second.grown, second.seconds) == (2.0, 1.0)
    assert (third.grown, third.seconds) == (0.0, 2.0)


def test_a_counter_that_went_back_has_not_grown():
    assert steps([(0, 5.0), (1, 1.0), (2, 2.5)])[1].grown is None
    assert steps([(0, 5.0), (1, 1.0), (2, 2.5)])[2].grown == 1.5


def test_a_reading_speaks_for_five_seconds_at_most_and_never_for_a_time_that_ran_back():
    assert steps([(0, 1.0), (60, 2.0)])[1].seconds == 5.0
    assert steps([(9, 1.0), (2, 2.0)])[1].seconds == 0.0


def test_counted_time_cannot_outrun_time():
    assert steps([(0, 10.0), (1, 10.8)])[1].counted(1) == pytest.approx(0.8)
    assert steps([(0, 0.0), (1, 300.0)])[1].counted(1) == 0.0, "a part of the sum came back"
    assert steps([(0, 0.0), (1, 3.9)])[1].counted(2) == 3.9
    assert steps([(0, 0.0), (1, 3.9)])[1].counted(1) == 0.0


def test_what_is_no_number_is_left_out_and_what_was_read_stands_for_five_seconds():
    history = History()
    assert history.take(0, {"a": math.nan, "b": 2.0}).keys() == {"b"}
    assert history.last("b", 5 * SECOND) == 2.0
    assert history.last("b", 6 * SECOND) is None
    assert history.last("b") == 2.0
    assert history.last("a") is None
    assert list(history) == ["b"]


def test_rows_count_what_holds_without_a_break():
    rows = Rows()
    assert rows.count("x", holds=True, seconds=9.0) == (1, 0.0), "what was before is not known"
    assert rows.count("x", holds=True, seconds=2.0) == (2, 2.0)
    assert rows.count("x", holds=False, seconds=2.0) == (0, 0.0)
    assert rows.count("x", holds=True, seconds=2.0) == (1, 0.0)


def test_the_reference_is_the_median_from_half_a_minute_to_two():
    reference = ClockReference()
    for second in range(121):
        clock = 2500.0 if second < 30 else 2000.0 if second % 10 else 100.0
        assert reference.take(second * SECOND, clock) is None
    assert reference.take(121 * SECOND, 500.0) == 2000.0
    assert reference.take(300 * SECOND, 500.0) == 2000.0, "it stands"


def test_slow_readings_extend_the_time_of_the_reference():
    reference = ClockReference()
    found = [reference.take(second * SECOND, 2000.0) for second in range(0, 400, 20)]
    assert found.index(2000.0) * 20 == 240, "ten readings from 40 to 220 s"


def test_a_bit_that_an_idle_device_keeps_reporting_is_stuck():
    bits = StuckBits()
    assert [bits.take(0x20, idle=True) for _ in range(4)] == [0x20, 0x20, 0, 0]
    assert bits.take(0x60, idle=False) == 0x40
    assert bits.stuck == 0x20


def test_a_bit_that_is_seen_to_clear_is_believed_again():
    bits = StuckBits()
    for _ in range(3):
        bits.take(0x20, idle=True)
    assert bits.take(0x0, idle=False) == 0
    assert bits.take(0x20, idle=False) == 0x20


def test_a_bit_under_load_or_now_and_then_is_not_stuck():
    bits = StuckBits()
    assert all(bits.take(0x20, idle=False) for _ in range(9))
    for value in (0x20, 0x40, 0x20, 0x40, 0x20):
        bits.take(value, idle=True)
    assert bits.stuck == 0
    for idle in (True, True, False, True, True):
        bits.take(0x20, idle=idle)
    assert bits.stuck == 0, "three times in a row"


@pytest.mark.parametrize(
    ("value", "bits"), [(0.0, 0), (104.0, 104), (-1.0, None), (1e300, None), (math.nan, None), (math.inf, None)]
)
def test_bits_are_whole_and_not_negative(value, bits):
    assert as_bits(value) == bits


@given(st.lists(st.tuples(st.integers(), st.floats())))
def test_nothing_raises(readings):
    history = History()
    reference = ClockReference()
    for t, value in readings:
        for step in history.take(t, {"k": value}).values():
            assert 0 <= step.seconds <= 5
            assert step.counted(1) >= 0
            reference.take(t, step.value)
