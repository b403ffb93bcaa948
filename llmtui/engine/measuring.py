"""llmtui measures itself: the lag of the engine's loop, its processor time and memory, and the sampler's."""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable

from llmtui.engine.process_meter import ChangingMeter, ProcessMeter
from llmtui.engine.recorder import Recorder
from llmtui.events import CLIENT_BOUND, SelfMeasured
from llmtui.metrics.client_bound import client_bound_reason
from llmtui.metrics.statistics import percentile
from llmtui.suites.schema import Limits

SELF_EVERY_S = 2.0
LAG_STEP_S = 0.1
"""So often that one hiccup in a job of ten seconds is its worst lag, but not its p99."""

KEPT_LAGS = round(40 / LAG_STEP_S)
"""Those of 40 s."""


class LagMeter:
    """How late the loop is: the time by which a timer of it overran, most recent first to be forgotten last.

    It is a bare timer, not a task that sleeps, which would cost half as much again.

    Attributes:
        count: How many lags were measured so far.
    """

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns, step_s: float = LAG_STEP_S) -> None:
        self._clock = clock
        self._step_s = step_s
        self._step_ns = round(step_s * 1e9)
        self._lags: deque[int] = deque(maxlen=KEPT_LAGS)
        self._timer: asyncio.TimerHandle | None = None
        self._due_ns = 0
        self.count = 0

    def start(self) -> None:
        """Measure in the running loop until `stop`."""
        self._wait_from(self._clock())

    def stop(self) -> None:
        """Measure no more; what was measured stays."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait_from(self, now_ns: int) -> None:
        self._due_ns = now_ns + self._step_ns
        self._timer = asyncio.get_running_loop().call_later(self._step_s, self._look)

    def _look(self) -> None:
        now_ns = self._clock()
        self.count += 1
        self._lags.append(max(0, now_ns - self._due_ns))
        self._wait_from(now_ns)

    def latest(self, count: int) -> list[int]:
        """Return the last `count` lags, as far as they are kept."""
        return list(self._lags)[-count:] if count > 0 else []

    def lag_ns(self, share: float) -> int | None:
        """Return the percentile `share` of the recent lags."""
        lag = percentile(list(self._lags), share)
        return None if lag is None else round(lag)


class SelfMeter:
    """Logs what llmtui uses every `every_s` seconds, and flags a job in whose figures llmtui itself may be."""

    def __init__(
        self,
        recorder: Recorder,
        *,
        sampler_pid: Callable[[], int | None],
        log_bytes: Callable[[], int],
        limits: Limits,
        every_s: float = SELF_EVERY_S,
        cpu_clock: Callable[[], float] = time.process_time,
    ) -> None:
        self._recorder = recorder
        self._log_bytes = log_bytes
        self._limits = limits
        self._every_s = every_s
        self._cpu_clock = cpu_clock
        self._lag = LagMeter()
        self._own = ProcessMeter(os.getpid())
        self._sampler = ChangingMeter(sampler_pid)
        self._job: str | None = None
        self._job_began = (0, 0.0)
        self._job_lags = 0
        self._flagged = False

    async def run(self) -> None:
        """Measure until cancelled; then once more, so that a short run has a figure too."""
        self._lag.start()
        try:
            while True:
                await asyncio.sleep(self._every_s)
                self._log()
                self._judge()
        finally:
            self._lag.stop()
            self._log()

    def job_changed(self, job: str | None) -> None:
        """A job begins, or the one that ran ends (None); the one that ends is judged by all of its time."""
        self._judge()
        self._job = job
        self._job_began = (self._recorder.now(), self._cpu_clock())
        self._job_lags = self._lag.count
        self._flagged = False

    def _judge(self) -> None:
        if self._job is None or self._flagged:
            return
        began_ns, cpu_began = self._job_began
        reason = client_bound_reason(
            self._cpu_clock() - cpu_began,
            (self._recorder.now() - began_ns) / 1e9,
            self._lag.latest(self._lag.count - self._job_lags),
            most_cpu=self._limits.client_cpu,
            most_lag_ms=self._limits.client_lag_ms,
        )
        if reason is not None:
            self._flagged = True
            self._recorder.alert("warning", CLIENT_BOUND, reason, self._job)

    def _log(self) -> None:
        cpu, memory = self._own.look()
        sampler_cpu, sampler_memory = self._sampler.look()
        self._recorder.record(
            SelfMeasured(
                t=self._recorder.now(),
                engine_cpu=cpu or 0.0,
                sampler_cpu=sampler_cpu,
                lag_p50_ns=self._lag.lag_ns(50),
                lag_p99_ns=self._lag.lag_ns(99),
                engine_memory=memory,
                sampler_memory=sampler_memory,
                log_bytes=self._log_bytes(),
            )
        )
