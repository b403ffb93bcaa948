"""The bootstrap: how much a statistic moves when the sample is drawn again from itself. Seeded, so repeatable."""

import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice

from llmtui.metrics.inference.intervals import LEVEL, Interval
from llmtui.metrics.statistics import Missing, finite, median, percentile

RESAMPLES = 2000
"""With so many, an end of a 95 % interval varies from seed to seed by about a tenth of the interval's half-width."""

SEED = 20_261

Clusters = Sequence[Sequence[float | None]]
"""Values in groups that stay together: the gaps of one request, the requests of one run. A lone value is a group too.

What lies within a group is alike (the same prompt, the same minute), so that drawing single values would promise more
than the sample holds.
"""

Statistic = Callable[[Sequence[float]], float | None]


def bootstrap_interval(
    clusters: Clusters,
    statistic: Statistic,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval | Missing:
    """Return the interval of `statistic` by the percentile method (Efron and Tibshirani, chapter 13).

    Whole clusters are drawn with replacement. The order of clusters and values makes no difference. Meant for ten
    clusters or more: for few of them the interval is too narrow. Missing below two clusters.
    """
    sample = _sample(clusters)
    if len(sample) < 2:  # noqa: PLR2004 - one cluster drawn again is itself
        return Missing(_too_few(len(sample)))
    draw = random.Random(seed)  # noqa: S311 - repeatable figures, no secret
    return _enclose(islice(_redrawn(sample, statistic, draw), resamples), level)


def bootstrap_ratio_interval(
    first: Clusters,
    second: Clusters,
    statistic: Statistic,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval | Missing:
    """Return the interval of `statistic` of the second sample over that of the first, each drawn again for itself.

    As `bootstrap_interval`; Missing also when a draw of the first has a statistic of zero.
    """
    below, above = _sample(first), _sample(second)
    fewest = min(len(below), len(above))
    if fewest < 2:  # noqa: PLR2004 - one cluster drawn again is itself
        return Missing(_too_few(fewest))
    draw = random.Random(seed)  # noqa: S311 - repeatable figures, no secret
    draws = zip(_redrawn(below, statistic, draw), _redrawn(above, statistic, draw), strict=False)
    return _enclose([_over(b, a) for a, b in islice(draws, resamples)], level)


def _sample(clusters: Clusters) -> list[list[float]]:
    return sorted(sorted(values) for values in map(finite, clusters) if values)


def _redrawn(sample: list[list[float]], statistic: Statistic, draw: random.Random) -> Iterator[float | None]:
    """Yield the statistic of one draw after the other, without end."""
    if statistic is median and all(len(cluster) == 1 for cluster in sample):
        yield from _redrawn_medians([cluster[0] for cluster in sample], draw)
    while True:
        yield statistic(list(chain.from_iterable(draw.choices(sample, k=len(sample)))))


def _redrawn_medians(ordered: list[float], draw: random.Random) -> Iterator[float]:
    """Yield medians of draws from single values, each in the same short time however many they are.

    A draw picks places by uniform numbers; its median needs only the middle ones of these, whose distribution is known:
    the k-th of n is Beta(k, n - k + 1), and the next one lies above it as the least of the n - k others.
    """
    count = len(ordered)
    k = (count + 1) // 2
    while True:
        u = draw.betavariate(k, count - k + 1)
        middle = ordered[min(int(u * count), count - 1)]
        if count % 2:
            yield middle
        else:
            above = u + (1 - u) * draw.betavariate(1, count - k)
            # Half of each, since the sum of two large numbers may be too large.
            yield middle / 2 + ordered[min(int(above * count), count - 1)] / 2


def _over(above: float | None, below: float | None) -> float | None:
    return None if above is None or not below else above / below


def _enclose(results: Iterable[float | None], level: float) -> Interval | Missing:
    known: list[float] = []
    for result in results:
        if result is None or not math.isfinite(result):
            return Missing("some draws of the sample have no such statistic, or divide by zero")
        known.append(result)
    tail = 50 * (1 - level)
    low, high = percentile(known, tail), percentile(known, 100 - tail)
    if low is None or high is None:
        return Missing("nothing was drawn")
    return Interval(low, high, level)


def _too_few(clusters: int) -> str:
    return "there is no value" if clusters == 0 else "one group of values does not show how much groups vary"
