"""Ranks, and the rank test of Mann and Whitney: whether one of two samples tends to larger values."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Literal, NamedTuple

from llmtui.metrics.statistics import Missing, finite

EXACT_WORK = 4_000_000
"""Steps that an exact p may take, n · m · min(n, m) · (n + m) · 2: 31 values against 31, or 3 against 469."""


class MannWhitney(NamedTuple):
    """The result of the test. `u` counts the pairs in which the first sample has the larger value, ties as halves.

    `p` is two-sided: how often samples from one and the same distribution differ at least as much.
    """

    u: float
    p: float
    method: Literal["exact", "normal"]


def midranks(values: Sequence[float]) -> list[float]:
    """Return the rank of each value from 1 up; equal values share the mean of their ranks."""
    ranks = [0.0] * len(values)
    before = 0
    for _value, group in groupby(sorted(range(len(values)), key=values.__getitem__), key=values.__getitem__):
        places = list(group)
        for place in places:
            ranks[place] = before + (len(places) + 1) / 2
        before += len(places)
    return ranks


def mann_whitney(first: Iterable[float | None], second: Iterable[float | None]) -> MannWhitney | Missing:
    """Return the two-sided Mann-Whitney U test of two samples.

    For small samples, as `EXACT_WORK` says, p is exact, also with ties: the share of all ways to deal the pooled
    midranks to the two samples that lie at least as far from the middle. Beyond that it comes from the normal
    distribution with the corrections for ties and continuity (Hollander, Wolfe and Chicken, Nonparametric Statistical
    Methods, 4.1), right to 0.005 when each side has ten values or more.
    """
    a, b = finite(first), finite(second)
    if not a or not b:
        return Missing("a side has no value")
    ranks = midranks([*a, *b])
    rank_sum = sum(ranks[: len(a)])
    u = rank_sum - len(a) * (len(a) + 1) / 2
    if len(a) * len(b) * min(len(a), len(b)) * len(ranks) * 2 <= EXACT_WORK:
        # Midranks are halves, so twice their sums are whole numbers.
        fewer = ranks[: len(a)] if len(a) <= len(b) else ranks[len(a) :]
        p = _exact_p(tuple(sorted(round(2 * rank) for rank in ranks)), len(fewer), round(2 * sum(fewer)))
        return MannWhitney(u, p, "exact")
    return MannWhitney(u, _normal_p(u, ranks, len(a), len(b)), "normal")


@lru_cache(maxsize=256)
def _exact_p(doubled_ranks: tuple[int, ...], size: int, doubled_sum: int) -> float:
    """Return the share of the subsets of `size` whose sum is at least as far from the mean as `doubled_sum`."""
    ways: list[dict[int, int]] = [{0: 1}, *({} for _ in range(size))]
    for rank in doubled_ranks:
        for taken in range(size, 0, -1):
            more = ways[taken]
            for total, count in ways[taken - 1].items():
                more[total + rank] = more.get(total + rank, 0) + count
    # The mean of all subset sums is size * (n + 1) / 2; all of it doubled.
    mean = size * (len(doubled_ranks) + 1)
    far = sum(count for total, count in ways[size].items() if abs(total - mean) >= abs(doubled_sum - mean))
    return far / math.comb(len(doubled_ranks), size)


def _normal_p(u: float, ranks: Sequence[float], n: int, m: int) -> float:
    total = n + m
    ties = sum(count**3 - count for count in Counter(ranks).values())
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    distance = max(0.0, abs(u - n * m / 2) - 0.5)
    return math.erfc(distance / math.sqrt(2 * variance))
