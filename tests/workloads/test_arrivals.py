import statistics
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.workloads.arrivals import due_times

S = 1_000_000_000


def first(count, start=0, rate=4.0, arrivals="constant", seed=1):
    return list(islice(due_times(start, rate, arrivals, seed), count))


def test_constant_arrivals_are_even_from_the_start_on():
    assert first(4, start=7 * S) == [7 * S, 7 * S + S // 4, 7 * S + S // 2, 7 * S + 3 * S // 4]


@given(st.floats(0.01, 1024))
def test_constant_arrivals_do_not_drift(rate):
    times = first(2000, rate=rate)
    assert times[-1] == pytest.approx(1999 / rate * S, rel=1e-9, abs=2)


@given(st.integers(), st.floats(0.01, 1024), st.integers(0, 10**15))
def test_poisson_arrivals_never_go_back_and_can_be_had_again(seed, rate, start):
    times = first(200, start, rate, "poisson", seed)
    assert times[0] == start
    assert times == sorted(times)
    assert times == first(200, start, rate, "poisson", seed)


def test_poisson_gaps_are_exponential():
    """An exponential distribution has its deviation equal to its mean, and e⁻¹ of its gaps are longer than the mean."""
    gaps = [later - earlier for earlier, later in pairwise(first(20_001, rate=4.0, arrivals="poisson"))]
    mean = statistics.fmean(gaps)
    assert mean == pytest.approx(S / 4, rel=0.03)
    assert statistics.stdev(gaps) == pytest.approx(mean, rel=0.03)
    assert sum(gap > mean for gap in gaps) / len(gaps) == pytest.approx(0.3679, abs=0.015)
    neighbours = statistics.correlation(gaps[:-1], gaps[1:])
    assert abs(neighbours) < 0.03, "each gap is independent of the one before"


def test_another_seed_gives_other_moments():
    assert first(9, arrivals="poisson", seed=1) != first(9, arrivals="poisson", seed=2)
    assert first(9, arrivals="constant", seed=1) == first(9, arrivals="constant", seed=2)
