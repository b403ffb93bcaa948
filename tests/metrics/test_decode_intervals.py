import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.decode_intervals import Arrived, rate_within, spread_within

MS, S = 1_000_000, 1_000_000_000


def steady(begin_ms, gap_ms, count, tokens=1.0):
    return Arrived([(begin_ms + gap_ms * place) * MS for place in range(count)], tokens)


def test_the_rate_is_that_of_the_gaps_whatever_the_edges_cut():
    request = steady(0, 20, 200)
    for start, end in ((0, 1000), (7, 1013), (990, 1990)):
        assert rate_within([request], start * MS, end * MS).decode_rate == pytest.approx(50.0)


def test_prefill_and_waiting_between_requests_change_no_rate():
    busy = [steady(1000 * n, 20, 10) for n in range(5)]
    found = rate_within(busy, 0, 5 * S)
    assert found.decode_rate == pytest.approx(50.0)
    assert found.tokens == 50
    assert found.tokens / 5 == 10, "negative control: tokens by the clock hold the waiting too"


def test_a_machine_that_slows_down_is_seen():
    assert rate_within([steady(0, 20, 25), steady(500, 40, 13)], 0, S).decode_rate == pytest.approx(
        36 / (24 * 0.02 + 12 * 0.04)
    )


def test_streams_side_by_side_have_the_mean_rate_of_one():
    found = rate_within([steady(3 * n, 40, 26) for n in range(8)], 0, 2 * S)
    assert found.decode_rate == pytest.approx(25.0)
    assert found.tokens == 8 * 26


def test_the_tokens_of_a_chunk_count():
    found = rate_within([steady(0, 20, 51, tokens=2.5)], 0, 2 * S)
    assert found.decode_rate == pytest.approx(125.0)
    assert found.tokens == round(51 * 2.5)


def test_chunks_at_the_edges_belong_to_one_interval_only():
    request = steady(0, 100, 31)
    parts = [rate_within([request], start * S, (start + 1) * S).tokens for start in range(4)]
    assert parts == [10, 10, 10, 1]


@pytest.mark.parametrize(
    "requests",
    [[], [Arrived([], 1.0)], [steady(500, 20, 1)], [steady(5000, 20, 9)], [Arrived([S // 2, S // 2, S // 2], 1.0)]],
    ids=["none", "empty", "one chunk", "elsewhere", "all at once"],
)
def test_without_a_gap_there_is_no_rate(requests):
    assert rate_within(requests, 0, S).decode_rate is None


def test_a_gap_across_an_edge_belongs_to_neither_side():
    request = Arrived([900 * MS, 1100 * MS, 1200 * MS], 1.0)
    assert rate_within([request], 0, S).decode_rate is None
    assert rate_within([request], S, 2 * S).decode_rate == pytest.approx(10.0)


def test_random_arrivals_have_the_rate_that_they_were_drawn_with():
    for seed in range(20):
        draw, at, times = random.Random(seed), 0.0, []
        while at < 30:
            at += draw.expovariate(100)
            times.append(round(at * S))
        assert rate_within([Arrived(times, 1.0)], 0, 30 * S).decode_rate == pytest.approx(100, rel=0.06)


@given(st.lists(st.lists(st.integers(0, 10 * S)).map(sorted)), st.lists(st.integers(0, 11 * S), min_size=2).map(sorted))
def test_intervals_side_by_side_count_each_chunk_once(times, edges):
    requests = [Arrived(one, 1.0) for one in times]
    parts = [rate_within(requests, start, end) for start, end in pairwise(edges)]
    assert sum(part.tokens for part in parts) == sum(edges[0] <= at < edges[-1] for one in times for at in one)
    assert all(part.decode_rate is None or part.decode_rate > 0 for part in parts)


def test_the_spread_is_of_the_samples_in_the_interval():
    samples = [
        (second * S, {"gpu.0.temperature": 60.0 + second, "odd": 1.0} if second % 2 else {}) for second in range(9)
    ]
    found = spread_within(samples, 3 * S, 8 * S)
    assert found == {"gpu.0.temperature": (63.0, 65.0, 67.0), "odd": (1.0, 1.0, 1.0)}
    assert spread_within(samples, 20 * S, 30 * S) == {}
    assert spread_within(samples, 3 * S, 3 * S) == {}
