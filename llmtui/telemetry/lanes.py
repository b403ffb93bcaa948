"""Slow probes in threads of their own, so that a driver that hangs holds up nothing but its own figures."""

import threading
import time
from collections.abc import Iterable
from typing import NamedTuple

from llmtui.telemetry.base import Clock, Missing, Probe, Readings

_SHARE = 100
"""A probe may use one hundredth of a core: one whose reading costs more is read less often."""
_SLOWEST_NS = 5_000_000_000
STALE_NS = 3_000_000_000


class Reading(NamedTuple):
    """What a probe read, and when it was asked."""

    taken_ns: int
    readings: Readings


class Lane:
    """Runs one probe, at most every `period_ns`, and at most so often that it uses 1 % of a core.

    `kick` asks for a reading when it is due, `wait` gives it a moment, `collect` returns what came of it. When a
    reading takes longer than `stale_ns`, the figures that the probe gave before, and `keys`, are reported missing until
    it answers.
    """

    def __init__(
        self,
        probe: Probe,
        period_ns: int,
        *,
        clock: Clock = time.monotonic_ns,
        cost_clock: Clock = time.thread_time_ns,
        stale_ns: int = STALE_NS,
        keys: Iterable[str] = (),
    ) -> None:
        self.probe = probe
        self._period_ns = period_ns
        self._clock = clock
        self._cost_clock = cost_clock
        self._stale_ns = stale_ns
        self._cost_ns = 0.0
        self._asked_ns: int | None = None
        self._busy = False
        self._told_stale = False
        self._known = frozenset(keys)
        self._result: Reading | None = None
        self._ask = threading.Semaphore(0)
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def period_ns(self) -> int:
        """The time between readings, stretched for probes that are costly."""
        return min(max(self._period_ns, int(self._cost_ns * _SHARE)), max(_SLOWEST_NS, self._period_ns))

    def kick(self) -> None:
        """Ask for a reading if one is due and none is under way."""
        now_ns = self._clock()
        # A tenth early is due: else a tick that comes a hair too soon would skip a whole period.
        if self._busy or (self._asked_ns is not None and now_ns - self._asked_ns < self.period_ns * 9 // 10):
            return
        self._asked_ns = now_ns
        self._busy = True
        self._done.clear()
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name=type(self.probe).__name__, daemon=True)
            self._thread.start()
        self._ask.release()

    def wait(self, seconds: float) -> None:
        """Give a reading that is under way this long to finish; one that is stale gets no more patience."""
        if self._busy and not self._told_stale:
            self._done.wait(max(0.0, seconds))

    def collect(self) -> Reading | None:
        """Return a reading that finished since the last call, or once that the probe does not answer any more."""
        if self._busy and self._done.is_set():
            self._busy = False
            self._told_stale = False
            result, self._result = self._result, None
            if result is not None:
                self._known |= result.readings.keys()
            return result
        if self._busy and not self._told_stale and self._asked_ns is not None:
            waited_ns = self._clock() - self._asked_ns
            if waited_ns >= self._stale_ns:
                self._told_stale = True
                why = Missing(f"stale: the driver has not answered for {waited_ns / 1e9:.0f} s")
                return Reading(self._clock(), dict.fromkeys(self._known, why))
        return None

    def _serve(self) -> None:
        while True:
            self._ask.acquire()
            started = self._cost_clock()
            taken_ns = self._clock()
            readings = self._read(taken_ns)
            # Half of the new and half of the old, so that one slow reading does not change the pace for long.
            self._cost_ns = (self._cost_ns + self._cost_clock() - started) / 2
            self._result = Reading(taken_ns, readings)
            self._done.set()

    def _read(self, now_ns: int) -> Readings:
        try:
            return self.probe.sample(now_ns)
        except Exception as error:  # noqa: BLE001 - a driver's surprise must not end the other figures
            return dict.fromkeys(self._known, Missing(f"reading it failed: {type(error).__name__}: {error}"))


class InlineLane(Lane):
    """A lane without a thread, for systems and tests that want readings in the order of the calls."""

    def kick(self) -> None:
        """Read at once if it is due."""
        now_ns = self._clock()
        if self._asked_ns is None or now_ns - self._asked_ns >= self.period_ns * 9 // 10:
            self._asked_ns = now_ns
            self._result = Reading(now_ns, self._read(now_ns))
            self._known |= self._result.readings.keys()

    def wait(self, seconds: float) -> None:
        """Nothing is under way after `kick`."""

    def collect(self) -> Reading | None:
        """Return the reading that `kick` took."""
        result, self._result = self._result, None
        return result
