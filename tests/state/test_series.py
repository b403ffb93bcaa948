import math

from hypothesis import given
from hypothesis import strategies as st

from llmtui.state.series import Series


def filled(values, capacity=64, step=10):
    series = Series(capacity)
    for place, value in enumerate(values):
        series.append(place * step, value)
    return series


@given(st.integers(0, 2000), st.integers(8, 128))
def test_it_never_grows_beyond_its_capacity_and_keeps_both_ends(count, capacity):
    series = filled([float(n) for n in range(count)], capacity)
    assert len(series) <= capacity
    if count:
        assert series.last() == count - 1
        times = [t for t, _ in series]
        assert times == sorted(times)


def test_halving_keeps_the_mean_of_the_whole():
    series = filled([7.0] * 1000, 64)
    assert {value for _, value in series} == {7.0}


def test_a_gap_is_nan_and_swallows_no_neighbour():
    series = filled([1.0, math.nan] * 64, 32)
    assert any(value == 1.0 for _, value in series)
    assert filled([1.0, math.nan]).last() is None


def test_buckets_mean_by_time_and_leave_gaps_open():
    series = filled([1.0, 3.0, math.nan, 5.0])
    assert series.buckets(0, 40, 2) == [2.0, 5.0]
    holes = series.buckets(0, 80, 4)
    assert holes[:2] == [2.0, 5.0]
    assert all(math.isnan(value) for value in holes[2:])
    assert series.buckets(0, 0, 0) == []


def test_points_that_come_late_keep_the_order():
    series = Series()
    series.append(100, 1.0)
    series.append(50, 2.0)
    assert [t for t, _ in series] == [100, 100]


def test_peak_ignores_gaps_and_other_times():
    series = filled([1.0, 9.0, math.nan, 4.0])
    assert series.peak(0, 40) == 9.0
    assert series.peak(20, 40) == 4.0
    assert series.peak(20, 30) is None
