"""The session: finds the servers, runs the queue job by job, and gives back whatever it started."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from llmtui.backends.base import Backend
from llmtui.engine.absence import RETURN_WITHIN_S, Absence
from llmtui.engine.bench import JobBench
from llmtui.engine.cooling import Cooler
from llmtui.engine.gate import Gate
from llmtui.engine.job import run_job, unfit, within_limit
from llmtui.engine.job_samples import JobSamples
from llmtui.engine.orders import Orders
from llmtui.engine.queue import JobQueue, QueuedJob
from llmtui.engine.recorder import Recorder
from llmtui.engine.repetition import Repetition
from llmtui.engine.rest import Left
from llmtui.engine.sampling import is_local
from llmtui.engine.targets import ReadyTarget, TargetSet
from llmtui.events import MarkerPlaced, QueuePaused, QueueResumed, SessionOutcome, ViewerMeasured
from llmtui.metrics.heat.evidence import Sample
from llmtui.suites.plan import Plans, plan_jobs
from llmtui.suites.schema import Report, Suite, Watch
from llmtui.telemetry.sensors import Sensors
from llmtui.workloads.base import Outcome
from llmtui.workloads.registry import workload_for

T = TypeVar("T")

COOLING_STEP_S = 1.0


class ServerWatcher(Protocol):
    """Whoever must know which server is measured, to watch its processes."""

    def watch(self, target: str, url: str, pid: int | None) -> None:
        """Watch the process tree behind `url`; `pid` is known when the server is ours."""


class Session:
    """Runs one suite to its end, or what is `left` of it. Everything that happens goes through `recorder`.

    `plans` makes the jobs of what was found; with `within` each runs until its rate is known to that share.
    `session_id` makes the prompts of this run unlike those of any other, so that no cache of a server knows them. A
    server that a job lost has `return_within_s` to come back before the jobs that wait for it are skipped.
    """

    def __init__(
        self,
        session_id: str,
        suite: Suite,
        recorder: Recorder,
        *,
        targets: TargetSet,
        watcher: ServerWatcher,
        sensors: Sensors | None = None,
        left: Left | None = None,
        plans: Plans = plan_jobs,
        within: float | None = None,
        return_within_s: float = RETURN_WITHIN_S,
    ) -> None:
        self._left = left
        self._plans = plans
        self._within = within
        self._id = session_id
        self._suite = suite
        self._recorder = recorder
        self._targets = targets
        self._watcher = watcher
        self._queue = JobQueue(recorder)
        self._repetition = Repetition(self._queue, recorder)
        self.orders = Orders(self._queue, self._repetition, session_id.partition("+")[0], suite)
        self._absence = Absence(self._queue, session_id.partition("+")[0], return_within_s)
        self._gate = Gate()
        self._stop_reason: str | None = None
        self._step: asyncio.Task[Any] | None = None
        self._skipping = False
        self._sensors = sensors or Sensors()
        self._cooler: Cooler | None = None
        self.on_job: Callable[[str | None], None] = lambda _job: None

    async def run(self) -> tuple[SessionOutcome, str | None]:
        """Run every job, and return how the session ended and why. The log's closing line is left to the caller."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._targets.aclose)
            if self._left is None:
                planned = await self._interruptible(self._targets.resolve(self._suite))
                absent = frozenset(target.name for target in planned or () if target.server is None)
                plans = [] if planned is None else self._plans(self._suite, planned)
                self._left = Left([], plans, absent=absent)
            self._queue.restore(self._left.jobs, self._left.last)
            for plan in self._left.plans:
                self._queue.add(plan)
            self._absence.never_found(self._left.absent)
            self._repetition.restore(self._left.goals)
            if self._within is not None:
                self._repetition.begin(self._queue, self._within)
            await self._run_queue()
        return ("completed" if self._stop_reason is None else "stopped"), self._stop_reason

    async def _run_queue(self) -> None:
        """Run job after job. The last one may have brought reruns with it, so the queue is asked anew each time."""
        first = True
        while True:
            await self._interruptible(self._gate.passage())
            if not first:
                await self._interruptible(asyncio.sleep(self._suite.pause_s))
            job = self._queue.take() if self._stop_reason is None else None
            if job is None:
                return
            first = False
            await self._interruptible(self._cool_down(job))
            self.on_job(job.id)
            outcome = await self._run_job(job)
            self.on_job(None)
            self._finish(job, outcome)
            self._skip_without_server(job, outcome)

    async def _cool_down(self, job: QueuedJob) -> None:
        """Wait until the machine is as cool as at the start, if the suite asks for it."""
        cooling = self._suite.cooling
        if cooling is None or job.plan.problem is not None:
            return
        if self._cooler is None:
            self._cooler = Cooler(self._sensors, cooling)
            self._cooler.note_start()
            return
        end = self._recorder.now() + cooling.at_most_s * 1e9
        bench = self._bench(job, None)
        while (reason := self._cooler.waiting_for()) is not None:
            if self._recorder.now() >= end:
                waited = f"not cool after {cooling.at_most_s:g} s: {reason}; its figures may be of a warm machine"
                self._recorder.alert("warning", "not-cool", waited, job.id)
                return
            bench.progress("cooling", 0, job.plan.requests, note=reason)
            await asyncio.sleep(COOLING_STEP_S)

    async def _run_job(self, job: QueuedJob) -> Outcome:
        if job.plan.problem is not None:
            return Outcome(status="failed", reason=job.plan.problem)
        self._skipping = False
        outcome = await self._interruptible(self._measure(job))
        if outcome is not None:
            return outcome
        if self._skipping:
            return Outcome(status="skipped", reason="skipped by the user", cause="user")
        return Outcome(status="cancelled", reason=self._stop_reason)

    def _finish(self, job: QueuedJob, outcome: Outcome) -> None:
        self._queue.finish(job, outcome)
        self._repetition.job_ended(job)
        if outcome.status == "failed":
            self._recorder.alert("error", "job-failed", f"{job.plan.name}: {outcome.reason}", job.id)

    def _skip_without_server(self, job: QueuedJob, outcome: Outcome) -> None:
        """End the jobs that wait for a server that is not there, as the end of `job` showed."""
        skipped = self._absence.skipped_with(job, outcome)
        if skipped is None:
            return
        for other in self._absence.waiting_with(job):
            self._finish(other, skipped)
        self._recorder.alert("error", "server-gone", skipped.reason or "", job.id)

    async def _measure(self, job: QueuedJob) -> Outcome:
        hopeless = await unfit(job.plan, self._bench(job, None))
        if hopeless is not None:
            return hopeless
        if job.plan.models:
            return await self._compare(job)
        if isinstance(job.plan.workload, Report) and job.plan.workload.reload:
            await self._targets.release(job.plan.target)
        target = await self._targets.ready(job.plan.target)
        if isinstance(target, str):
            if not isinstance(job.plan.workload, Watch):
                return Outcome(status="failed", reason=target)
            return await workload_for(job.plan.workload).run(job.plan.workload, self._bench(job, None))
        self._watcher.watch(target.name, target.url, target.pid)
        bench = self._bench(job, target.backend, blind=_blind(target))
        if not await self._absence.is_back(target, bench, job):
            return self._absence.gone(job, target.url)
        work = run_job(
            job.plan,
            self._suite,
            backend=target.backend,
            bench=bench,
            residence=target.residence,
            recorder=self._recorder,
        )
        outcome = await self._observed(job, bench, work)
        if outcome.status == "failed" and bench.lost:
            self._absence.doubt(target.name)
        return outcome

    async def _compare(self, job: QueuedJob) -> Outcome:
        """Measure a job that brings its models into memory itself."""
        from llmtui.engine.lineup import Lineup  # noqa: PLC0415 - few sessions compare models

        bench = self._bench(job, None)
        bench.lineup = Lineup(
            bench,
            job.plan,
            self._suite,
            job=job.id,
            session=self._id,
            targets=self._targets,
            recorder=self._recorder,
            watch=self._watcher.watch,
        )
        work = workload_for(job.plan.workload).run(job.plan.workload, bench)
        return await self._observed(job, bench, within_limit(work, self._suite.limits.job_s, bench))

    async def _observed(self, job: QueuedJob, bench: JobBench, work: Coroutine[Any, Any, Outcome]) -> Outcome:
        samples = JobSamples(self._sensors)
        watching = asyncio.create_task(samples.run())
        try:
            outcome = await work
        finally:
            watching.cancel()
        job.rate = bench.rate
        if bench.blind is None:
            self._warn_of_idle_gpus(job, samples.taken(), bench.spans)
        return outcome

    def _warn_of_idle_gpus(self, job: QueuedJob, samples: Sequence[Sample], spans: Sequence[tuple[int, int]]) -> None:
        """Say so when a GPU had time to spare while it was measured."""
        if not any(key.endswith(".percent") and key.startswith("gpu.") for sample in samples for key in sample.values):
            return
        from llmtui.metrics.heat.gpu_use import low_gpu_use  # noqa: PLC0415 - a machine without GPUs starts sooner

        low = low_gpu_use(samples, spans)
        if low is not None:
            self._recorder.alert("warning", "gpu-use", low.sentence, job.id)

    def _bench(self, job: QueuedJob, backend: Backend | None, blind: str | None = None) -> JobBench:
        return JobBench(
            self._recorder,
            backend=backend,
            job=job.id,
            model=job.plan.model,
            limits=self._suite.limits,
            gate=self._gate,
            session=self._id,
            target=job.plan.target,
            sensors=self._sensors,
            blind=blind,
            requests_before=job.requests_before,
        )

    async def _interruptible(self, step: Coroutine[Any, Any, T]) -> T | None:
        """Await `step`; return None when the user skipped or stopped it."""
        if self._stop_reason is not None:
            step.close()
            return None
        task = self._step = asyncio.create_task(step)
        try:
            result: T = await task
        except asyncio.CancelledError:
            if self._skipping or self._stop_reason is not None:
                return None
            raise
        finally:
            self._step = None
        return result

    # What the user can ask for; each returns whether it was done, and a sentence.

    def pause(self) -> tuple[bool, str]:
        """Let no further request start."""
        if self._gate.closed:
            return False, "the queue is paused already"
        self._gate.close()
        self._recorder.record(QueuePaused(t=self._recorder.now()))
        return True, "paused; the request under way goes on to its end"

    def resume(self) -> tuple[bool, str]:
        """Open the queue again."""
        if not self._gate.closed:
            return False, "the queue is not paused"
        self._gate.open()
        self._recorder.record(QueueResumed(t=self._recorder.now()))
        return True, "the queue goes on"

    def skip(self, name: str | None) -> tuple[bool, str]:
        """Skip a job that waits or runs; without a name the one that runs."""
        job = self._queue.find(name) if name else self._queue.running()
        if job is None:
            return False, f"there is no job {name}" if name else "no job runs now"
        if job.status == "running" and self._step is not None:
            self._skipping = True
            self._step.cancel()
        elif job.status == "queued":
            self._queue.finish(job, Outcome(status="skipped", reason="skipped by the user", cause="user"))
        else:
            return False, f"{job.id} is {job.status} already"
        return True, f"{job.id} skipped"

    def stop(self, *, now: bool, reason: str = "stopped by the user") -> tuple[bool, str]:
        """End the session: at once, or when the job that runs is done."""
        self._stop_reason = self._stop_reason or reason
        if (now or self._gate.closed or self._queue.running() is None) and self._step is not None:
            self._step.cancel()
        return True, "stopping now" if now else "stopping after the job that runs"

    def mark(self, label: str) -> tuple[bool, str]:
        """Mark this moment in the log."""
        self._recorder.record(MarkerPlaced(t=self._recorder.now(), label=label))
        return True, f"marked: {label}"

    def note_viewer(self, pid: int, cpu: float, terminal_rate: float) -> tuple[bool, str]:
        """Log what a viewer says of its own use."""
        self._recorder.record(ViewerMeasured(t=self._recorder.now(), pid=pid, cpu=cpu, terminal_rate=terminal_rate))
        return True, "noted"

    def status(self) -> tuple[bool, str]:
        """Say how far the queue is."""
        ended = sum(job.status not in {"queued", "running"} for job in self._queue)
        running = self._queue.running()
        paused = ", paused" if self._gate.closed else ""
        now = f", {running.id} ({running.plan.name}) runs" if running else ""
        return True, f"{ended} of {len(self._queue)} jobs ended{now}{paused}"


def _blind(target: ReadyTarget) -> str | None:
    """Return why this machine's readings can't speak for a server, None where they can."""
    host = urlsplit(target.url).hostname or ""
    return None if target.pid is not None or is_local(host) else f"the server runs on {host}, not on this machine"
