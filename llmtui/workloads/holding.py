"""Holding a load: streams that wait for their answers, or requests at moments that wait for nobody."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import NamedTuple

from llmtui.events import OfferedLoad
from llmtui.suites.checks import MOST_AT_ONCE
from llmtui.suites.levels import requests_of
from llmtui.suites.schema import Load
from llmtui.workloads.arrivals import due_times
from llmtui.workloads.base import Bench
from llmtui.workloads.conversing import Conversations


class HeldLevel(NamedTuple):
    """A level that was held from `began_ns` until the load fell at `fell_ns` (ns since the session's origin).

    `first_answers` are the moments at which the streams of a closed loop had their first answer in it.
    """

    step: int
    load: OfferedLoad
    began_ns: int
    fell_ns: int
    first_answers: Sequence[int]
    notes: tuple[str, ...]


class LoadHolder:
    """Holds levels one after another; `talk` keeps what came of the requests."""

    def __init__(self, spec: Load, bench: Bench, talk: Conversations) -> None:
        self._spec = spec
        self._bench = bench
        self._talk = talk
        self._steps = 0

    async def hold(self, levels: Sequence[OfferedLoad]) -> list[HeldLevel]:
        """Hold `levels`, all closed or all open, without a pause between them; wait until every answer is there."""
        loop = ClosedLoop if levels[0].concurrency is not None else OpenLoop
        steps = range(self._steps + 1, self._steps + len(levels) + 1)
        self._steps += len(levels)
        return await loop(self._talk, self._spec, self._bench, levels, steps).run()


class _Loop:
    """What both loops know of the level that is held."""

    def __init__(
        self, talk: Conversations, spec: Load, bench: Bench, levels: Sequence[OfferedLoad], steps: Sequence[int]
    ) -> None:
        self._talk = talk
        self._spec = spec
        self._bench = bench
        self._waiting = list(zip(steps, levels, strict=True))
        self._held: list[HeldLevel] = []
        self._step = 0
        self._load = OfferedLoad()
        self._budget: int | None = None
        self._began_ns = 0
        self._paused_before_ns = 0
        self._first_answers: list[int] = []
        self._notes: list[str] = []

    def _begin(self) -> None:
        """Go on to the next level."""
        self._step, self._load = self._waiting.pop(0)
        self._budget = requests_of(self._spec, self._load) or None
        self._began_ns = self._bench.now()
        self._paused_before_ns = self._bench.paused_ns()
        self._first_answers = []
        self._notes = []

    def _end(self, fell_ns: int) -> None:
        """Keep what is known of the level that ends."""
        if self._paused_ns:
            self._notes.append(f"the queue was paused for {self._paused_ns / 1e9:.1f} s, which the rates count as time")
        self._held.append(
            # The list of first answers still grows: streams of this level may be waiting for theirs.
            HeldLevel(self._step, self._load, self._began_ns, fell_ns, self._first_answers, tuple(self._notes))
        )

    @property
    def _paused_ns(self) -> int:
        return self._bench.paused_ns() - self._paused_before_ns


class ClosedLoop(_Loop):
    """So many streams, each of which begins its next conversation when the one before is over."""

    def __init__(
        self, talk: Conversations, spec: Load, bench: Bench, levels: Sequence[OfferedLoad], steps: Sequence[int]
    ) -> None:
        super().__init__(talk, spec, bench, levels, steps)
        self._streams = 0
        self._alive: set[int] = set()
        self._over = False
        self._level_over = asyncio.Event()
        self._group = asyncio.TaskGroup()

    async def run(self) -> list[HeldLevel]:
        """Hold all levels."""
        async with self._group:
            self._begin_level()
            while not self._over:
                await self._level_time()
        return self._held

    def _begin_level(self) -> None:
        self._begin()
        self._level_over = asyncio.Event()
        self._streams = self._load.concurrency or 1
        # A stream of an earlier level may still wait for an answer, and then goes on in this one.
        for index in set(range(self._streams)) - self._alive:
            self._alive.add(index)
            self._group.create_task(self._stream(index))

    def _next_level(self) -> None:
        """End the level, since it had its requests or its time, and go on to the next one if there is any."""
        self._end(self._bench.now())
        self._level_over.set()
        if self._waiting and not self._talk.hopeless:
            self._begin_level()
        else:
            self._over = True

    async def _level_time(self) -> None:
        """Wait until the level is over, by its requests or by its time."""
        over = self._level_over
        try:
            async with asyncio.timeout(self._spec.duration_s):
                await over.wait()
        except TimeoutError:
            # Its last request may have ended it in the very moment in which its time was over.
            if not over.is_set():
                self._next_level()

    def _may_go_on(self, index: int) -> bool:
        """Claim one more request for a stream; False when the stream is to end."""
        while not self._over and index < self._streams:
            if self._talk.hopeless or self._budget == 0:
                self._next_level()
                continue
            if self._budget is not None:
                self._budget -= 1
            return True
        return False

    async def _stream(self, index: int) -> None:
        last_step = 0
        while self._may_go_on(index):
            step, answers = self._step, self._first_answers
            answered_ns = await self._talk.converse(step, None, lambda: self._may_go_on(index))
            if step != last_step:
                last_step = step
                answers.append(answered_ns)
        self._alive.discard(index)


class OpenLoop(_Loop):
    """So many requests a second, whatever becomes of those before."""

    async def run(self) -> list[HeldLevel]:
        """Hold all levels."""
        async with asyncio.TaskGroup() as group:
            while self._waiting and not self._talk.hopeless:
                self._begin()
                await self._send_level(group)
        return self._held

    async def _send_level(self, group: asyncio.TaskGroup) -> None:
        under_way: set[asyncio.Task[int]] = set()
        deadline = None if self._spec.duration_s is None else self._began_ns + round(self._spec.duration_s * 1e9)
        seed = (self._spec.seed or 0) + self._step
        for due in due_times(self._began_ns, self._load.rate or 1.0, self._spec.arrivals, seed):
            if self._budget == 0 or (deadline is not None and due >= deadline):
                break
            await self._wait_until(due)
            if self._talk.hopeless:
                break
            if len(under_way) >= MOST_AT_ONCE:
                self._notes.append(f"ended early: {MOST_AT_ONCE} requests were waiting, the server falls behind")
                break
            if self._budget is not None:
                self._budget -= 1
            due_ns = due + self._paused_ns
            task = group.create_task(self._talk.converse(self._step, due_ns, lambda: not self._talk.hopeless))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        if deadline is not None and self._budget != 0 and not self._notes:
            await self._wait_until(deadline)
        self._end(self._bench.now())

    async def _wait_until(self, moment_ns: int) -> None:
        """Wait until `moment_ns`, and longer by as much as the user has paused the queue; not when all is hopeless."""
        await self._bench.passage()
        while not self._talk.hopeless and (left := moment_ns + self._paused_ns - self._bench.now()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left / 1e9):
                    await self._talk.despair.wait()
            await self._bench.passage()
