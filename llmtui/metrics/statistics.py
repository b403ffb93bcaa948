"""Statistics of small samples, in plain Python. Nothing here divides by zero: what can't be computed is None."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

LEAST_FOR_PERCENTILE = {50.0: 1, 90.0: 10, 95.0: 20, 99.0: 100, 99.9: 1000}
"""How many values a sample needs before one of them can lie beyond the percentile: 1 / (1 - p)."""


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the percentile `share` (0 to 100) by linear interpolation between the two nearest ranks.

    This is the definition of numpy's default ("linear", Hyndman and Fan type 7). None for an empty sample.
    """
    if not values:
        return None
    ordered = sorted(values)
    place = (len(ordered) - 1) * min(100.0, max(0.0, share)) / 100
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median(values: Sequence[float]) -> float | None:
    """Return the median, or None for an empty sample."""
    return percentile(values, 50)


def carries(count: int, share: float) -> bool:
    """Return whether `count` values are enough to speak of the percentile `share`."""
    return count >= LEAST_FOR_PERCENTILE.get(share, math.ceil(1 / (1 - min(share, 99.99) / 100)))


def coefficient_of_variation(values: Sequence[float]) -> float | None:
    """Return the standard deviation over the mean (sample SD, n - 1); None below two values or for a mean of zero."""
    if len(values) < 2:  # noqa: PLR2004 - one value does not vary
        return None
    mean = fmean(values)
    return stdev(values) / mean if mean else None
