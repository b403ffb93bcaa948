"""The models that a job compares: each has a bench of its own, and comes into memory and goes when it is told to."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from typing import Any, Literal

from llmtui.backends.base import BackendError
from llmtui.engine.bench import JobBench
from llmtui.engine.recorder import Recorder
from llmtui.engine.targets import ReadyTarget
from llmtui.engine.unloading import LineupTargets, Unloader
from llmtui.engine.warmup import warm_up
from llmtui.events import ModelFinished, ModelLoaded, RequestStatus
from llmtui.suites.kinds.base import Generating
from llmtui.suites.kinds.comparing import CompareModels
from llmtui.suites.lineup import PlannedModel
from llmtui.suites.plan import JobPlan
from llmtui.suites.schema import Suite
from llmtui.suites.server_options import options_at_load
from llmtui.workloads.base import Generation, Messages


class Lineup:
    """The models of one job. Implements `llmtui.workloads.lineup.Lineup`.

    `watch` is told which server's processes to look at: of the one that is measured, of none while there are several.
    """

    def __init__(
        self,
        bench: JobBench,
        plan: JobPlan,
        suite: Suite,
        *,
        job: str,
        session: str,
        targets: LineupTargets,
        recorder: Recorder,
        watch: Callable[[str, str, int | None], None] = lambda _target, _url, _pid: None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.bench = bench
        self.suite = suite
        self.job = job
        self.targets = targets
        self.recorder = recorder
        self._watch = watch
        self.clock = clock
        self.unloader = Unloader(job, bench, targets, recorder, clock)
        self.alone = isinstance(plan.workload, CompareModels) and plan.workload.mode == "serial"
        self._several = len({planned.place.target for planned in plan.models}) > 1
        self._mark = f"{session}/{plan.name}/{plan.iteration}/{plan.variant}"
        names = [planned.place.model for planned in plan.models]
        self.models = tuple(ComparedModel(each, self, alone=names.count(each.place.model) == 1) for each in plan.models)

    async def clear(self) -> None:
        """Unload whatever the targets hold. That a model of this job can't be unloaded is said when it has answered."""
        own = {(model.target, model.model) for model in self.models}
        for target in self.targets.connected():
            if await self.targets.release(target.name):
                continue
            for model in await self.unloader.held(target) or ():
                await self.unloader.unload(target, model, quiet=(target.name, model) in own)

    async def check_together(self) -> None:
        """Warn where a server has let go of a model to make room for the next one."""
        for target in self.targets.connected():
            own = [model.model for model in self.models if model.target == target.name and model.is_loaded]
            held = await self.unloader.held(target) if len(own) > 1 else None
            gone = [] if held is None else [model for model in own if model not in held]
            if gone:
                text = f"{target.url} does not hold {len(own)} models at once: {', '.join(gone)} had to go again"
                self.bench.warn("not-together", f"{text}, and the loading is in the figures")

    def watch(self, target: ReadyTarget) -> None:
        """Watch the processes of a server, if it is the only one of this job."""
        if self._several:
            self._watch("", "", None)
        else:
            self._watch(target.name, target.url, target.pid)

    def same_line(self, number: int) -> str:
        """Return a line that this run alone has, the same for all of its models."""
        return f"[{hashlib.sha256(f'{self._mark}/{number}'.encode()).hexdigest()[:8]}]\n"


class ComparedModel:
    """One of the models of a job. Implements `llmtui.workloads.lineup.ModelBench`; `alone`: no other has its name."""

    def __init__(self, planned: PlannedModel, lineup: Lineup, *, alone: bool) -> None:
        self.target = planned.place.target
        self.model = planned.place.model
        self.name = self.model if alone else f"{self.model} at {self.target}"
        self.is_loaded = False
        self._problem = planned.problem
        self._lineup = lineup
        self._bench = lineup.bench
        self._ready: ReadyTarget | None = None
        self._was_there = False
        self._start_ns: int | None = None
        self._asked_ns: int | None = None

    async def load(self, spec: Generating) -> str | None:
        """Make the model ready and warm it up; return the sentence of what kept it from that."""
        lineup = self._lineup
        if self._problem is not None:
            return self._problem
        self._start_ns = lineup.recorder.now()
        start = lineup.clock()
        target = await lineup.targets.ready(self.target, beside=not lineup.alone)
        if isinstance(target, str):
            return target
        self._ready = target
        self._bench = lineup.bench.beside(target.backend, self.target, self.model)
        lineup.watch(target)
        limit_s = lineup.suite.limits.load_s
        try:
            async with asyncio.timeout(limit_s):
                await self._load(target, spec.options, start)
        except TimeoutError:
            return f"{self.model} was not loaded within {limit_s:g} s; raise `limits.load_s` in the suite"
        except BackendError as error:
            return error.sentence
        self.is_loaded = True
        return await warm_up(self._bench, spec, self._lineup.suite.warmup, planned=0, note=self.name)

    async def _load(self, target: ReadyTarget, given: dict[str, Any], start: int) -> None:
        """Load the model and log it. What was in memory already has no load time; a server of ours starts with its."""
        residence, backend = target.residence, target.backend
        held = await self._lineup.unloader.held(target) if target.pid is None else None
        self._was_there = held is not None and self.model in held
        options = options_at_load(backend.kind, given)
        if target.pid is None:
            start = self._lineup.clock()
        stated = await backend.load(self.model, given if backend.kind == "ollama" else options)
        waited = self._lineup.clock() - start
        source: Literal["server", "client"] | None = "client" if stated is None else "server"
        known = stated is not None or not self._was_there
        self._lineup.recorder.record(
            ModelLoaded(
                t=self._lineup.recorder.now(),
                target=self.target,
                model=self.model,
                load_ns=(waited if stated is None else stated) if known else None,
                source=source if known else None,
            )
        )
        residence.loaded, residence.warm, residence.start_ns = self.model, None, None
        if not self._was_there:
            residence.options[self.model] = options

    async def generate(self, messages: Messages, **options: Any) -> Generation:
        """Send one request to this model and measure it."""
        if self._asked_ns is None:
            self._asked_ns = self._lineup.recorder.now()
        return await self._bench.generate(messages, **options)

    def ended(self, status: RequestStatus, problem: str | None = None) -> None:
        """Log that the model has done its part, or what kept it from that."""
        now = self._lineup.recorder.now()
        self._lineup.recorder.record(
            ModelFinished(
                t=now,
                job=self._lineup.job,
                target=self.target,
                model=self.model,
                status=status,
                start=now if self._start_ns is None else self._start_ns,
                asked=self._asked_ns,
                problem=problem,
            )
        )

    async def unload(self) -> None:
        """Let go of the model. Beside others one that was in memory before stays: nobody asked for its memory."""
        target = self._ready
        if target is None or not (self.is_loaded or await self._is_held(target)):
            return
        if self._was_there and not self._lineup.alone and self.model not in target.residence.options:
            self._lineup.unloader.leave(target, self.model)
        else:
            await self._lineup.unloader.unload(target, self.model)

    async def _is_held(self, target: ReadyTarget) -> bool:
        """Whether a model is in memory although its load failed."""
        return target.pid is not None or self.model in (await self._lineup.unloader.held(target) or ())
