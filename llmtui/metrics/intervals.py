"""Where the true value lies: exact intervals of a percentile, Student's intervals of a mean, and the level of both."""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from llmtui.metrics.distributions import binomial_cdf, student_quantile
from llmtui.metrics.statistics import finite, mean_and_sd

LEVEL = 0.95
"""How often an interval holds the true value, over many repetitions of the whole measurement."""

MARGIN = 0.03
"""Two figures whose ratio differs from 1 by no more than this are the same for practical purposes."""


class Missing(NamedTuple):
    """Why a statistic cannot be had, in words for the user."""

    reason: str


class Interval(NamedTuple):
    """An interval in the unit of its values. `level` is what it reaches, which may be more than what was asked for."""

    low: float
    high: float
    level: float


def percentile_interval(values: Iterable[float | None], share: float, level: float = LEVEL) -> Interval | Missing:
    """Return the interval of the percentile `share` (0 to 100) between two values of the sample.

    Exact for any distribution (Conover, Practical Nonparametric Statistics, 3.2): the number of values below the true
    percentile is binomial. Each end is wrong with at most half of 1 - `level`, and `level` of the result is exact for a
    continuous distribution. Missing when even the smallest and the largest value are not far enough apart for that.
    """
    ordered = sorted(finite(values))
    ranks = percentile_ranks(len(ordered), share, level)
    if isinstance(ranks, Missing):
        return ranks
    low, high, reached = ranks
    return Interval(ordered[low], ordered[high], reached)


@lru_cache(maxsize=1024)
def percentile_ranks(count: int, share: float, level: float = LEVEL) -> tuple[int, int, float] | Missing:
    """Return the places (from 0) of the two ordered values that enclose a percentile, and the level that they reach."""
    if not 0 < level < 1:
        raise ValueError(f"no interval reaches the level {level}")
    p = share / 100
    if not 0 < p < 1:
        return Missing(f"p{share:g} is an end of the distribution; no sample encloses it")
    tail = (1 - level) / 2
    # `low` values or fewer below the percentile are too rare, and so are `high` or more.
    low = _first(count, lambda k: binomial_cdf(k, count, p) > tail)
    high = _first(count, lambda k: 1 - binomial_cdf(k - 1, count, p) <= tail)
    if low == 0 or high > count:
        return Missing(f"{count} values are too few for an interval of p{share:g}; {_least(p, tail)} or more have one")
    return low - 1, high - 1, binomial_cdf(high - 1, count, p) - binomial_cdf(low - 1, count, p)


def mean_interval(values: Iterable[float | None], level: float = LEVEL) -> Interval | Missing:
    """Return Student's interval of the mean: mean ± t · SD / √n with n - 1 degrees of freedom.

    Right for values that scatter about evenly around their mean. Values that are all equal have an interval of width 0.
    """
    sample = finite(values)
    mean, sd = mean_and_sd(sample)
    if mean is None or sd is None:
        return Missing("one value does not show how much values vary" if sample else "there is no value")
    half = student_quantile((1 + level) / 2, len(sample) - 1) * sd / math.sqrt(len(sample))
    if not math.isfinite(mean - half) or not math.isfinite(mean + half):
        return Missing("the values are too large to compute with")
    return Interval(mean - half, mean + half, level)


def _first(count: int, holds: Callable[[int], bool]) -> int:
    """Return the first number from 0 to `count` + 1 for which `holds`, which stays true from there on."""
    return bisect_left(range(count + 1), True, key=holds)


def _least(p: float, tail: float) -> int:
    return math.ceil(math.log(tail) / math.log(max(p, 1 - p)))
