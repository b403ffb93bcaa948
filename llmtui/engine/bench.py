"""The bench: sends one request, stamps and logs all of it, and turns every trouble into a sentence."""

import asyncio
import hashlib
from contextlib import aclosing
from itertools import count
from typing import Any

from msgspec.structs import replace

from llmtui.backends.base import Backend, BackendError, Chunk, End, GenerationRequest, Sent
from llmtui.engine.batching import TokenBatcher
from llmtui.engine.recorder import Recorder
from llmtui.events import Figures, JobProgressed, Phase, RequestFinished, RequestSent, RequestStarted, RequestStatus
from llmtui.metrics.latency import Arrival, measure
from llmtui.suites.schema import Limits
from llmtui.workloads.base import Generation, Messages


class Gate:
    """Open while the queue runs; a request waits in front of a closed one."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    @property
    def closed(self) -> bool:
        """Whether the queue is paused."""
        return not self._open.is_set()

    def close(self) -> None:
        """Let no further request start."""
        self._open.clear()

    def open(self) -> None:
        """Let requests start again."""
        self._open.set()

    async def passage(self) -> None:
        """Return as soon as the gate is open."""
        await self._open.wait()


class JobBench:
    """The bench of one job. Implements `llmtui.workloads.base.Bench`. A job that only watches may have no backend."""

    def __init__(
        self,
        recorder: Recorder,
        *,
        backend: Backend | None,
        job: str,
        model: str,
        limits: Limits,
        gate: Gate,
        session: str,
    ) -> None:
        self._recorder = recorder
        self._backend = backend
        self._job = job
        self._model = model
        self._limits = limits
        self._gate = gate
        self._session = session
        self._numbers = count(1)

    async def generate(
        self,
        messages: Messages,
        *,
        max_tokens: int,
        temperature: float | None = None,
        seed: int | None = None,
        stop: tuple[str, ...] = (),
        options: dict[str, Any] | None = None,
        unique: bool = False,
        warmup: bool = False,
    ) -> Generation:
        """Send one request and measure it; see `llmtui.workloads.base.Bench`. A warm-up is logged and left out."""
        backend = self._backend
        if backend is None:
            raise BackendError("unreachable", "this job has no server to send requests to")
        await self._gate.passage()
        name = f"{self._job}.{next(self._numbers)}"
        if unique:
            messages = self._made_unique(messages, name)
        request = GenerationRequest(
            model=self._model,
            messages=messages,
            max_tokens=max_tokens,
            temperature=temperature,
            seed=seed,
            stop=stop,
            options=options or {},
            stall_s=self._limits.stall_s,
            limit_s=self._limits.request_s,
        )
        self._recorder.record(
            RequestStarted(
                t=self._recorder.now(),
                request=name,
                job=self._job,
                model=self._model,
                messages=messages,
                options=_logged_options(request),
                warmup=warmup,
            )
        )
        measurement = _Measurement(self._recorder, name)
        try:
            await measurement.run(backend, request)
        except asyncio.CancelledError:
            measurement.problem, measurement.problem_kind = "skipped or stopped by the user", "cancelled"
            self._finish(measurement, "cancelled", warmup=warmup)
            raise
        if measurement.problem is None and measurement.uncounted:
            measurement.tokenizer_count = await self._count(backend, measurement.text + measurement.reasoning)
        return self._finish(measurement, "failed" if measurement.problem else "done", warmup=warmup)

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds`, and then for the gate."""
        await asyncio.sleep(seconds)
        await self._gate.passage()

    def progress(self, phase: Phase, done: int, total: int, note: str | None = None) -> None:
        """Log how far the job is."""
        self._recorder.record(
            JobProgressed(t=self._recorder.now(), job=self._job, phase=phase, done=done, total=total, note=note)
        )

    async def _count(self, backend: Backend, text: str) -> int | None:
        try:
            return await backend.count_tokens(self._model, text)
        except BackendError:
            return None

    def _made_unique(self, messages: Messages, request: str) -> Messages:
        """Begin the first message with a line that no other request has: caches match from the first token on."""
        mark = hashlib.sha256(f"{self._session}/{request}".encode()).hexdigest()[:8]
        (role, text), *rest = messages
        return ((role, f"[{mark}]\n{text}"), *rest)

    def _finish(self, measurement: "_Measurement", status: RequestStatus, *, warmup: bool) -> Generation:
        end = measurement.end
        generation = Generation(
            status=status,
            text=measurement.text,
            reasoning=measurement.reasoning,
            figures=measurement.figures(),
            usage=end.usage if end else None,
            timings=end.timings if end else None,
            finish_reason=end.finish_reason if end else None,
            problem=measurement.problem,
            problem_kind=measurement.problem_kind,
        )
        self._recorder.record(
            RequestFinished(
                t=self._recorder.now(),
                request=measurement.request,
                job=self._job,
                status=status,
                warmup=warmup,
                finish_reason=generation.finish_reason,
                usage=generation.usage,
                timings=generation.timings,
                figures=generation.figures,
                problem=generation.problem,
                problem_kind=generation.problem_kind,
            )
        )
        return generation


class _Measurement:
    """What is known of one request while it runs and after."""

    def __init__(self, recorder: Recorder, request: str) -> None:
        self._recorder = recorder
        self.request = request
        self.sent: Sent | None = None
        self.end: End | None = None
        self.problem: str | None = None
        self.problem_kind: str | None = None
        self.tokenizer_count: int | None = None
        self._chunks: list[Chunk] = []

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(chunk.text for chunk in self._chunks if not chunk.reasoning)

    @property
    def reasoning(self) -> str:
        """The reasoning so far."""
        return "".join(chunk.text for chunk in self._chunks if chunk.reasoning)

    @property
    def uncounted(self) -> bool:
        """Whether text came and the server gave no count for it."""
        usage = self.end.usage if self.end else None
        return bool(self._chunks) and self._chunks[-1].tokens is None and not (usage and usage.completion_tokens)

    async def run(self, backend: Backend, request: GenerationRequest) -> None:
        """Stream the request; a `BackendError` ends up in `problem`."""
        batcher: TokenBatcher | None = None
        try:
            async with aclosing(backend.stream(request)) as items:  # type: ignore[type-var]
                async for item in items:
                    if isinstance(item, Chunk):
                        self._chunks.append(item)
                        if batcher is not None:
                            batcher.add(item)
                    elif isinstance(item, Sent):
                        self.sent = item
                        batcher = TokenBatcher(self._recorder, self.request, item.at_ns)
                        t = self._recorder.since_origin(item.at_ns)
                        self._recorder.record(RequestSent(t=t, request=self.request, connect_ns=item.connect_ns))
                    else:
                        self.end = item
        except BackendError as error:
            self.problem, self.problem_kind = error.sentence, error.kind
        finally:
            if batcher is not None:
                batcher.flush()

    def figures(self) -> Figures:
        """Return the figures of what came."""
        end = self.end
        figures = measure(
            self.sent.at_ns if self.sent else 0,
            [Arrival(chunk.at_ns, len(chunk.text), chunk.reasoning, chunk.tokens) for chunk in self._chunks],
            connect_ns=self.sent.connect_ns if self.sent else None,
            usage=end.usage if end else None,
            timings=end.timings if end else None,
            tokenizer_count=self.tokenizer_count,
            finish_reason=end.finish_reason if end else None,
        )
        # What the backend has to say of its figures stands beside them.
        return replace(figures, notes=(*figures.notes, *end.notes)) if end and end.notes else figures


def _logged_options(request: GenerationRequest) -> dict[str, Any]:
    """Return the sampling parameters of a request as they stand in the log."""
    options: dict[str, Any] = {"max_tokens": request.max_tokens, **request.options}
    if request.temperature is not None:
        options["temperature"] = request.temperature
    if request.seed is not None:
        options["seed"] = request.seed
    if request.stop:
        options["stop"] = list(request.stop)
    return options
