"""A load that is held without a pause, and the rate of each interval of it."""

import asyncio
import contextlib
from collections.abc import Sequence

from llmtui.metrics.decode_intervals import Arrived, rate_within, spread_within
from llmtui.metrics.heat.decline import SlowingHint
from llmtui.metrics.heat.evidence import Sample
from llmtui.metrics.heat.stress_verdict import Record
from llmtui.suites.schema import Stress
from llmtui.workloads.asking import HOPELESS
from llmtui.workloads.base import Bench, Generation

LAST_ANSWER_S = 5.0
"""How long the last answers may still take when the time is over."""

SHORTEST_RECORD_S = 1.0
LONGEST_RECORD_S = 30.0
RECORDS = 60

FAILURES_IN_A_ROW = 5
"""A stream in which so many requests failed one after another has a server that does not recover."""

RETRY_S = 1.0
"""So long a stream waits after a failure: a server that refuses at once would be asked a thousand times a second."""


def record_s(spec: Stress) -> float:
    """Return how long an interval is."""
    if spec.record_s is not None:
        return spec.record_s
    return min(LONGEST_RECORD_S, max(SHORTEST_RECORD_S, spec.duration_s / RECORDS))


class SustainedLoad:
    """Streams of requests, each sent as soon as the one before has ended.

    `samples` grow while the load is held; each record has the spread of those that fell into it.

    Attributes:
        began_ns: When the first request was sent.
        records: The intervals so far.
        requests: How many were sent and ended.
        failures: Those of them that failed.
        given_up: The failure after which nothing more was sent, None as long as there is none.
    """

    def __init__(self, spec: Stress, bench: Bench, samples: Sequence[Sample]) -> None:
        self._spec = spec
        self._bench = bench
        self._samples = samples
        self._past = 0
        self._record_ns = round(record_s(spec) * 1e9)
        self._arrived: list[Arrived] = []
        self._tokens_per_chunk: float | None = None
        self._running: dict[int, int] = {}
        self._hint = SlowingHint()
        self.began_ns = bench.now()
        self.records: list[Record] = []
        self.requests = 0
        self.failures: list[Generation] = []
        self.given_up: Generation | None = None

    async def hold(self) -> None:
        """Send requests until the time is over; cancel it to end what is under way."""
        self.began_ns = self._bench.now()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._spec.duration_s + LAST_ANSWER_S):
                async with asyncio.TaskGroup() as group:
                    for stream in range(self._spec.streams):
                        group.create_task(self._stream(stream))

    def finish(self, ended_ns: int) -> None:
        """Record what is left, with what came of the requests that were cut short."""
        for generation in self._bench.cut_short:
            self._keep(generation)
        self._record_until(ended_ns)
        # What is left is logged, and not judged: it is no piece of equal work.
        if self._next_ns < ended_ns:
            self._record(self._next_ns, ended_ns)

    @property
    def answered(self) -> bool:
        """Whether any text came at all."""
        return self._tokens_per_chunk is not None

    async def _stream(self, stream: int) -> None:
        bench = self._bench
        end_ns = self.began_ns + round(self._spec.duration_s * 1e9)
        in_a_row = 0
        while bench.now() < end_ns and self.given_up is None:
            self._running[stream] = bench.now()
            generation = await self._generate()
            del self._running[stream]
            self._take(generation)
            in_a_row = in_a_row + 1 if generation.status == "failed" else 0
            if in_a_row and (generation.problem_kind in HOPELESS or in_a_row >= FAILURES_IN_A_ROW):
                self.given_up = generation
            elif in_a_row:
                await asyncio.sleep(RETRY_S)

    async def _generate(self) -> Generation:
        spec = self._spec
        system = () if spec.system is None else (("system", spec.system),)
        return await self._bench.generate(
            (*system, ("user", spec.prompt)),
            max_tokens=spec.max_tokens,
            temperature=spec.temperature,
            seed=spec.seed,
            stop=spec.stop,
            options=dict(spec.options),
            unique=True,
        )

    def _take(self, generation: Generation) -> None:
        self.requests += 1
        if generation.status == "failed":
            self.failures.append(generation)
        self._keep(generation)
        now = self._bench.now()
        total = round(self._spec.duration_s)
        self._bench.progress("measuring", min(round((now - self.began_ns) / 1e9), total), total, note="seconds")
        self._record_until(min(self._running.values(), default=now))

    def _keep(self, generation: Generation) -> None:
        chunks, figures = len(generation.arrivals_ns), generation.figures
        if not chunks:
            return
        # Of an answer that did not come to its end the server often gives no count; its chunks hold what others held.
        counted = generation.status == "done" or figures.tokens_basis == "server"
        if counted or self._tokens_per_chunk is None:
            self._tokens_per_chunk = (figures.tokens or chunks) / chunks
        self._arrived.append(Arrived(generation.arrivals_ns, self._tokens_per_chunk))

    def _record_until(self, moment_ns: int) -> None:
        """Record the intervals that are over and in which nothing is still to come."""
        while (start := self._next_ns) + self._record_ns <= moment_ns:
            record = self._record(start, start + self._record_ns)
            self.records.append(record)
            self._arrived = [request for request in self._arrived if request.arrivals[-1] >= record.end]
            was_slowing = self._hint.slowing
            if self._hint.add(record.decode_rate) and not was_slowing:
                self._bench.warn("slowing", f"slowing: {self._hint.sentence}")

    @property
    def _next_ns(self) -> int:
        return self.began_ns + len(self.records) * self._record_ns

    def _record(self, start: int, end: int) -> Record:
        rate = rate_within(self._arrived, start, end)
        while self._past < len(self._samples) and self._samples[self._past].t_ns < start:
            self._past += 1
        recent = [(sample.t_ns, sample.values) for sample in self._samples[self._past :]]
        figures = spread_within(recent, start, end)
        self._bench.interval_recorded(start, end, rate, figures)
        return Record(start, end, rate.decode_rate, figures)
