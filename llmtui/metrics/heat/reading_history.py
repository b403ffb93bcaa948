"""What a reading means after those before it: growth of counters, how long a state holds, what is usual under load."""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from llmtui.metrics.statistics import median

HELD_S = 5.0
"""A reading speaks for the time since the one before, at most so long: the slowest figures come every five seconds."""

_HELD_NS = HELD_S * 1e9

REFERENCE_FROM_S, REFERENCE_TO_S = 30.0, 120.0
"""The usual clock is that of the load's first two minutes, without the boost of a cold chip."""

REFERENCE_LEAST = 10
"""Fewer readings make no reference; where they come slowly its time is extended."""

IDLE_S = 30.0
"""So long after a load a device counts as idle: what its heat held down has come up again."""

STUCK_READINGS = 3
"""A bit that an idle, cool device reports so often in a row is stuck: an AMD R9700 says "hot spot" at 37 °C."""


class Step(NamedTuple):
    """One reading after the one before it.

    `elapsed` is the seconds between them (0 for the first), `seconds` is how much of that it speaks for, `grown` is by
    how much the value grew (None: it was the first, or went back).
    """

    value: float
    elapsed: float
    grown: float | None

    @property
    def seconds(self) -> float:
        """The time that this reading speaks for."""
        return min(self.elapsed, HELD_S)

    def counted(self, at_once: int) -> float:
        """Return by how much a counter of seconds grew; 0 for a jump, since time can't outrun time.

        `at_once` is how many counters may be added up in it: when one of them comes back the sum jumps.
        """
        return self.grown if self.grown is not None and self.grown <= 1.5 * at_once * self.elapsed + 1.0 else 0.0


Steps = Mapping[str, Step]
"""What one sample brought, by key."""


class History:
    """The last reading of every key; samples carry only what was read anew, so keys come at different paces."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, float]] = {}

    def take(self, t_ns: int, values: Mapping[str, float]) -> Steps:
        """Take a sample; what is no number is left out."""
        steps = {}
        last = self._last
        for key, value in values.items():
            if not math.isfinite(value):
                continue
            found = last.get(key)
            last[key] = (t_ns, value)
            if found is None:
                steps[key] = Step(value, 0.0, None)
                continue
            elapsed = (t_ns - found[0]) / 1e9
            # A counter that went back began anew, and how far it came before that nobody knows.
            grown = value - found[1] if value >= found[1] else None
            steps[key] = Step(value, elapsed if elapsed > 0 else 0.0, grown)
        return steps

    def __iter__(self) -> Iterator[str]:
        return iter(self._last)

    def last(self, key: str, t_ns: int | None = None) -> float | None:
        """Return the last value of `key`; with `t_ns` only when it still speaks for that moment."""
        found = self._last.get(key)
        if found is None or (t_ns is not None and t_ns - found[0] > _HELD_NS):
            return None
        return found[1]


class Rows:
    """How often in a row, and for how many seconds, something was so."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[int, float]] = {}

    def count(self, name: str, *, holds: bool, seconds: float = 0.0) -> tuple[int, float]:
        """Take one more reading; return how many there are in a row now and for how long that has lasted."""
        count, before = self._rows.get(name, (0, 0.0))
        # What lay before the first of the row is not known to have been so.
        found = (count + 1, before + (seconds if count else 0.0)) if holds else (0, 0.0)
        self._rows[name] = found
        return found


class ClockReference:
    """The clock of one device under load: the median of its loaded readings from 30 to 120 s after the load began.

    Not the highest clock that the device names: boost is what is left over, and a healthy chip does not hold it.
    """

    def __init__(self) -> None:
        self._began_ns: int | None = None
        self._clocks: list[float] = []
        self.clock: float | None = None

    def take(self, t_ns: int, clock: float) -> float | None:
        """Take a reading under load and return the reference; None until it stands."""
        if self.clock is not None:
            return self.clock
        if self._began_ns is None:
            self._began_ns = t_ns
        since = (t_ns - self._began_ns) / 1e9
        if since > REFERENCE_TO_S and len(self._clocks) >= REFERENCE_LEAST:
            self.clock = median(self._clocks)
        elif since >= REFERENCE_FROM_S and clock > 0:
            self._clocks.append(clock)
        return self.clock


class StuckBits:
    """Tells the bits that mean something from those that a device sets even when it is idle and cool."""

    def __init__(self) -> None:
        self.stuck = 0
        self._common = 0
        self._idle = 0

    def take(self, bits: int, *, idle: bool) -> int:
        """Take a reading and return the bits that count. One that is seen to clear is not stuck."""
        self.stuck &= bits
        if idle:
            self._common = bits & self._common if self._idle else bits
            self._idle += 1
            self.stuck |= self._common if self._idle >= STUCK_READINGS else 0
        else:
            self._idle = 0
        return bits & ~self.stuck


def as_bits(value: float) -> int | None:
    """Return a reading as bits; None when it can't be any."""
    return int(value) if math.isfinite(value) and 0 <= value < 2.0**64 else None
