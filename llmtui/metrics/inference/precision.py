"""Whether a figure is known well enough, or how many more runs it takes."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from llmtui.metrics.inference.distributions import student_quantile
from llmtui.metrics.inference.intervals import LEVEL, Interval, mean_interval, percentile_interval
from llmtui.metrics.statistics import Missing, finite, mean_and_sd, median

BOUND = 0.02
"""The half-width of the interval, relative to the figure, at which a repetition may end."""

LEAST = 6
"""Values before which nothing is precise: fewer have no 95 % interval of the median, and agree by chance too easily."""

MOST_MORE = 1000
"""The largest estimate that is given; beyond it the bound is out of reach."""


@dataclass(frozen=True, slots=True)
class Precision:
    """How well the middle of `count` values is known.

    `half_width` is the longer arm of its interval over its size: 0.02 says ± 2 %. `enough` says that it is within the
    bound; `more` estimates how many further values that takes (0: none), None when it can't be reached or foreseen.
    `reason` says why a figure is None.
    """

    count: int
    middle: float | None
    half_width: float | None
    enough: bool
    more: int | None
    reason: str | None = None


def precision(
    values: Iterable[float | None],
    bound: float = BOUND,
    *,
    of: Literal["median", "mean"] = "median",
    level: float = LEVEL,
) -> Precision:
    """Return how well the median or the mean of `values` is known, and what is missing to `bound` (above 0).

    The interval of the median is exact and between two of the values; that of the mean is Student's. To look again
    after each value and to stop at the first that suffices makes the interval hold a little less often than `level`;
    docs/statistics.md has the numbers.
    """
    sample = finite(values)
    count = len(sample)
    middle = median(sample) if of == "median" else mean_and_sd(sample)[0]
    if middle is None:
        return Precision(count, None, None, enough=False, more=LEAST - count, reason="there is no value")
    if middle == 0:
        return Precision(
            count, middle, None, enough=False, more=None, reason=f"the {of} is zero; nothing relates to it"
        )
    interval = percentile_interval(sample, 50, level) if of == "median" else mean_interval(sample, level)
    half = None if isinstance(interval, Missing) else _half_width(interval, middle)
    enough = half is not None and half <= bound and count >= LEAST
    more, unreachable = (0, None) if enough else _more(sample, middle, half, bound, level)
    reason = interval.reason if isinstance(interval, Missing) else unreachable
    return Precision(count, middle, half, enough, more, reason)


def _half_width(interval: Interval, middle: float) -> float | None:
    half = max(interval.high - middle, middle - interval.low) / abs(middle)
    return half if math.isfinite(half) else None


def _more(
    sample: list[float], middle: float, half: float | None, bound: float, level: float
) -> tuple[int | None, str | None]:
    """Estimate the values that are missing: an interval narrows with the root of their number.

    Before there is an interval the standard deviation stands in for it.
    """
    count = len(sample)
    least = max(LEAST - count, 1)
    sd = mean_and_sd(sample)[1]
    if half is None and sd is not None:
        half = student_quantile((1 + level) / 2, count - 1) * sd / math.sqrt(count) / abs(middle)
    if half is None:
        return least, None
    wanted = count * (half / bound) ** 2 if half < bound * MOST_MORE else math.inf
    if wanted - count > MOST_MORE:
        return None, f"the bound takes more than {MOST_MORE} further values"
    return max(least, math.ceil(wanted - count)), None
