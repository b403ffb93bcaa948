"""Where the true value lies: exact intervals of a percentile, Student's intervals of a mean, and the level of both."""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from llmtui.metrics.inference.distributions import binomial_cdf, student_quantile
from llmtui.metrics.statistics import Missing, finite, mean_and_sd

LEVEL = 0.95
"""How often an interval holds the true value, over many repetitions of the whole measurement."""

MARGIN = 0.03
"""Two figures whose ratio differs from 1 by no more than this are the same for practical purposes."""


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


def share_interval(successes: int, count: int, level: float = LEVEL) -> Interval | Missing:
    """Return Wilson's score interval of a share (0 to 1), which holds for few trials and for none or all that succeed.

    Wilson 1927; (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n).
    """
    if count < 1:
        return Missing("there is no value")
    z = student_quantile((1 + level) / 2, math.inf)
    share = successes / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return Interval(min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half)), level)


def paired_share_difference(
    both: int, first_only: int, second_only: int, neither: int, level: float = LEVEL
) -> Interval | Missing:
    """Return the interval of the first share less the second, of trials that each side has had once.

    Newcombe's hybrid of two score intervals for paired shares (Statistics in Medicine 17, 1998, 2635, method 10).
    """
    count = both + first_only + second_only + neither
    first = share_interval(both + first_only, count, level)
    second = share_interval(both + second_only, count, level)
    if isinstance(first, Missing) or isinstance(second, Missing):
        return Missing("there is no value")
    p1, p2 = (both + first_only) / count, (both + second_only) / count
    margins = (both + first_only) * (second_only + neither) * (both + second_only) * (first_only + neither)
    excess: float = both * neither - first_only * second_only
    if excess > 0:
        excess = max(0.0, excess - count / 2)
    phi = excess / math.sqrt(margins) if margins else 0.0
    below, above = (p1 - first.low, second.high - p2), (first.high - p1, p2 - second.low)
    down, up = (math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b)) for a, b in (below, above))
    return Interval(max(-1.0, p1 - p2 - down), min(1.0, p1 - p2 + up), level)


def _first(count: int, holds: Callable[[int], bool]) -> int:
    """Return the first number from 0 to `count` + 1 for which `holds`, which stays true from there on."""
    return bisect_left(range(count + 1), True, key=holds)


def _least(p: float, tail: float) -> int:
    return math.ceil(math.log(tail) / math.log(max(p, 1 - p)))
