"""Repeating jobs until their rate is known well enough."""

from typing import NamedTuple

from llmtui import wording
from llmtui.engine.queue import JobQueue, QueuedJob, kin
from llmtui.engine.recorder import Recorder
from llmtui.events import Severity

MOST_RUNS = 60
"""After so many runs a rate that still scatters is taken as it is."""


class _Goal(NamedTuple):
    """Bring the interval of the median rate of `job` and its iterations within `bound` of it."""

    job: str
    bound: float


class Repetition:
    """Adds one iteration after another to the queue for each job that shall be repeated, in turn with the others."""

    def __init__(self, queue: JobQueue, recorder: Recorder) -> None:
        self._queue = queue
        self._recorder = recorder
        self._goals: dict[tuple[object, ...], _Goal] = {}

    def begin(self, jobs: list[QueuedJob], bound: float) -> int:
        """Repeat these jobs, and return how many different measurements they are."""
        wanted = {kin(job.plan): job for job in jobs}
        for key, job in wanted.items():
            self._goals[key] = _Goal(job.id, bound)
            self._go_on(key)
        return len(wanted)

    def job_ended(self, job: QueuedJob) -> None:
        """Queue another iteration if the rate is still too uncertain; one that failed ends the repetition."""
        key = kin(job.plan)
        if key not in self._goals:
            return
        if job.status != "done" or job.rate is None:
            del self._goals[key]
            self._tell("warning", job, "repeating ended: the last run gave no rate")
            return
        self._go_on(key)

    def _go_on(self, key: tuple[object, ...]) -> None:
        goal = self._goals[key]
        same = [job for job in self._queue if kin(job.plan) == key]
        if any(job.status in {"queued", "running"} for job in same):
            return
        from llmtui.metrics.inference.precision import precision  # noqa: PLC0415 - few sessions repeat anything

        found = precision(
            [job.rate for job in same if job.status == "done" and job.rate is not None], goal.bound, of="median"
        )
        interval = wording.NOTHING if found.half_width is None else f"± {found.half_width * 100:.1f} %"
        said = f"{wording.rate(found.middle)} tok/s {interval} after {found.count} runs"
        first = same[0]
        if found.enough:
            del self._goals[key]
            self._tell("info", first, said)
        elif found.count >= MOST_RUNS:
            del self._goals[key]
            self._tell(
                "warning", first, f"{said}, which is not within {goal.bound * 100:g} %: the machine is not steady"
            )
        else:
            self._queue.add(first.plan, rerun_of=goal.job)

    def _tell(self, severity: Severity, job: QueuedJob, text: str) -> None:
        self._recorder.alert(severity, "repetition", f"{job.plan.name} on {job.plan.model}: {text}", job.id)
