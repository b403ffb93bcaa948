"""What is left to do of a session that was cut off, as its log tells."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from llmtui.documents import DocumentError
from llmtui.engine.queue import QueuedJob, kin
from llmtui.events import (
    FORMAT_VERSION,
    Event,
    JobFinished,
    JobMoved,
    JobQueued,
    JobStarted,
    JobState,
    RepetitionBegun,
    RepetitionEnded,
    RequestFinished,
    RequestStarted,
    SessionFinished,
    SessionOpened,
    SessionResumed,
    StepFinished,
    TargetResolved,
)
from llmtui.log.decode import EventDecoder, last_turn
from llmtui.log.read import BLOCK, LogError, open_log, read_header
from llmtui.metrics.statistics import median
from llmtui.state.order import move_key
from llmtui.suites.logged_plan import plan_of
from llmtui.suites.plan import JobPlan, PlannedTarget, Plans, plan_jobs
from llmtui.suites.schema import Suite

_JOB_ID = re.compile(r"j(\d{1,9})")


class _Job(msgspec.Struct):
    """A job in the log. `requests` is the highest number among its requests, of whatever run of it."""

    queued: JobQueued | None = None
    status: JobState = "queued"
    requests: int = 0
    decode_rates: list[float] = []
    token_rate: float | None = None


class Left(NamedTuple):
    """The queue to go on with: all jobs that the log has, and the plans of those that it does not have yet.

    `last` is the highest number among the ids of all jobs of which the log speaks. `goals` are the repetitions that go
    on: the job that names each, and the share to which its rate is to be known. `absent` are the targets that have no
    server now.
    """

    jobs: list[QueuedJob]
    plans: list[JobPlan]
    last: int = 0
    goals: tuple[tuple[str, float], ...] = ()
    absent: frozenset[str] = frozenset()


class SessionRest:
    """Folds a log's events. `last_ns` is the latest time in it, `targets` is what was found of each target last."""

    def __init__(self) -> None:
        self.header: SessionOpened | None = None
        self.last_ns = 0
        self.targets: dict[str, TargetResolved] = {}
        self.finished = False
        self.resumes = 0
        self._began = False
        self._jobs: dict[str, _Job] = {}
        self._goals: dict[str, float] = {}

    @property
    def within(self) -> float | None:
        """The share to which all rates are to be known, while the log may not have all of the jobs that this is for."""
        return None if self._began or self.header is None else self.header.within

    @property
    def running(self) -> tuple[str, ...]:
        """The jobs that ran when the engine was cut off."""
        return tuple(name for name, job in self._jobs.items() if job.status == "running")

    @property
    def models(self) -> set[tuple[str, str]]:
        """The targets and models of the jobs that have not ended."""
        waiting = (job for job in self._jobs.values() if job.status in {"queued", "running"})
        plans = [job.queued for job in waiting if job.queued is not None]
        single = {(plan.target, plan.model) for plan in plans if not plan.models}
        return single | {(place.target, place.model) for plan in plans for place in plan.models}

    def plans(self) -> list[JobPlan]:
        """Return what the jobs that have not ended are to do. Raises `LogError` as `left` does."""
        waiting = ((name, job) for name, job in self._jobs.items() if job.status in {"queued", "running"})
        return [_plan(name, job.queued) for name, job in waiting if job.queued is not None]

    def take(self, events: Sequence[Event]) -> None:
        """Fold events in their order."""
        turn = last_turn(events)
        if turn is not None:
            self.finished = isinstance(turn, SessionFinished)
        for event in events:
            self.last_ns = max(self.last_ns, event.t)
            self._fold(event)

    def _fold(self, event: Event) -> None:
        match event:
            case SessionOpened():
                self.header = self.header or event
            case SessionResumed():
                self._put_back()
            case TargetResolved(target=target):
                self.targets[target] = event
            case JobQueued():
                self._job(event.job).queued = event
                self._began |= event.rerun_of is not None or event.clone_of is not None
            case JobMoved(job=name, before=before):
                self._began = True
                move_key(self._jobs, name, before)
            case RepetitionBegun(job=name, within=within):
                self._goals[name] = within
            case RepetitionEnded(job=name):
                self._goals.pop(name, None)
            case JobStarted():
                self._began = True
                self._job(event.job).status = "running"
            case JobFinished():
                self._began = True
                self._job(event.job).status = event.status
            case _:
                self._fold_measurement(event)

    def _fold_measurement(self, event: Event) -> None:
        match event:
            case RequestStarted():
                with suppress(ValueError):
                    number = int(event.request.rpartition(".")[2])
                    self._job(event.job).requests = max(self._job(event.job).requests, number)
            case RequestFinished(warmup=False, status="done") if event.figures.decode_rate is not None:
                self._job(event.job).decode_rates.append(event.figures.decode_rate)
            case StepFinished():
                self._job(event.job).token_rate = event.token_rate

    def _job(self, name: str) -> _Job:
        return self._jobs.setdefault(name, _Job())

    def _put_back(self) -> None:
        """What ran when another engine went on began anew then."""
        self.resumes += 1
        for name in self.running:
            job = self._jobs[name]
            self._jobs[name] = _Job(job.queued, requests=job.requests)

    def left(self, suite: Suite, planned: Sequence[PlannedTarget], plans: Plans = plan_jobs) -> Left:
        """Return the queue to go on with: what ended stays, what ran or waited waits, in the old order.

        `plans` made the queue when the session began, and is asked for the end of it that the log may lack.

        Raises `LogError` for a job that this version of llmtui can't run.
        """
        fresh = plan_jobs(suite, planned)
        problems: dict[object, str | None] = {t.name: t.problem for t in planned if t.server is None}
        problems.update(((plan.target, plan.model), plan.problem) for plan in fresh)
        problems.update((_place(plan), plan.problem) for plan in fresh)
        each = (planned for plan in fresh for planned in plan.models)
        problems.update(((planned.place.target, planned.place.model), planned.problem) for planned in each)
        jobs = [_restored(name, job, problems) for name, job in self._jobs.items()]
        known = {(kin(job.plan), job.plan.iteration) for job in jobs if job is not None}
        # The first job starts when all are queued, so a log without a start may lack the end of its queue.
        whole = [] if self._began else plans(suite, planned)
        lacking = [plan for plan in whole if (kin(plan), plan.iteration) not in known]
        last = max((int(found[1]) for found in map(_JOB_ID.fullmatch, self._jobs) if found), default=0)
        absent = frozenset(target.name for target in planned if target.server is None)
        return Left([job for job in jobs if job is not None], lacking, last, tuple(self._goals.items()), absent)


def read_rest(path: Path) -> SessionRest:
    """Read a log to its last whole line. Raises `LogError` when it can't be read or gone on with."""
    rest, decoder = SessionRest(), EventDecoder()
    try:
        with open_log(path) as file:
            while block := file.read(BLOCK):
                rest.take(decoder.feed(block))
    except OSError as error:
        raise LogError(f"{path}: can't be read: {error.strerror}") from None
    rest.take(decoder.flush())
    if rest.header is None:
        read_header(path)
        raise LogError(f"{path}: the first line is no session header; without it nobody knows what to run")
    if decoder.version != FORMAT_VERSION:
        raise LogError(
            f"{path}: the log has format {decoder.version} and can only be gone on with in that one; "
            f"this version of llmtui writes format {FORMAT_VERSION}"
        )
    return rest


def _place(plan: JobPlan) -> tuple[str, str, str | None]:
    return plan.target, plan.model, plan.variant


def _plan(name: str, event: JobQueued) -> JobPlan:
    try:
        return plan_of(event)
    except DocumentError as error:
        raise LogError(f"job {name}: {error}") from None


def _restored(name: str, job: _Job, problems: Mapping[object, str | None]) -> QueuedJob | None:
    """Return a job as it was queued; None when the line that queued it can't be read.

    `problems` are those of targets, by their names, and of what runs there, by its place.
    """
    event = job.queued
    if event is None:
        return None
    plan = _plan(name, event)
    own = problems.get((plan.target, plan.model), problems.get(plan.target))
    places = [planned.place for planned in plan.models]
    models = tuple(
        msgspec.structs.replace(planned, problem=problems.get((at.target, at.model), problems.get(at.target)))
        for planned, at in zip(plan.models, places, strict=True)
    )
    plan = msgspec.structs.replace(plan, models=models, problem=problems.get(_place(plan), own))
    waits = job.status in {"queued", "running"}
    return QueuedJob(
        name,
        plan,
        status="queued" if waits else job.status,
        rerun_of=event.rerun_of,
        rate=None if waits else median(job.decode_rates) if job.token_rate is None else job.token_rate,
        requests_before=job.requests,
    )
