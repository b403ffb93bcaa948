"""Values far from the others: flagged for the reader, never dropped."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from llmtui.metrics.statistics import finite, mean_and_sd, median

THRESHOLD = 3.5
"""A modified z-score beyond this marks an outlier (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993)."""

LEAST = 8
"""With fewer values nobody can say which of them is the odd one: of normal samples this small, 1 in 7 has a flag."""

LEAST_FOR_SPREAD = 5
"""With fewer values the robust standard deviation is left to chance."""

MAD_OF_NORMAL = 0.674490
"""The median distance from the median of a normal distribution, in standard deviations."""

MEAN_DISTANCE_OF_NORMAL = 0.797885
"""The mean distance from the median of a normal distribution, in standard deviations: √(2 / π)."""


class Outlier(NamedTuple):
    """A value far from the others: its place in the sequence, and its modified z-score (negative: below them)."""

    place: int
    value: float
    score: float


class Spread(NamedTuple):
    """The middle of a sample and its standard deviation, both estimated so that outliers hardly move them."""

    middle: float
    deviation: float


def outliers(values: Sequence[float | None]) -> tuple[Outlier, ...]:
    """Return the values whose modified z-score, their distance from the median in robust SDs, is beyond `THRESHOLD`.

    The robust SD is the MAD over 0.6745. Where more than half of the values are equal the MAD is 0 and the mean
    distance from the median over 0.7979 takes its place. Values that are all equal, or fewer than `LEAST`, have none.
    """
    sample = finite(values)
    spread = robust_spread(sample)
    if spread is None or len(sample) < LEAST:
        return ()
    scores = ((place, value, (value - spread.middle) / spread.deviation) for place, value in _numbers(values))
    return tuple(Outlier(*score) for score in scores if abs(score[2]) > THRESHOLD)


def robust_spread(sample: Sequence[float]) -> Spread | None:
    """Return the middle and the robust SD of a sample of numbers; None when it is too small or does not vary."""
    middle = median(sample)
    if middle is None or len(sample) < LEAST_FOR_SPREAD:
        return None
    distances = [abs(value - middle) for value in sample]
    if not math.isfinite(max(distances)):
        return None
    deviation = (median(distances) or 0.0) / MAD_OF_NORMAL
    if deviation == 0:
        deviation = (mean_and_sd(distances)[0] or 0.0) / MEAN_DISTANCE_OF_NORMAL
    return Spread(middle, deviation) if 0 < deviation < math.inf else None


def _numbers(values: Sequence[float | None]) -> list[tuple[int, float]]:
    return [(place, value) for place, value in enumerate(values) if value is not None and math.isfinite(value)]
