"""llmtui measures itself: the lag of the engine's loop, its processor time and memory, and the sampler's."""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable

import psutil

from llmtui.engine.recorder import Recorder
from llmtui.events import SelfMeasured
from llmtui.metrics.statistics import percentile

LAG_STEP_S = 0.1
KEPT_LAGS = 400


class LagMeter:
    """How late the loop is: the time by which a short sleep overran, most recent first to be forgotten last."""

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns, step_s: float = LAG_STEP_S) -> None:
        self._clock = clock
        self._step_s = step_s
        self._lags: deque[int] = deque(maxlen=KEPT_LAGS)

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            start = self._clock()
            await asyncio.sleep(self._step_s)
            self._lags.append(max(0, self._clock() - start - round(self._step_s * 1e9)))

    def lag_ns(self, share: float) -> int | None:
        """Return the percentile `share` of the recent lags."""
        lag = percentile(list(self._lags), share)
        return None if lag is None else round(lag)


class ProcessMeter:
    """Processor share and memory of one process between two looks."""

    def __init__(self, pid: int, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock = clock
        self._pid = pid
        self._process: psutil.Process | None = None
        self._used = 0.0
        self._at = 0
        self._open()

    def _open(self) -> None:
        try:
            self._process = psutil.Process(self._pid)
            self._used, self._at = self._cpu_seconds(self._process), self._clock()
        except psutil.Error:
            self._process = None

    @staticmethod
    def _cpu_seconds(process: psutil.Process) -> float:
        times = process.cpu_times()
        return times.user + times.system

    def look(self) -> tuple[float | None, int | None]:
        """Return (percent of one core since the last look, resident bytes); None when the process is gone."""
        if self._process is None:
            return None, None
        try:
            used, now = self._cpu_seconds(self._process), self._clock()
            memory = self._process.memory_info().rss
        except psutil.Error:
            self._process = None
            return None, None
        share = (used - self._used) * 1e11 / (now - self._at) if now > self._at else None
        self._used, self._at = used, now
        return share, memory


async def measure_self(
    recorder: Recorder,
    lag: LagMeter,
    sampler_pid: Callable[[], int | None],
    log_bytes: Callable[[], int],
    every_s: float,
) -> None:
    """Log a `SelfMeasured` every `every_s` seconds, and a last one when cancelled, so that a short run has one too."""
    own = ProcessMeter(os.getpid())
    sampler = _SamplerMeter(sampler_pid)
    try:
        while True:
            await asyncio.sleep(every_s)
            recorder.record(_measured(recorder.now(), own, sampler, lag, log_bytes()))
    finally:
        recorder.record(_measured(recorder.now(), own, sampler, lag, log_bytes()))


class _SamplerMeter:
    """The meter of whichever process is the sampler now."""

    def __init__(self, pid: Callable[[], int | None]) -> None:
        self._pid = pid
        self._meter: tuple[int, ProcessMeter] | None = None

    def look(self) -> tuple[float | None, int | None]:
        """Return CPU share and memory; None without a sampler, and for the share at the first look at one."""
        pid = self._pid()
        if pid is None:
            return None, None
        if self._meter is None or self._meter[0] != pid:
            self._meter = (pid, ProcessMeter(pid))
        return self._meter[1].look()


def _measured(t: int, own: ProcessMeter, sampler: _SamplerMeter, lag: LagMeter, log_bytes: int) -> SelfMeasured:
    cpu, memory = own.look()
    sampler_cpu, sampler_memory = sampler.look()
    return SelfMeasured(
        t=t,
        engine_cpu=cpu or 0.0,
        sampler_cpu=sampler_cpu,
        lag_p50_ns=lag.lag_ns(50),
        lag_p99_ns=lag.lag_ns(99),
        engine_memory=memory,
        sampler_memory=sampler_memory,
        log_bytes=log_bytes,
    )
