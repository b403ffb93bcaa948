import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.gaps import Gaps
from llmtui.metrics.statistics import coefficient_of_variation, percentile


def test_a_wait_for_several_tokens_counts_as_often():
    gaps = Gaps([(80.0, 4), (30.0, 1), (10.0, 0.3)])
    assert len(gaps) == 6
    assert gaps.largest == 30
    assert [gaps.percentile(share) for share in (0, 50, 100)] == [10, 20, 30]


def test_no_gaps_say_nothing():
    gaps = Gaps([])
    assert (len(gaps), gaps.largest, gaps.percentile(50), gaps.variation()) == (0, None, None, None)
    assert Gaps([(5.0, 1)]).variation() is None
    assert Gaps([(0.0, 1), (0.0, 1)]).variation() is None


@given(
    st.lists(st.tuples(st.integers(0, 10**12), st.integers(1, 30)), min_size=1, max_size=30),
    st.floats(0, 100) | st.sampled_from([50, 95, 99]),
)
def test_the_figures_are_those_of_the_list_written_out(waits, share):
    gaps = Gaps(waits)
    written_out = [wait / tokens for wait, tokens in waits for _ in range(tokens)]
    assert len(gaps) == len(written_out)
    assert gaps.percentile(share) == pytest.approx(percentile(written_out, share), rel=1e-9, abs=1e-9)
    spread, expected = gaps.variation(), coefficient_of_variation(written_out)
    assert (spread is None) == (expected is None)
    assert spread is None or spread == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_tokens_by_the_million_cost_no_list():
    gaps = Gaps((1e6, 10**9) for _ in range(1000))
    assert len(gaps) == 10**12
    assert gaps.percentile(99) == pytest.approx(1e-3)
    assert gaps.variation() == pytest.approx(0, abs=1e-9)
