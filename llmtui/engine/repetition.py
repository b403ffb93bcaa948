"""Repeating jobs until their rate is known well enough."""

from collections.abc import Iterable
from typing import NamedTuple

from llmtui import wording
from llmtui.engine.queue import JobQueue, QueuedJob, kin
from llmtui.engine.recorder import Recorder
from llmtui.events import RepetitionBegun, RepetitionEnded, Severity

MOST_RUNS = 60
"""After so many runs a rate that still scatters is taken as it is."""


class _Goal(NamedTuple):
    """Bring the interval of the median rate of `job` and its iterations `within` a share of it."""

    job: str
    within: float


class Repetition:
    """Adds one iteration after another to the queue for each job that shall be repeated, in turn with the others.

    Each goal is in the log from its begin to its end, so that whoever goes on with the session knows it.
    """

    def __init__(self, queue: JobQueue, recorder: Recorder) -> None:
        self._queue = queue
        self._recorder = recorder
        self._goals: dict[tuple[object, ...], _Goal] = {}

    def begin(self, jobs: Iterable[QueuedJob], within: float) -> int:
        """Repeat these jobs, and return how many different measurements they are.

        What is repeated already keeps the job by which it is named, and gets the new goal.
        """
        wanted = {kin(job.plan): job for job in jobs}
        for key, job in wanted.items():
            name = self._goals[key].job if key in self._goals else job.id
            self._goals[key] = _Goal(name, within)
            self._recorder.record(RepetitionBegun(t=self._recorder.now(), job=name, within=within))
            self._go_on(key)
        return len(wanted)

    def restore(self, goals: Iterable[tuple[str, float]]) -> None:
        """Take goals that are in the log already, each with its job, and go on towards them."""
        for name, within in goals:
            job = self._queue.find(name)
            if job is None:
                continue
            key = kin(job.plan)
            self._goals[key] = _Goal(name, within)
            same = [other for other in self._queue if kin(other.plan) == key]
            if not _waits(same):
                self.job_ended(max(same, key=lambda other: other.plan.iteration))

    def job_ended(self, job: QueuedJob) -> None:
        """Queue another iteration if the rate is still too uncertain; one that failed ends the repetition."""
        key = kin(job.plan)
        if key not in self._goals:
            return
        if job.status != "done" or job.rate is None:
            self._end(key, reached=False)
            self._tell("warning", job, "repeating ended: the last run gave no rate")
            return
        self._go_on(key)

    def _go_on(self, key: tuple[object, ...]) -> None:
        goal = self._goals[key]
        same = [job for job in self._queue if kin(job.plan) == key]
        if _waits(same):
            return
        from llmtui.metrics.inference.precision import precision  # noqa: PLC0415 - few sessions repeat anything

        found = precision(
            [job.rate for job in same if job.status == "done" and job.rate is not None], goal.within, of="median"
        )
        interval = wording.NOTHING if found.half_width is None else f"± {found.half_width * 100:.1f} %"
        said = f"{wording.rate(found.middle)} tok/s {interval} after {found.count} runs"
        first = same[0]
        if found.enough:
            self._end(key, reached=True)
            self._tell("info", first, said)
        elif found.count >= MOST_RUNS:
            self._end(key, reached=False)
            self._tell(
                "warning", first, f"{said}, which is not within {goal.within * 100:g} %: the machine is not steady"
            )
        else:
            self._queue.add(first.plan, rerun_of=goal.job)

    def _end(self, key: tuple[object, ...], *, reached: bool) -> None:
        goal = self._goals.pop(key)
        self._recorder.record(RepetitionEnded(t=self._recorder.now(), job=goal.job, reached=reached))

    def _tell(self, severity: Severity, job: QueuedJob, text: str) -> None:
        self._recorder.alert(severity, "repetition", f"{job.plan.name} on {job.plan.model}: {text}", job.id)


def _waits(jobs: Iterable[QueuedJob]) -> bool:
    """Whether one of the jobs has not ended yet."""
    return any(job.status in {"queued", "running"} for job in jobs)
