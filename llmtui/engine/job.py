"""One job from its start to its outcome: load the model, warm it up, run the workload."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from llmtui.backends.base import Backend, BackendError
from llmtui.engine.bench import JobBench
from llmtui.engine.recorder import Recorder
from llmtui.events import ModelLoaded
from llmtui.suites.plan import JobPlan
from llmtui.suites.schema import AnyWorkload, Generating, Suite
from llmtui.workloads.base import Outcome
from llmtui.workloads.registry import workload_for

WARMUP_TOKENS = 16
WARMUP_PROMPT = "Tell a short story about a lighthouse."
"""What warms a model up whose workload makes its prompts only when it runs."""


class Residence:
    """Which model of a target was loaded and warmed up last, so that neither is done twice in a row."""

    def __init__(self) -> None:
        self.loaded: str | None = None
        self.warm: str | None = None

    def forget(self) -> None:
        """The server was started anew."""
        self.loaded = self.warm = None


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
    limit_s = suite.limits.job_s
    try:
        async with _at_most(limit_s, bench):
            return await _run(plan, suite, backend, bench, residence, recorder, clock)
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
            await _load(plan, suite.limits.load_s, backend, bench, residence, recorder, clock)
            problem = await _warm_up(plan, suite, bench, residence)
            if problem is not None:
                return Outcome(status="failed", reason=problem)
        try:
            return await workload_for(plan.workload).run(plan.workload, bench)
        finally:
            if bench.reloaded is not None:
                residence.forget()
    except BackendError as error:
        return Outcome(status="failed", reason=error.sentence)


async def _load(  # noqa: PLR0917 - the parts of a job, each of a type of its own
    plan: JobPlan,
    limit_s: float,
    backend: Backend,
    bench: JobBench,
    residence: Residence,
    recorder: Recorder,
    clock: Callable[[], int],
) -> None:
    if residence.loaded == plan.model:
        return
    bench.progress("loading", 0, plan.requests)
    options = plan.workload.options if isinstance(plan.workload, Generating) else {}
    start = clock()
    try:
        async with asyncio.timeout(limit_s):
            stated = await backend.load(plan.model, options)
    except TimeoutError:
        sentence = f"{plan.model} was not loaded within {limit_s:g} s; raise `limits.load_s` in the suite"
        raise BackendError("loading", sentence) from None
    waited = clock() - start
    recorder.record(
        ModelLoaded(
            t=recorder.now(),
            target=plan.target,
            model=plan.model,
            load_ns=waited if stated is None else stated,
            source="client" if stated is None else "server",
        )
    )
    residence.loaded, residence.warm = plan.model, None


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
