"""Reads all sources of a machine at the pace of each, and makes lines of what they give."""

import math
import os
import resource
import sys
import time
from collections.abc import Callable

from llmtui.telemetry.base import Clock, KeptFile, Missing, Probe, Readings
from llmtui.telemetry.lanes import Lane, Reading
from llmtui.telemetry.sample_lines import SamplerCommand, SamplerLine
from llmtui.telemetry.server import gpu_memory
from llmtui.telemetry.sources import Source, Sources

SHORTEST_S = 0.05
_PATIENCE_S = 0.25
"""So long a sample waits for slow probes; what they read later comes in a line of its own, with its own time."""
_STEADY = (".limit", ".total", ".limit.default")
_STEADY_NS = 10_000_000_000
_GPU_MEMORY_NS = 5_000_000_000
_SELF_NS = 1_000_000_000

MakeLane = Callable[[Source], Lane]


class Sampler:
    """Reads sources and makes lines of what they give. It writes nothing and never sleeps longer than its patience."""

    def __init__(
        self,
        sources: Sources,
        *,
        clock: Clock = time.monotonic_ns,
        wall: Callable[[], float] = time.time,
        make_lane: MakeLane | None = None,
        interval_s: float = 1.0,
        patience_s: float | None = None,
    ) -> None:
        self.sources = sources
        self.interval_s = interval_s
        self._patience_s = patience_s
        self._clock = clock
        self._wall = wall
        make = make_lane or (lambda source: Lane(source.probe, source.period_ns, clock=clock, keys=source.keys))
        self._lanes = [make(source) for source in sources.list if source.apart]
        self._near = [source for source in sources.list if not source.apart]
        self._due_ns = [0] * len(self._near)
        self._reasons: dict[str, str] = {}
        self._steady: dict[str, tuple[float, int]] = {}
        self._gpus = sources.gpus()
        self._gpu_memory_due_ns = 0
        self._used_ns, self._used_at_ns = time.process_time_ns(), clock()
        self._self_due_ns = self._used_at_ns + _SELF_NS  # starting up is no part of the usual cost
        self._statm = KeptFile("/proc/self/statm")
        self._primed: Readings = dict(sources.constant)

    def prime(self) -> None:
        """Take the first reading of all counters, so that the next one can tell their rates."""
        for reading in self._read():
            self._primed.update(reading.readings)

    def hardware_line(self) -> SamplerLine:
        """Describe the machine."""
        self._gpus = self.sources.gpus()
        return SamplerLine(monotonic_ns=self._clock(), pid=os.getpid(), hardware=self.sources.snapshot())

    def take(self) -> list[SamplerLine]:
        """Read once; return the sample, before it what came late, after it what changed besides.

        GPUs that changed come before all of it: the numbers in the samples are theirs.
        """
        lines = [self._line(reading) for reading in self._read()]
        if self.sources.gpus() != self._gpus:
            lines.insert(0, self.hardware_line())
        news = self.sources.server.news()
        if news is not None:
            lines.append(SamplerLine(monotonic_ns=self._clock(), processes=news))
            if self.sources.cgroup is not None:
                self.sources.cgroup.follow(news.processes[0].pid if news.processes else "self")
        return lines

    def obey(self, command: SamplerCommand) -> None:
        """Change pace or the watched server."""
        if command.interval_ms is not None:
            self.interval_s = max(SHORTEST_S, command.interval_ms / 1000)
        if command.watch is not None:
            self.sources.server.watch(command.watch)
            self._gpu_memory_due_ns = 0
            if self.sources.nvidia is not None:
                self.sources.nvidia.with_processes = self.sources.server.is_on

    def _read(self) -> list[Reading]:
        """Read everything that is due: late results first, this moment's last."""
        began_ns = self._clock()
        cost_ns = time.process_time_ns()
        late = [reading for lane in self._lanes if (reading := lane.collect()) is not None]
        now: Readings = {}
        for position, source in enumerate(self._near):
            now_ns = self._clock()
            if now_ns >= self._due_ns[position]:
                self._due_ns[position] = now_ns + source.period_ns * 9 // 10
                now.update(_sample(source.probe, now_ns))
        # After the load: the processor's clock is that of the cores that are busy now.
        for lane in self._lanes:
            lane.kick()
        patience_s = self._patience_s
        if patience_s is None:
            patience_s = min(_PATIENCE_S, self.interval_s / 2)
        for lane in self._lanes:
            lane.wait(patience_s - (self._clock() - began_ns) / 1e9)
            reading = lane.collect()
            if reading is not None:
                now.update(reading.readings)
        now.update(self._server_gpu_memory())
        now.update(self._own_use(cost_ns))
        return [*late, Reading(began_ns, now)]

    def _server_gpu_memory(self) -> Readings:
        now_ns = self._clock()
        server, nvidia, clients = self.sources.server, self.sources.nvidia, self.sources.clients
        if not server.pids or now_ns < self._gpu_memory_due_ns or (nvidia is None and clients is None):
            return {}
        self._gpu_memory_due_ns = now_ns + _GPU_MEMORY_NS * 9 // 10
        shared = clients.of(server.pids) if clients is not None else None
        by_pid = nvidia.process_memory if nvidia is not None else {}
        used = gpu_memory(server.pids, by_pid, self.sources.table.rows(now_ns))
        if shared is not None:
            used = shared + (0 if isinstance(used, Missing) else used)
        return {"server.memory.gpu": used}

    def _own_use(self, cost_ns: int) -> Readings:
        """What the sampler itself takes: processor time of this sample, share of a core, memory."""
        used_ns, now_ns = time.process_time_ns(), self._clock()
        readings: Readings = {"sampler.cost": round((used_ns - cost_ns) / 1e9, 6)}
        elapsed = now_ns - self._used_at_ns
        if now_ns >= self._self_due_ns and elapsed > 0:
            self._self_due_ns = now_ns + _SELF_NS * 9 // 10
            readings["sampler.cpu"] = round(100 * (used_ns - self._used_ns) / elapsed, 2)
            readings["sampler.memory"] = self._resident()
            self._used_ns, self._used_at_ns = used_ns, now_ns
        return readings

    def _resident(self) -> int:
        try:
            return int(self._statm.read(64).split()[1]) * resource.getpagesize()
        except (OSError, IndexError, ValueError):
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS, where there is no /proc

    def _line(self, reading: Reading) -> SamplerLine:
        """Sort values from reasons; leave out reasons already told and limits that stand."""
        values: dict[str, float] = {}
        missing: dict[str, str] = {}
        readings = {**self._primed, **reading.readings} if self._primed else reading.readings
        self._primed = {}
        for key, value in readings.items():
            if isinstance(value, Missing):
                if self._reasons.get(key) != value.reason:
                    missing[key] = self._reasons[key] = value.reason
                self._steady.pop(key, None)
                continue
            if not math.isfinite(value):
                missing[key] = self._reasons[key] = "its source says something that is no number"
                continue
            self._reasons.pop(key, None)
            if key.endswith(_STEADY):
                told, until_ns = self._steady.get(key, (None, 0))
                if told == value and reading.taken_ns < until_ns:
                    continue
                self._steady[key] = (value, reading.taken_ns + _STEADY_NS)
            values[key] = value
        wall = self._wall() - (self._clock() - reading.taken_ns) / 1e9
        return SamplerLine(monotonic_ns=reading.taken_ns, wall=round(wall, 3), values=values, missing=missing)


def _sample(probe: Probe, now_ns: int) -> Readings:
    try:
        return probe.sample(now_ns)
    except (OSError, ValueError, ArithmeticError, LookupError) as error:
        # A file that says something new must not end the other figures.
        print(f"llmtui sampler: {type(probe).__name__}: {error!r}", file=sys.stderr, flush=True)  # noqa: T201 - stdout is data
        return {}
