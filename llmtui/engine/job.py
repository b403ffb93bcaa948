"""One job from its start to its outcome: load the model, warm it up, run the workload."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from llmtui.backends.base import Backend, BackendError
from llmtui.engine.bench import LOST, JobBench
from llmtui.engine.recorder import Recorder
from llmtui.engine.residence import Residence
from llmtui.engine.warmup import warm_up
from llmtui.events import ModelLoaded
from llmtui.suites.grid import varies_load
from llmtui.suites.plan import JobPlan
from llmtui.suites.schema import Generating, Report, Suite
from llmtui.suites.server_options import options_at_load, options_without_effect
from llmtui.workloads.base import Outcome
from llmtui.workloads.registry import workload_for

NO_EFFECT = "option-without-effect"
"""The code of the alert that names an option which the server passes over."""

STAYS = "stays-loaded"
"""The code of the alert that says that a model was not loaded anew, though the workload wants it."""


async def unfit(plan: JobPlan, bench: JobBench) -> Outcome | None:
    """Ask the job's workload whether it can be run here at all, before a server is started or a model loaded for it.

    Returns how the job ends where it can't, None where it can.
    """
    reason = await workload_for(plan.workload).unfit(plan.workload, bench)
    return None if reason is None else Outcome(status="skipped", reason=reason)


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
    job = _Job(plan, suite, backend, bench, residence, recorder, clock)
    return await within_limit(job.run(), suite.limits.job_s, bench)


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


class _Job(msgspec.Struct, frozen=True):
    """A job with all that it is run with."""

    plan: JobPlan
    suite: Suite
    backend: Backend
    bench: JobBench
    residence: Residence
    recorder: Recorder
    clock: Callable[[], int]

    async def run(self) -> Outcome:
        plan, bench = self.plan, self.bench
        try:
            if isinstance(plan.workload, Generating):
                self._tell_of_options(plan.workload)
                await self._load()
                problem = await self._warm_up()
                if problem is not None:
                    return Outcome(status="failed", reason=problem)
            try:
                return await workload_for(plan.workload).run(plan.workload, bench)
            finally:
                if bench.reloaded is not None:
                    self.residence.reloaded(plan.model, options_at_load(self.backend.kind, bench.reloaded))
        except BackendError as error:
            bench.lost = error.kind in LOST
            return Outcome(status="failed", reason=error.sentence)

    def _tell_of_options(self, workload: Generating) -> None:
        """Warn of options that this server would pass over without a word, of each once."""
        for sentence in options_without_effect(self.backend.kind, workload.options):
            self._tell_once(NO_EFFECT, sentence)

    def _tell_once(self, code: str, sentence: str) -> None:
        if sentence not in self.residence.told:
            self.residence.told.add(sentence)
            self.bench.warn(code, sentence)

    async def _load(self) -> None:
        """Load the model, unless it is there already with the options of this job that count at load."""
        plan, backend, residence = self.plan, self.backend, self.residence
        given = plan.workload.options if isinstance(plan.workload, Generating) else {}
        options = options_at_load(backend.kind, given)
        resident = residence.loaded == plan.model and residence.options.get(plan.model) == options
        anew = resident and isinstance(plan.workload, Report) and plan.workload.reload
        if resident and not anew:
            return
        self.bench.progress("loading", 0, plan.requests)
        limit_s = self.suite.limits.load_s
        try:
            async with asyncio.timeout(limit_s):
                if anew:
                    if not await self._can_unload():
                        return
                    residence.left(plan.model)
                elif self._is_loaded_otherwise(options):
                    await backend.unload(plan.model)
                    residence.left(plan.model)
                timed = residence.start_ns is not None or await self._lacks_model()
                start = self.clock()
                stated = await backend.load(plan.model, given if backend.kind == "ollama" else options)
        except TimeoutError:
            sentence = f"{plan.model} was not loaded within {limit_s:g} s; raise `limits.load_s` in the suite"
            raise BackendError("loading", sentence) from None
        waited = self.clock() - start + (residence.start_ns or 0)
        self.recorder.record(
            ModelLoaded(
                t=self.recorder.now(),
                target=plan.target,
                model=plan.model,
                load_ns=stated if stated is not None else waited if timed else None,
                source="server" if stated is not None else "client" if timed else None,
            )
        )
        residence.loaded, residence.warm, residence.start_ns = plan.model, None, None
        residence.options[plan.model] = options

    async def _lacks_model(self) -> bool:
        """Whether the server says that the model is not in its memory; else a wait for it is no time of loading."""
        try:
            held = await self.backend.loaded()
        except BackendError:
            return False
        return held is not None and self.plan.model not in held

    async def _can_unload(self) -> bool:
        """Unload the model, to load it anew; return False, and say so, where this server holds it while it runs."""
        try:
            await self.backend.unload(self.plan.model)
        except BackendError as error:
            if error.kind != "not_supported":
                raise
            self._tell_once(STAYS, f"{self.plan.model} was not loaded anew: {self.backend.url} can't unload it")
            return False
        return True

    def _is_loaded_otherwise(self, options: dict[str, Any]) -> bool:
        """Whether the model has to go before it is loaded with `options`.

        Ollama keeps a model as it is where the new options leave a choice to it, so one that may have been loaded with
        others has to be unloaded; nobody knows how it was loaded before the first job.
        """
        before = self.residence.options.get(self.plan.model)
        return varies_load(self.suite, self.backend.kind) if before is None else before != options

    async def _warm_up(self) -> str | None:
        """Send the warm-up requests where the model is cold; return the sentence of a failure that would come again."""
        plan, residence, workload = self.plan, self.residence, self.plan.workload
        if residence.warm == plan.model or not isinstance(workload, Generating):
            return None
        problem = await warm_up(self.bench, workload, self.suite.warmup, planned=plan.requests)
        if problem is None:
            residence.warm = plan.model
        return problem
