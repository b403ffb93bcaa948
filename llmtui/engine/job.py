"""One job from its start to its outcome: load the model, warm it up, run the workload."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from llmtui.backends.base import Backend, BackendError
from llmtui.engine.bench import JobBench
from llmtui.engine.recorder import Recorder
from llmtui.events import ModelLoaded
from llmtui.suites.grid import varies_load
from llmtui.suites.plan import JobPlan
from llmtui.suites.schema import AnyWorkload, Generating, Report, Suite
from llmtui.suites.server_options import options_at_load, options_without_effect
from llmtui.workloads.base import Outcome
from llmtui.workloads.registry import workload_for

NO_EFFECT = "option-without-effect"
"""The code of the alert that names an option which the server passes over."""

STAYS = "stays-loaded"
"""The code of the alert that says that a model was not loaded anew, though the workload wants it."""

WARMUP_TOKENS = 16
WARMUP_PROMPT = "Tell a short story about a lighthouse."
"""What warms a model up whose workload makes its prompts only when it runs."""


class Residence:
    """Which model of a target was loaded and warmed up last, so that neither is done twice in a row.

    Attributes:
        loaded: The model that was loaded last, None before the first one.
        options: By the model, the options with which it was loaded last.
        warm: The model that was warmed up since it was loaded.
        start_ns: How long a server of ours took to start with its model; None once that was told as its load time.
        told: What was said of this server, so that it is said once.
    """

    def __init__(self) -> None:
        self.loaded: str | None = None
        self.options: dict[str, dict[str, Any]] = {}
        self.warm: str | None = None
        self.start_ns: int | None = None
        self.told: set[str] = set()

    def reloaded(self, model: str, options: dict[str, Any]) -> None:
        """A workload loaded `model` with `options` of its own; the next job may want it as it was."""
        self.loaded = self.warm = None
        self.options[model] = options

    def left(self, model: str) -> None:
        """The server let go of `model`."""
        self.options.pop(model, None)
        if self.loaded == model:
            self.loaded = self.warm = None

    def started(self, start_ns: int) -> None:
        """The server was started anew, which took `start_ns`."""
        self.loaded = self.warm = None
        self.options = {}
        self.start_ns = start_ns


async def run_job(
    plan: JobPlan,
    suite: Suite,
    *,
    backend: Backend,
    bench: JobBench,
    residence: Residence,
    recorder: Recorder,
    clock: Callable[[], int] = time.monotonic_ns,
) -> Outcome:
    """Run the job and return how it ended. Never raises, but for a cancellation."""
    work = _run(plan, suite, backend, bench, residence, recorder, clock)
    return await within_limit(work, suite.limits.job_s, bench)


async def within_limit(work: Coroutine[Any, Any, Outcome], limit_s: float | None, bench: JobBench) -> Outcome:
    """Do the work of a job; one that takes longer than `limit_s` seconds, a pause not counted, has failed."""
    try:
        async with _at_most(limit_s, bench):
            return await work
    except TimeoutError:
        reason = f"the job took longer than {limit_s:g} s (`limits.job_s`); what it measured until then is kept"
        return Outcome(status="failed", reason=reason)


@asynccontextmanager
async def _at_most(limit_s: float | None, bench: JobBench) -> AsyncIterator[None]:
    """Raise `TimeoutError` after `limit_s` seconds, those of a pause by the user not counted."""
    loop = asyncio.get_running_loop()
    start, paused_ns = loop.time(), bench.paused_ns()

    async def watch(limit_s: float, within: asyncio.Timeout) -> None:
        while True:
            left = start + limit_s + (bench.paused_ns() - paused_ns) / 1e9 - loop.time()
            if left <= 0:
                within.reschedule(loop.time())
                return
            await asyncio.sleep(left)

    async with asyncio.timeout(None) as within:
        watching = None if limit_s is None else asyncio.create_task(watch(limit_s, within))
        try:
            yield
        finally:
            if watching is not None:
                watching.cancel()


async def _run(  # noqa: PLR0917 - the parts of a job, each of a type of its own
    plan: JobPlan,
    suite: Suite,
    backend: Backend,
    bench: JobBench,
    residence: Residence,
    recorder: Recorder,
    clock: Callable[[], int],
) -> Outcome:
    try:
        if isinstance(plan.workload, Generating):
            _tell_of_options(plan.workload, backend, bench, residence)
            await _load(plan, suite, backend, bench, residence, recorder, clock)
            problem = await _warm_up(plan, suite, bench, residence)
            if problem is not None:
                return Outcome(status="failed", reason=problem)
        try:
            return await workload_for(plan.workload).run(plan.workload, bench)
        finally:
            if bench.reloaded is not None:
                residence.reloaded(plan.model, options_at_load(backend.kind, bench.reloaded))
    except BackendError as error:
        return Outcome(status="failed", reason=error.sentence)


def _tell_of_options(workload: Generating, backend: Backend, bench: JobBench, residence: Residence) -> None:
    """Warn of options that this server would pass over without a word, of each once."""
    for sentence in options_without_effect(backend.kind, workload.options):
        _tell_once(NO_EFFECT, sentence, bench, residence)


def _tell_once(code: str, sentence: str, bench: JobBench, residence: Residence) -> None:
    if sentence not in residence.told:
        residence.told.add(sentence)
        bench.warn(code, sentence)


async def _load(  # noqa: PLR0917 - the parts of a job, each of a type of its own
    plan: JobPlan,
    suite: Suite,
    backend: Backend,
    bench: JobBench,
    residence: Residence,
    recorder: Recorder,
    clock: Callable[[], int],
) -> None:
    """Load the model, unless it is there already with the options of this job that count at load."""
    given = plan.workload.options if isinstance(plan.workload, Generating) else {}
    options = options_at_load(backend.kind, given)
    resident = residence.loaded == plan.model and residence.options.get(plan.model) == options
    anew = resident and isinstance(plan.workload, Report) and plan.workload.reload
    if resident and not anew:
        return
    bench.progress("loading", 0, plan.requests)
    limit_s = suite.limits.load_s
    try:
        async with asyncio.timeout(limit_s):
            if anew:
                if not await _can_unload(plan, backend, bench, residence):
                    return
                residence.left(plan.model)
            elif _is_loaded_otherwise(residence.options.get(plan.model), options, suite, backend):
                await backend.unload(plan.model)
                residence.left(plan.model)
            held = residence.start_ns is None and await _holds(backend, plan.model)
            start = clock()
            stated = await backend.load(plan.model, given if backend.kind == "ollama" else options)
    except TimeoutError:
        sentence = f"{plan.model} was not loaded within {limit_s:g} s; raise `limits.load_s` in the suite"
        raise BackendError("loading", sentence) from None
    waited = clock() - start + (residence.start_ns or 0)
    recorder.record(
        ModelLoaded(
            t=recorder.now(),
            target=plan.target,
            model=plan.model,
            load_ns=stated if stated is not None else None if held else waited,
            source="server" if stated is not None else None if held else "client",
        )
    )
    residence.loaded, residence.warm, residence.start_ns = plan.model, None, None
    residence.options[plan.model] = options


async def _holds(backend: Backend, model: str) -> bool:
    """Whether the server says that the model is in its memory; then a wait for it is no time of loading."""
    try:
        return model in (await backend.loaded() or ())
    except BackendError:
        return False


async def _can_unload(plan: JobPlan, backend: Backend, bench: JobBench, residence: Residence) -> bool:
    """Unload the model, to load it anew; return False, and say so, where this server holds it as long as it runs."""
    try:
        await backend.unload(plan.model)
    except BackendError as error:
        if error.kind != "not_supported":
            raise
        _tell_once(STAYS, f"{plan.model} was not loaded anew: {backend.url} can't unload it", bench, residence)
        return False
    return True


def _is_loaded_otherwise(
    before: dict[str, Any] | None, options: dict[str, Any], suite: Suite, backend: Backend
) -> bool:
    """Whether the model has to go before it is loaded with `options`; `before` are those of its last load by us.

    Ollama keeps a model as it is where the new options leave a choice to it, so one that may have been loaded with
    others has to be unloaded; nobody knows how it was loaded before the first job.
    """
    return varies_load(suite, backend.kind) if before is None else before != options


async def _warm_up(plan: JobPlan, suite: Suite, bench: JobBench, residence: Residence) -> str | None:
    """Send the warm-up requests where the model is cold; return the sentence of a failure that would repeat itself."""
    workload = plan.workload
    if residence.warm == plan.model or not isinstance(workload, Generating):
        return None
    for place in range(suite.warmup):
        bench.progress("warming up", place, plan.requests)
        generation = await bench.generate(
            (("user", _warmup_prompt(workload)),),
            max_tokens=min(WARMUP_TOKENS, workload.max_tokens),
            temperature=workload.temperature,
            seed=workload.seed,
            options=dict(workload.options),
            unique=True,
            warmup=True,
        )
        if generation.status == "failed":
            return generation.problem
    residence.warm = plan.model
    return None


def _warmup_prompt(workload: AnyWorkload) -> str:
    prompts: tuple[str, ...] = getattr(workload, "prompts", ()) or (getattr(workload, "prompt", WARMUP_PROMPT),)
    return prompts[0]
