"""What the machine's memory went through while a server worked: what came back from the swap, and who was killed."""

import asyncio
import contextlib
from contextlib import aclosing
from typing import NamedTuple, Self

from llmtui.metrics.heat.stress_verdict import SWAPPED_IN
from llmtui.telemetry.sensors import Sample
from llmtui.workloads.base import Bench

SWAP = "swap.in.rate"
KILLS = "memory.kills"
SAMPLE_WITHIN_S = 2.0
NOT_READ = "the swap can't be read here"


class MemorySpan(NamedTuple):
    """`swapped_in` in bytes and `kills` in processes over a span; None where they could not be read."""

    swapped_in: float | None
    kills: int | None

    @property
    def ran_out(self) -> str | None:
        """Why the memory did not suffice; None where it did, or where that can't be told."""
        if self.kills:
            return "the system killed a process for lack of memory"
        if self.swapped_in is not None and self.swapped_in >= SWAPPED_IN:
            return "memory came back from the swap while the server worked"
        return None


class MemoryWatch:
    """Adds up the samples of the bench from entering to leaving. Where the bench is blind it says nothing."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._swapped: float | None = None
        self._swap_ns = bench.now()
        self._kills_before: float | None = None
        self._kills: float | None = None
        self._taken = asyncio.Event()

    async def __aenter__(self) -> Self:
        known = self._bench.sensors.latest().get(KILLS)
        self._kills_before = known[1] if known else None
        self._task = asyncio.create_task(self._follow())
        await asyncio.sleep(0)  # it follows from its first turn on
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def look_again(self) -> None:
        """Wait for the next sample, a moment at most: the word of a process that was killed comes after its end."""
        if self._bench.blind is not None or self._bench.sensors.lost is not None:
            return
        self._taken.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SAMPLE_WITHIN_S):
                await self._taken.wait()

    def span(self) -> MemorySpan:
        """Return what was seen so far."""
        if self._bench.blind is not None:
            return MemorySpan(None, None)
        known = self._kills is not None and self._kills_before is not None
        kills = round((self._kills or 0.0) - (self._kills_before or 0.0)) if known else None
        return MemorySpan(self._swapped, kills)

    async def _follow(self) -> None:
        async with aclosing(self._bench.sensors.follow()) as samples:
            async for sample in samples:
                self._take(sample)

    def _take(self, sample: Sample) -> None:
        rate = sample.values.get(SWAP)
        if rate is not None:
            # A rate speaks for the time since the sample before it.
            self._swapped = (self._swapped or 0.0) + rate * max(0, sample.t - self._swap_ns) / 1e9
            self._swap_ns = sample.t
        kills = sample.values.get(KILLS)
        if kills is not None:
            self._kills_before = kills if self._kills_before is None else self._kills_before
            self._kills = kills
        self._taken.set()
