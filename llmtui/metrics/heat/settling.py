"""Whether rate and temperature have settled under load: the steady state that a stress run is to reach."""

import math
from collections.abc import Iterable, Sequence
from itertools import combinations
from statistics import NormalDist
from typing import NamedTuple

from llmtui import wording
from llmtui.metrics.heat.decline import COMPARED, Point
from llmtui.metrics.inference.intervals import LEVEL
from llmtui.metrics.statistics import Missing, median

RATE_DRIFT = 0.01
"""A settled rate changes by less than this share in ten minutes: 3 % over half an hour, below what matters."""

HEATING = 0.5
"""A settled temperature changes by less than this in a minute (°C): 1 °C in the time of four samples of 30 s."""

_TEN_MINUTES_NS = 600_000_000_000
_MINUTE_NS = 60_000_000_000
_MOST_POINTS = 60
"""More points than this in the window are taken together: the slope goes through all pairs of them."""


class Slope(NamedTuple):
    """A slope per ns, with the interval that holds the true one at 95 %."""

    value: float
    low: float
    high: float


class Settling(NamedTuple):
    """Whether the state is steady; None when that can't be judged. `sentence` says why.

    `rate_drift` is relative per ten minutes, `heating` is in °C a minute; None where they are not known.
    """

    steady: bool | None
    sentence: str
    rate_drift: float | None = None
    heating: float | None = None


def theil_sen(points: Sequence[tuple[int, float]]) -> Slope | Missing:
    """Return the median of the slopes of all pairs of points (Theil 1950, Sen 1968), with Sen's interval.

    Up to a quarter of the points may lie anywhere without moving it far. The interval takes the slopes by their order,
    as many from the ends as Kendall's S may be off by chance (Hollander, Wolfe and Chicken, 9.3, normal approximation).
    """
    pairs = [(b[0] - a[0], b[1] - a[1]) for a, b in combinations(points, 2)]
    slopes = sorted(rise / run for run, rise in pairs if run != 0 and math.isfinite(rise))
    middle = median(slopes)
    if middle is None or len({t for t, _ in points}) < 3:  # noqa: PLR2004 - two moments leave no scatter to see
        return Missing("fewer than three moments have no slope")
    count = len(points)
    off = NormalDist().inv_cdf((1 + LEVEL) / 2) * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = min(max(0, math.floor((len(slopes) - off) / 2)), (len(slopes) - 1) // 2)
    return Slope(middle, slopes[low], slopes[-1 - low])


def settling(rates: Sequence[Point], temperatures: Sequence[Point] = ()) -> Settling:
    """Judge the last ten rates and the temperatures (°C) of the same time. Never raises.

    A rate is settled when its slope is small, or when its own scatter could explain the slope: ten samples that vary by
    1 % cannot show a drift of 1 % in ten minutes. The temperature, which scatters little, then decides.
    """
    known = _known(rates)[-COMPARED:]
    if len(known) < COMPARED:
        return Settling(None, f"{len(known)} rates are too few to see a steady state; {COMPARED} or more show one")
    level = median([value for _, value in known])
    slope = theil_sen(known)
    if isinstance(slope, Missing) or level is None or level <= 0:
        return Settling(None, slope.reason if isinstance(slope, Missing) else "there is no rate that could settle")
    drift = slope.value * _TEN_MINUTES_NS / level
    heating = _heating(temperatures, known[0][0], known[-1][0])
    if not math.isfinite(drift):
        return Settling(None, "the rates vary too much to compute with", heating=heating)
    rate_moves = abs(drift) >= RATE_DRIFT and not slope.low <= 0 <= slope.high
    if heating is not None and abs(heating) >= HEATING:
        word = "still heating" if heating > 0 else "still cooling"
        return Settling(False, f"{word}: {heating:+.1f} °C a minute", drift, heating)
    # Ten seconds stretched to ten minutes would read as a collapse: what is told is what was seen.
    seen_ns = min(_TEN_MINUTES_NS, known[-1][0] - known[0][0])
    change = wording.percent(slope.value * seen_ns / level, 1, signed=True)
    changes = f"the rate changes by {change} in {_span(seen_ns)}"
    if rate_moves:
        return Settling(False, f"not steady yet: {changes}", drift, heating)
    scatter = ", within its scatter" if abs(drift) >= RATE_DRIFT else ""
    rest = "" if heating is not None else "; the temperature is not known"
    return Settling(True, f"steady: {changes}{scatter}{rest}", drift, heating)


def steady_since(rates: Sequence[Point], temperatures: Sequence[Point] = ()) -> int | None:
    """Return the moment (ns) from which on every window of ten rates to the end is steady; None if the last is not."""
    known = _known(rates)
    since = None
    for end in range(len(known), COMPARED - 1, -1):
        window = known[end - COMPARED : end]
        if not settling(window, temperatures).steady:
            break
        since = window[0][0]
    return since


def _span(ns: int) -> str:
    return (
        "ten minutes"
        if ns == _TEN_MINUTES_NS
        else f"{ns / _MINUTE_NS:.2g} min"
        if ns >= _MINUTE_NS
        else f"{ns / 1e9:.2g} s"
    )


def _known(points: Iterable[Point]) -> list[tuple[int, float]]:
    return [(t, value) for t, value in points if value is not None and math.isfinite(value)]


def _heating(temperatures: Sequence[Point], start: int, end: int) -> float | None:
    """Return the slope of the temperature in °C a minute between two moments; None where it is not known."""
    inside = [(t, value) for t, value in _known(temperatures) if start <= t <= end]
    width = math.ceil(len(inside) / _MOST_POINTS) or 1
    groups = [inside[place : place + width] for place in range(0, len(inside), width)]
    thinned = [(group[len(group) // 2][0], median([value for _, value in group]) or 0.0) for group in groups]
    slope = theil_sen(thinned)
    if isinstance(slope, Missing):
        return None
    heating = slope.value * _MINUTE_NS
    return heating if math.isfinite(heating) else None
