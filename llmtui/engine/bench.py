"""The bench: sends one request, stamps and logs all of it, and turns every trouble into a sentence."""

import asyncio
import hashlib
from collections.abc import Callable
from copy import copy
from itertools import count
from typing import Any, Literal

from llmtui.backends.base import Backend, BackendError, GenerationRequest
from llmtui.engine.findings import JobFindings
from llmtui.engine.gate import Gate
from llmtui.engine.measurement import Measurement, logged_options
from llmtui.engine.recorder import Recorder
from llmtui.events import (
    Model,
    ModelLoaded,
    RequestFinished,
    RequestStarted,
    RequestStatus,
)
from llmtui.metrics.statistics import median
from llmtui.suites.schema import Limits
from llmtui.telemetry.sensors import Sensors
from llmtui.workloads.base import Generation, Messages, ModelLoad, ResultT
from llmtui.workloads.lineup import Lineup

LOST = frozenset({"unreachable", "disconnected"})
"""Problems after which nobody knows whether the server is still there."""


class JobBench(JobFindings):
    """The bench of one job. Implements `llmtui.workloads.base.Bench`. A job that only watches may have no backend.

    Attributes:
        spans: When each measured request was sent and ended (ns since the session's origin).
        lineup: The models that the job compares, None where it has one.
        reloaded: The options of its own with which the workload loaded the model last, None where it did not.
        lost: Whether the server was gone, or went away, when it was asked for something last.
    """

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
        target: str = "",
        sensors: Sensors | None = None,
        blind: str | None = None,
        requests_before: int = 0,
    ) -> None:
        super().__init__(recorder, job)
        self._backend = backend
        self._model = model
        self._limits = limits
        self._gate = gate
        self._session = session
        self._target = target
        self.reloaded: dict[str, Any] | None = None
        self.lost = False
        self.lineup: Lineup | None = None
        self.sensors = sensors or Sensors()
        self.blind = blind
        self.cut_short: list[Generation] = []
        self.spans: list[tuple[int, int]] = []
        self._decode_rates: list[float] = []
        self._numbers = count(requests_before + 1)
        self._marks = count(1)
        self._beside = ""

    def beside(self, backend: Backend, target: str, model: str) -> "JobBench":
        """Return a bench for another model of the same job; requests, figures and marks are counted together."""
        other = copy(self)
        vars(other).update(_backend=backend, _target=target, _model=model, _beside=target)
        return other

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
        due_ns: int | None = None,
        step: int = 0,
        task: str = "",
        category: str = "",
        warmup: bool = False,
    ) -> Generation:
        """Send one request and measure it; see `llmtui.workloads.base.Bench`. A warm-up is logged and left out."""
        backend = self._backend
        if backend is None:
            raise BackendError("unreachable", "this job has no server to send requests to")
        await self._gate.passage()
        name = f"{self._job}.{next(self._numbers)}"
        if unique:
            (role, text), *rest = messages
            messages = ((role, f"{self.unique_line()}{text}"), *rest)
        due_ns = self.now() if due_ns is None else due_ns
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
                t=due_ns,
                request=name,
                job=self._job,
                model=self._model,
                messages=messages,
                target=self._beside,
                options=logged_options(request),
                warmup=warmup,
                step=step,
                task=task,
                category=category,
            )
        )
        measurement = Measurement(self._recorder, name, due_ns)
        try:
            await measurement.run(backend, request)
        except asyncio.CancelledError:
            measurement.problem, measurement.problem_kind = "the job was skipped, stopped, or out of time", "cancelled"
            self.cut_short.append(self._finish(measurement, "cancelled", warmup=warmup))
            raise
        if measurement.problem is None and measurement.uncounted:
            measurement.tokenizer_count = await self.count_tokens(measurement.text + measurement.reasoning)
        return self._finish(measurement, "failed" if measurement.problem else "done", warmup=warmup)

    @property
    def rate(self) -> float | None:
        """The one rate of the job, in tokens/s: of a load that of all streams in its last step, else the decode rate.

        The decode rate is the median over the measured requests.
        """
        return median(self._decode_rates) if self.token_rate is None else self.token_rate

    def now(self) -> int:
        """Return nanoseconds since the session's origin."""
        return self._recorder.now()

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds`, and then for the gate."""
        await asyncio.sleep(seconds)
        await self._gate.passage()

    async def passage(self) -> None:
        """Wait for the gate."""
        await self._gate.passage()

    async def apart(self, work: Callable[[], ResultT]) -> ResultT:
        """Do `work` in a thread."""
        return await asyncio.to_thread(work)

    def paused_ns(self) -> int:
        """Return for how long the gate was closed so far."""
        return self._gate.closed_ns()

    async def count_tokens(self, text: str) -> int | None:
        """Count `text` by the server's own tokenizer; None where it has none, or does not answer."""
        try:
            return await self._backend.count_tokens(self._model, text) if self._backend is not None else None
        except BackendError:
            return None

    @property
    def server_kind(self) -> str:
        """The kind of the server; "" for a job without one."""
        return self._backend.kind if self._backend is not None else ""

    async def describe_model(self) -> Model | None:
        """Ask the server what it says of the job's model now; None where it does not answer."""
        try:
            server = await self._backend.describe() if self._backend is not None else None
        except BackendError:
            return None
        return next((model for model in server.models if model.id == self._model), None) if server else None

    async def load_model(self, options: dict[str, Any]) -> ModelLoad:
        """Unload the job's model and load it with `options`, and log how long the loading took."""
        backend, limit_s = self._backend, self._limits.load_s
        if backend is None:
            return ModelLoad(problem="this job has no server", problem_kind="unreachable")
        self.reloaded = options
        try:
            async with asyncio.timeout(limit_s):
                await _let_go(backend, self._model)
                start = self.now()
                stated = await backend.load(self._model, options)
        except TimeoutError:
            sentence = f"{self._model} was not loaded within {limit_s:g} s; raise `limits.load_s` in the suite"
            return ModelLoad(problem=sentence, problem_kind="timeout")
        except BackendError as error:
            self.lost = error.kind in LOST
            return ModelLoad(problem=error.sentence, problem_kind=error.kind)
        source: Literal["server", "client"] = "client" if stated is None else "server"
        load_ns = self.now() - start if stated is None else stated
        self._recorder.record(
            ModelLoaded(t=self.now(), target=self._target, model=self._model, load_ns=load_ns, source=source)
        )
        return ModelLoad(load_ns=load_ns, source=source)

    def unique_line(self) -> str:
        """Return a line that no other request of any session has; caches match from the first token on."""
        mark = f"{self._session}/{self._job}/{next(self._marks)}"
        return f"[{hashlib.sha256(mark.encode()).hexdigest()[:8]}]\n"

    def _finish(self, measurement: Measurement, status: RequestStatus, *, warmup: bool) -> Generation:
        generation = measurement.generation(status)
        self.lost = generation.problem_kind in LOST
        if not warmup and generation.sent_ns is not None:
            self.spans.append((generation.sent_ns, generation.ended_ns))
        if not warmup and status == "done" and generation.figures.decode_rate is not None:
            self._decode_rates.append(generation.figures.decode_rate)
        self._recorder.record(
            RequestFinished(
                t=generation.ended_ns,
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


async def _let_go(backend: Backend, model: str) -> None:
    """Unload a model where the server can; one that can't has to make room for the next load itself."""
    try:
        await backend.unload(model)
    except BackendError as error:
        if error.kind != "not_supported":
            raise
