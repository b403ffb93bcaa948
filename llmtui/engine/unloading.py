"""Letting models go: told to the server, looked after in its own list, and logged with the memory that is left."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Protocol
from urllib.parse import urlsplit

from llmtui.backends.base import BackendError
from llmtui.engine.bench import JobBench
from llmtui.engine.recorder import Recorder
from llmtui.engine.sampling import is_local
from llmtui.engine.targets import ReadyTarget
from llmtui.events import ModelUnloaded
from llmtui.telemetry.sensors import Sensors

CANNOT_UNLOAD = "this server cannot unload"
FOUND = "it was in memory before, and is left as it was found"
UNKNOWN = "the server does not tell what it holds"
MEMORY_WITHIN_S = 3.0
"""How long a reading of the memory is waited for, after a model is gone."""


class LineupTargets(Protocol):
    """What a comparison needs of the targets of its session."""

    async def ready(self, name: str, *, beside: bool = False) -> ReadyTarget | str:
        """Return a target that can be measured, or why it can't; `beside` lets our other servers run."""

    def connected(self) -> Sequence[ReadyTarget]:
        """Return the targets that have a server now."""

    async def release(self, name: str) -> bool:
        """Stop the server of a target if it is ours and runs; return whether it did."""


class Unloader:
    """Unloads models for one job."""

    def __init__(
        self,
        job: str,
        bench: JobBench,
        targets: LineupTargets,
        recorder: Recorder,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._job = job
        self._bench = bench
        self._targets = targets
        self._recorder = recorder
        self._clock = clock

    async def held(self, target: ReadyTarget) -> tuple[str, ...] | None:
        """Return what a server holds in memory; None where it does not tell, or not now."""
        try:
            return await target.backend.loaded()
        except BackendError:
            return None

    async def unload(self, target: ReadyTarget, model: str, *, quiet: bool = False) -> None:
        """Unload a model and log what came of it; with `quiet` not where its server can't unload at all."""
        # What we asked to be loaded stands there; all else was in memory already.
        found = model not in target.residence.options
        start = self._clock()
        gone, reason = await self._let_go(target, model)
        wait_ns = self._clock() - start
        if quiet and reason == CANNOT_UNLOAD:
            return
        if gone is not False:
            target.residence.left(model)
        self._recorder.record(
            ModelUnloaded(
                t=self._recorder.now(),
                job=self._job,
                target=target.name,
                model=model,
                gone=gone,
                wait_ns=wait_ns if gone else None,
                reason=reason,
                found=found,
                memory=await self._memory(target),
            )
        )
        if gone is False:
            self._bench.warn("stays-in-memory", f"{model} stays in memory at {target.url}: {reason}")

    def leave(self, target: ReadyTarget, model: str) -> None:
        """Log that a model stays which was in memory before, where nobody asked for that memory."""
        self._recorder.record(
            ModelUnloaded(
                t=self._recorder.now(),
                job=self._job,
                target=target.name,
                model=model,
                gone=False,
                reason=FOUND,
                found=True,
            )
        )

    async def _let_go(self, target: ReadyTarget, model: str) -> tuple[bool | None, str | None]:
        """Return whether a model is gone (None: nobody knows), and the reason for anything but a yes."""
        if await self._targets.release(target.name):
            return True, None
        try:
            await target.backend.unload(model)
            held = await target.backend.loaded()
        except BackendError as error:
            return False, CANNOT_UNLOAD if error.kind == "not_supported" else error.sentence
        if held is None:
            return None, UNKNOWN
        return (False, "the server said that it unloaded it, and still lists it") if model in held else (True, None)

    async def _memory(self, target: ReadyTarget) -> dict[str, float]:
        here = target.pid is not None or is_local(urlsplit(target.url).hostname or "")
        return await memory_after(self._bench.sensors, self._recorder.now()) if here else {}


async def memory_after(sensors: Sensors, t_ns: int) -> dict[str, float]:
    """Return the first readings of memory taken after `t_ns` (since the origin); empty where none come in time."""
    if sensors.lost is not None:
        return {}
    try:
        async with asyncio.timeout(MEMORY_WITHIN_S), aclosing(sensors.follow()) as samples:
            async for sample in samples:
                memory = {key: value for key, value in sample.values.items() if _is_memory(key)}
                if sample.lost is not None or (sample.t > t_ns and memory):
                    return memory
    except TimeoutError:
        pass
    return {}


def _is_memory(key: str) -> bool:
    return key == "ram.used" or (key.startswith("gpu.") and key.endswith(".memory.used"))
