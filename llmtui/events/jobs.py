"""A job's way through the queue."""

from typing import Any, Literal

from llmtui.events.base import Event
from llmtui.events.payloads import ModelPlace, OfferedLoad
from llmtui.events.requests import RequestStatus

JobStatus = Literal["done", "failed", "skipped", "cancelled"]
JobState = Literal["queued", "running"] | JobStatus
JobCause = Literal["overheated", "sensor lost", "server gone", "user"]
"""What ended a job from outside: the state of the machine (each with an exit code of its own), its server, the user."""

Phase = Literal["connecting", "cooling", "loading", "warming up", "measuring", "pausing"]


class JobQueued(Event, frozen=True, kw_only=True):
    """A job took its place at the end of the queue. `requests` is how many measured requests it plans (0: open end).

    `models` are those that it compares; with several of them `target` and `model` name them all together.
    It is a new iteration of the job `rerun_of`, or is `clone_of` another one with changed parameters, which `variant`
    names; `parent_job` is the one of the parent session that it repeats. `point` has the values that a grid gave it.
    """

    job: str
    target: str
    backend: str
    model: str
    workload: str
    kind: str
    iteration: int
    requests: int
    quantization: str | None = None
    variant: str | None = None
    point: dict[str, Any] = {}
    load: OfferedLoad | None = None
    models: tuple[ModelPlace, ...] = ()
    parameters: dict[str, Any] = {}
    rerun_of: str | None = None
    clone_of: str | None = None
    parent_job: str | None = None


class JobMoved(Event, frozen=True, kw_only=True):
    """A job that waits took another place: in front of `before`, or at the end of the queue where that is None."""

    job: str
    before: str | None = None


class RepetitionBegun(Event, frozen=True, kw_only=True):
    """`job` and its iterations are run again and again until the interval of the median of their rates is known.

    It is known when its half width is at most `within`, a share of that median.
    """

    job: str
    within: float


class RepetitionEnded(Event, frozen=True, kw_only=True):
    """`job` and its iterations are not repeated any more: their rate is known, or (not `reached`) it can't be."""

    job: str
    reached: bool


class JobStarted(Event, frozen=True, kw_only=True):
    """The engine took a job from the queue."""

    job: str


class JobProgressed(Event, frozen=True, kw_only=True):
    """A job went into another phase, or finished one more of its requests."""

    job: str
    phase: Phase
    done: int = 0
    total: int = 0
    note: str | None = None


class JobFinished(Event, frozen=True, kw_only=True):
    """A job ended. `reason` is one sentence whenever the status is not "done"."""

    job: str
    status: JobStatus
    reason: str | None = None
    passed: bool | None = None
    cause: JobCause | None = None


class ModelFinished(Event, frozen=True, kw_only=True):
    """One of the models that a job compares has ended its part at `t`, well or not.

    `start` is when its load began, `asked` when its first prompt was due (None: it never came to that), both in ns
    since the origin.
    """

    job: str
    target: str
    model: str
    status: RequestStatus
    start: int
    asked: int | None = None
    problem: str | None = None
