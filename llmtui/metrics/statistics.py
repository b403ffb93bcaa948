"""Statistics of small samples, in plain Python. Nothing here divides by zero: what can't be computed is None."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

LEAST_FOR_PERCENTILE = {50.0: 1, 90.0: 10, 95.0: 20, 99.0: 100, 99.9: 1000}
"""How many values a sample needs before one of them can lie beyond the percentile: 1 / (1 - p)."""


class Missing(NamedTuple):
    """Why a statistic cannot be had, in words for the user."""

    reason: str


class Percentile(NamedTuple):
    """A percentile of a sample, in the unit of its values. `carried`: whether enough values stand behind it."""

    share: float
    value: float | None
    carried: bool


class Summary(msgspec.Struct, frozen=True):
    """What a sample says of itself, in the unit of its values (`cv` is a ratio). None: too few values, or no number.

    `count` values were used; `left_out` were None, infinite or no numbers. `sd` is the sample's standard deviation
    (n - 1), `cv` is `sd` over the size of the mean, `mad` the median distance from the median, not scaled.
    """

    count: int
    left_out: int
    mean: float | None
    sd: float | None
    cv: float | None
    median: float | None
    mad: float | None
    least: float | None
    most: float | None
    p50: Percentile
    p90: Percentile
    p95: Percentile
    p99: Percentile
    p99_9: Percentile

    @property
    def percentiles(self) -> tuple[Percentile, ...]:
        """All percentiles, from p50 up."""
        return self.p50, self.p90, self.p95, self.p99, self.p99_9


def summarize(values: Iterable[float | None]) -> Summary:
    """Return the summary of a sample in any order. Never raises; an empty sample has None everywhere."""
    given = list(values)
    ordered = sorted(finite(given))
    count = len(ordered)
    mean, sd = mean_and_sd(ordered)
    p50, p90, p95, p99, p99_9 = (
        Percentile(share, _at(ordered, share), count > 0 and carries(count, share)) for share in LEAST_FOR_PERCENTILE
    )
    return Summary(
        count=count,
        left_out=len(given) - count,
        mean=mean,
        sd=sd,
        cv=_ratio(sd, mean),
        median=p50.value,
        mad=median_absolute_deviation(ordered),
        least=ordered[0] if ordered else None,
        most=ordered[-1] if ordered else None,
        p50=p50,
        p90=p90,
        p95=p95,
        p99=p99,
        p99_9=p99_9,
    )


def finite(values: Iterable[float | None]) -> list[float]:
    """Return the values that are numbers, in their order."""
    return [value for value in values if value is not None and math.isfinite(value)]


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the percentile `share` (0 to 100) by linear interpolation between the two nearest ranks.

    This is the definition of numpy's default ("linear", Hyndman and Fan type 7). None for an empty sample.
    """
    return _at(sorted(values), share)


def median(values: Sequence[float]) -> float | None:
    """Return the median, or None for an empty sample."""
    return percentile(values, 50)


def carries(count: int, share: float) -> bool:
    """Return whether `count` values are enough to speak of the percentile `share`."""
    return count >= LEAST_FOR_PERCENTILE.get(share, math.ceil(1 / (1 - min(share, 99.99) / 100)))


def coefficient_of_variation(values: Sequence[float]) -> float | None:
    """Return the standard deviation (sample SD, n - 1) over the size of the mean.

    None below two values and for a mean of zero.
    """
    mean, sd = mean_and_sd(values)
    return _ratio(sd, mean)


def mean_and_sd(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Return the mean and the standard deviation (sample SD, n - 1); each is None where the sample is too small.

    Both are summed exactly and in two passes, so that a large mean does not swallow a small deviation.
    """
    if not values:
        return None, None
    # A power of two costs no digit, and keeps the squares of the largest and the smallest numbers within range.
    exponent = math.frexp(max(map(abs, values)))[1]
    scaled = [math.ldexp(value, -exponent) for value in values]
    mean = math.fsum(scaled) / len(scaled)
    if len(scaled) < 2:  # noqa: PLR2004 - one value does not vary
        return values[0], None
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in scaled) / (len(scaled) - 1))
    return _unscaled(mean, exponent), _unscaled(0.0 if min(scaled) == max(scaled) else sd, exponent)


def median_absolute_deviation(values: Sequence[float]) -> float | None:
    """Return the median distance from the median (MAD), not scaled; None for an empty sample."""
    middle = median(values)
    if middle is None:
        return None
    distance = median([abs(value - middle) for value in values])
    return distance if distance is not None and math.isfinite(distance) else None


def _at(ordered: Sequence[float], share: float) -> float | None:
    if not ordered:
        return None
    place = (len(ordered) - 1) * min(100.0, max(0.0, share)) / 100
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    part = place - below
    step = ordered[above] - ordered[below]
    if math.isinf(step):
        return ordered[below] * (1 - part) + ordered[above] * part
    return ordered[below] + step * part


def _ratio(sd: float | None, mean: float | None) -> float | None:
    if sd is None or not mean:
        return None
    ratio = sd / abs(mean)
    return ratio if math.isfinite(ratio) else None


def _unscaled(value: float, exponent: int) -> float | None:
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return None
