"""What the user can ask of the queue: run again, repeat, clone, move. Each answers whether it was done, and why."""

from collections.abc import Mapping, Sequence

from llmtui.documents import DocumentError
from llmtui.engine.queue import JobQueue, QueuedJob
from llmtui.engine.repetition import Repetition
from llmtui.suites.levels import parallel_of
from llmtui.suites.plan import JobPlan
from llmtui.suites.schema import Suite

EMBEDDED = "embedded"


class Orders:
    """Changes the queue of one session; `session` is its name, `suite` what its servers were started for."""

    def __init__(self, queue: JobQueue, repetition: Repetition, session: str, suite: Suite) -> None:
        self._queue = queue
        self._repetition = repetition
        self._session = session
        self._suite = suite

    def rerun(self, names: Sequence[str]) -> tuple[bool, str]:
        """Put new iterations of these jobs at the end of the queue, of all that can run in this session."""
        jobs, problem = self._found(names, "run again")
        if problem is not None:
            return False, problem
        runnable = [job for job in jobs if job.plan.problem is None]
        added = [self._queue.add(job.plan, rerun_of=job.id).id for job in runnable]
        parts = [f"queued as {', '.join(added)}"] if added else []
        parts += [self._hopeless(job) for job in jobs if job.plan.problem is not None]
        return bool(added), "; ".join(parts)

    def repeat(self, names: Sequence[str], within: float) -> tuple[bool, str]:
        """Run these jobs again and again until the interval of their rate is `within` a share of it."""
        jobs, problem = self._found(names, "repeat")
        if problem is not None:
            return False, problem
        if not 0 < within < 1:
            return False, f"`within` is {within:g}; it must be a share between 0 and 1, such as 0.02"
        count = self._repetition.begin(jobs, within)
        return True, f"repeating {count} of them until each rate is known to ± {within * 100:g} %"

    def clone(self, name: str, changes: Mapping[str, str]) -> tuple[bool, str]:
        """Put a job with changed parameters at the end of the queue; a sweep becomes one job for each of its levels."""
        from llmtui.suites.changes import changed_plans  # noqa: PLC0415 - few sessions clone anything

        jobs, problem = self._found([name], "clone")
        if problem is not None:
            return False, problem
        job = jobs[0]
        if job.plan.problem is not None:
            return False, self._hopeless(job)
        if not changes:
            return False, "name what is to be changed, such as max_tokens=64"
        try:
            plans = changed_plans(job.plan, changes)
        except DocumentError as error:
            return False, str(error)
        added = [self._queue.add(plan, clone_of=job.id).id for plan in plans]
        return True, f"{job.id} with {plans[0].variant} queued as {', '.join(added)}{self._crowded(plans)}"

    def move(self, name: str, steps: int) -> tuple[bool, str]:
        """Move a job that waits down or (negative) up among those that wait."""
        jobs, problem = self._found([name], "move")
        if problem is not None:
            return False, problem
        job = jobs[0]
        if job.status != "queued":
            return False, f"{job.id} is {job.status}; only a job that waits can be moved"
        if not self._queue.move(job, steps):
            return False, f"{job.id} is the {'first' if steps < 0 else 'last'} of those that wait"
        waiting = [other.id for other in self._queue if other.status == "queued"]
        return True, f"{job.id} is number {waiting.index(job.id) + 1} of {len(waiting)} that wait"

    def _found(self, names: Sequence[str], verb: str) -> tuple[list[QueuedJob], str | None]:
        """Return the jobs with these names, or the sentence that says why not."""
        found = [self._queue.find(name) for name in names]
        unknown = [name for name, job in zip(names, found, strict=True) if job is None]
        if unknown or not names:
            return [], f"there is no job {', '.join(unknown)}" if unknown else f"name the jobs to {verb}"
        return [job for job in found if job is not None], None

    def _hopeless(self, job: QueuedJob) -> str:
        return (
            f"{job.id} can't run in this session: {job.plan.problem}; "
            f"once it can: llmtui rerun {self._session} {job.id}"
        )

    def _crowded(self, plans: Sequence[JobPlan]) -> str:
        """Return a warning when more requests are to be in flight than the embedded server was started for."""
        wanted = max((plan.load.concurrency or 0 for plan in plans if plan.load is not None), default=0)
        slots = self._suite.embedded.parallel or parallel_of(self._suite)
        if plans[0].backend != EMBEDDED or wanted <= slots:
            return ""
        return f"; this session's embedded server takes {slots} at once, the others will wait for one another"
