"""What the viewer itself uses: processor time, and bytes to the terminal."""

import os
import time
from collections.abc import Callable
from typing import NamedTuple

Clock = Callable[[], float]


class OwnUse(NamedTuple):
    """Use since the look before: percent of one core, bytes a second."""

    cpu: float
    terminal_rate: float


class OwnUseMeter:
    """Measures this process between two looks, by clocks in seconds."""

    def __init__(
        self, bytes_sent: Callable[[], int], clock: Clock = time.monotonic, cpu_clock: Clock = time.process_time
    ) -> None:
        self._bytes_sent = bytes_sent
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._before = (clock(), cpu_clock(), bytes_sent())
        self.pid = os.getpid()

    def look(self) -> OwnUse | None:
        """Return the use since the last look that gave one; None when no time has passed."""
        now = (self._clock(), self._cpu_clock(), self._bytes_sent())
        seconds, used, sent = (later - earlier for later, earlier in zip(now, self._before, strict=True))
        if seconds <= 0:
            return None
        self._before = now
        return OwnUse(used / seconds * 100, sent / seconds)
