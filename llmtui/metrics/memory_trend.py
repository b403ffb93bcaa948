"""Whether memory grows in the course of a job, as it does where something leaks. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from llmtui import wording
from llmtui.events import Criterion
from llmtui.metrics.heat.settling import theil_sen
from llmtui.metrics.statistics import Missing

LEAST = 6
"""With fewer readings the interval of a slope says nothing."""

_HOUR_NS = 3_600_000_000_000

Points = Sequence[tuple[int, float]]
"""Readings as (ns, bytes) in the order of time."""


class Growth(NamedTuple):
    """How memory changes: bytes an hour with the interval at 95 %, and the share by which it grew over the job.

    `sure` is whether it surely grows: the whole interval is above zero.
    """

    an_hour: float
    low: float
    high: float
    share: float

    @property
    def sure(self) -> bool:
        """Whether the interval excludes that memory stays as it is."""
        return self.low > 0


def memory_growth(points: Points) -> Growth | Missing:
    """Return the trend of memory by the line of Theil and Sen, which a single jump does not tilt."""
    if len({t for t, _ in points}) < LEAST:
        return Missing(f"{len({t for t, _ in points})} readings are too few for a trend; {LEAST} show one")
    slope = theil_sen(points)
    if isinstance(slope, Missing):
        return slope
    begin = points[0][1]
    if not begin > 0:
        return Missing("the first reading is zero")
    grown = slope.value * (points[-1][0] - points[0][0])
    return Growth(slope.value * _HOUR_NS, slope.low * _HOUR_NS, slope.high * _HOUR_NS, grown / begin)


def growth_criterion(readings: Mapping[str, Points], most: float | None, blind: str | None = None) -> Criterion:
    """Return whether none of several memories, by their names, surely grew by more than the share `most` (None: any).

    `blind` is why the readings can't speak for the server, if they can't.
    """
    if blind is not None or not readings:
        reason = blind or "the server's memory can't be read here"
        return Criterion(name="memory", passed=None, text=f"not evaluated: {reason}")
    found = {name: memory_growth(points) for name, points in readings.items()}
    known = [growth for growth in found.values() if isinstance(growth, Growth)]
    text = "; ".join(f"{name} {growth_text(growth)}" for name, growth in found.items())
    if most is not None and any(growth.sure and growth.share > most for growth in known):
        return Criterion(name="memory", passed=False, text=f"{text}; allowed is a growth of {wording.percent(most)}")
    if len(known) < len(found):
        return Criterion(name="memory", passed=None, text=text)
    return Criterion(name="memory", passed=True, text=text)


def growth_text(growth: Growth | Missing) -> str:
    """Return a trend in words: `grew by 3 % (1.2 GiB an hour, 95 % interval 1.0 GiB to 1.4 GiB)`."""
    if isinstance(growth, Missing):
        return f"is not judged: {growth.reason}"
    rate = f"{wording.size(growth.an_hour)} an hour"
    interval = f"95 % interval {wording.size(growth.low)} to {wording.size(growth.high)}"
    if growth.sure:
        return f"grew by {wording.percent(growth.share, 1)} ({rate}, {interval})"
    if growth.high < 0:
        return f"fell by {wording.percent(-growth.share, 1)} ({rate}, {interval})"
    return f"stayed level ({rate}, {interval})"
