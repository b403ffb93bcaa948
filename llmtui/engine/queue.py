"""The queue of jobs, in the order in which they run. It only knows who is next; the session runs them."""

from collections.abc import Iterable, Iterator

import msgspec

from llmtui.engine.recorder import Recorder
from llmtui.events import JobFinished, JobMoved, JobQueued, JobStarted, JobState
from llmtui.state.order import move_key
from llmtui.suites.plan import JobPlan
from llmtui.workloads.base import Outcome


class QueuedJob(msgspec.Struct):
    """A job with its place in the queue; `status` as in the log. `rate` is tokens/s once it is done, see `JobBench`.

    `requests_before` is the highest number among its requests when the session was resumed; it goes on after that.
    """

    id: str
    plan: JobPlan
    status: JobState = "queued"
    rerun_of: str | None = None
    rate: float | None = None
    requests_before: int = 0


class JobQueue:
    """Jobs by their ids `j1`, `j2`, ... in the order in which they were added, or to which they were moved since."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._jobs: dict[str, QueuedJob] = {}
        self._last = 0

    def __iter__(self) -> Iterator[QueuedJob]:
        return iter(self._jobs.values())

    def __len__(self) -> int:
        return len(self._jobs)

    def restore(self, jobs: Iterable[QueuedJob], last: int) -> None:
        """Take jobs that are in the log already; `last` is the highest number that an id has there."""
        self._jobs = {job.id: job for job in jobs}
        self._last = last

    def add(self, plan: JobPlan, *, rerun_of: str | None = None, clone_of: str | None = None) -> QueuedJob:
        """Put a job at the end. A rerun, and another clone of the same kind, is a new iteration beside the old ones."""
        if rerun_of is not None or clone_of is not None:
            plan = _next_iteration(plan, list(self))
        self._last += 1
        job = QueuedJob(f"j{self._last}", plan, rerun_of=rerun_of)
        self._jobs[job.id] = job
        self._recorder.record(
            JobQueued(
                t=self._recorder.now(),
                job=job.id,
                target=plan.target,
                backend=plan.backend,
                model=plan.model,
                workload=plan.name,
                kind=str(plan.workload.__struct_config__.tag),
                iteration=plan.iteration,
                requests=plan.requests,
                quantization=plan.quantization,
                variant=plan.variant,
                point=plan.point,
                load=plan.load,
                models=tuple(planned.place for planned in plan.models),
                parameters=msgspec.to_builtins(plan.workload),
                rerun_of=rerun_of,
                clone_of=clone_of,
                parent_job=plan.parent_job,
            )
        )
        return job

    def find(self, name: str) -> QueuedJob | None:
        """Return the job with that id."""
        return self._jobs.get(name)

    def running(self) -> QueuedJob | None:
        """Return the job that runs now."""
        return next((job for job in self if job.status == "running"), None)

    def take(self) -> QueuedJob | None:
        """Start the first job that waits, or return None when none does."""
        job = next((job for job in self if job.status == "queued"), None)
        if job is not None:
            job.status = "running"
            self._recorder.record(JobStarted(t=self._recorder.now(), job=job.id))
        return job

    def move(self, job: QueuedJob, steps: int) -> bool:
        """Move a job that waits by so many places among those that wait, down or (negative) up; False: it can't go on.

        Beyond the ends is at the end.
        """
        waiting = [other.id for other in self if other.status == "queued"]
        place = waiting.index(job.id)
        goal = max(0, min(place + steps, len(waiting) - 1))
        if goal == place:
            return False
        waiting.remove(job.id)
        before = waiting[goal] if goal < len(waiting) else None
        move_key(self._jobs, job.id, before)
        self._recorder.record(JobMoved(t=self._recorder.now(), job=job.id, before=before))
        return True

    def finish(self, job: QueuedJob, outcome: Outcome) -> None:
        """End a job; its line is on the disk when the next one starts."""
        job.status = outcome.status
        self._recorder.record(
            JobFinished(
                t=self._recorder.now(),
                job=job.id,
                status=outcome.status,
                reason=outcome.reason,
                passed=outcome.passed,
                cause=outcome.cause,
            ),
            durable=True,
        )


def _next_iteration(plan: JobPlan, jobs: list[QueuedJob]) -> JobPlan:
    same = [job.plan.iteration for job in jobs if kin(job.plan) == kin(plan)]
    return msgspec.structs.replace(plan, iteration=max(same, default=0) + 1, parent_job=None)


def kin(plan: JobPlan) -> tuple[object, ...]:
    """Return what iterations of one and the same measurement share."""
    point = msgspec.json.encode(plan.point, order="sorted")
    return plan.target, plan.model, plan.name, plan.variant, point, plan.load
