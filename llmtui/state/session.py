"""What a session looks like: plain data, filled by `llmtui.state.reducer.apply` and read by the projections."""

from collections import deque
from collections.abc import Iterable
from typing import Any, Literal, TypeVar

import msgspec

from llmtui.events import (
    AlertRaised,
    AnswerScored,
    CapacityFound,
    ContextTried,
    Figures,
    IntervalRecorded,
    JobCause,
    JobQueued,
    JobState,
    MarkerPlaced,
    ModelFinished,
    ModelLoaded,
    ModelUnloaded,
    Phase,
    RequestSent,
    RequestStatus,
    SelfMeasured,
    Server,
    ServerProcess,
    SessionOpened,
    SessionOutcome,
    SessionResumed,
    StepFinished,
    TextKind,
    Usage,
    VerdictReached,
    ViewerMeasured,
)
from llmtui.state.heat_spans import HeatSpan
from llmtui.state.request_use import RequestUse, UseFold
from llmtui.state.series import Series

KEPT_TEXT = 1_000_000
"""Characters of model output that stay in memory; what is older is in the log."""

VIEWER_SILENT_NS = 10_000_000_000
"""After this time without a word a viewer is taken to have left."""

RECENT_BATCHES = 64
RECENT_GAPS = 512

Section = Literal["header", "targets", "queue", "stream", "hardware", "results", "alerts", "self"]
"""The parts of a session that can change; a projection names those that it reads."""


T = TypeVar("T")


class Latest(list[T]):
    """The newest values, `most` of them. Empty, as in each finished request, it takes a tenth of what a deque takes."""

    __slots__ = ("most",)

    def __init__(self, most: int, values: Iterable[T] = ()) -> None:
        super().__init__(values)
        self.most = most

    def append(self, value: T, /) -> None:
        """Add the newest value; the oldest goes when there are too many."""
        list.append(self, value)
        if len(self) > self.most:
            del self[0]

    def extend(self, values: Iterable[T], /) -> None:
        """Add values, the newest last; the oldest go when there are too many."""
        list.extend(self, values)
        if len(self) > self.most:
            del self[: -self.most]


class Target(msgspec.Struct):
    """A server of the suite and what is known of it."""

    name: str
    url: str = ""
    server: Server | None = None
    problem: str | None = None
    pid: int | None = None
    processes: tuple[ServerProcess, ...] = ()
    processes_missing: str | None = None


class Request(msgspec.Struct):
    """One generation. `sent_ns` is t0; `pieces` holds the text as (kind, text), oldest first."""

    id: str
    job: str
    model: str = ""
    target: str = ""
    warmup: bool = False
    step: int = 0
    task: str = ""
    category: str = ""
    messages: tuple[tuple[str, str], ...] = ()
    started_ns: int = 0
    sent_ns: int | None = None
    ttft_ns: int | None = None
    ttft_answer_ns: int | None = None
    last_ns: int | None = None
    chunks: int = 0
    tokens_stated: int | None = None
    pieces: list[tuple[TextKind, str]] = []
    characters: int = 0
    text_dropped: bool = False
    recent: Latest[tuple[int, int]] = msgspec.field(default_factory=lambda: Latest(RECENT_BATCHES))
    gaps_us: Latest[int] = msgspec.field(default_factory=lambda: Latest(RECENT_GAPS))
    last_offset_us: int | None = None
    status: RequestStatus | Literal["running"] = "running"
    finish_reason: str | None = None
    usage: Usage | None = None
    figures: Figures | None = None
    problem: str | None = None
    finished_ns: int | None = None
    use: RequestUse | None = None


class Job(msgspec.Struct):
    """One line of the queue. `peaks` holds the largest reading of each key while the job ran.

    `loaded`, `unloaded` and `ended` tell of each of the models that it compares.
    `asked` is what was sent as the first of its measured requests.
    `within` is the share to which its rate is to be known by repetition, None while it is not repeated.
    `changes` counts what may change its row of results; `row` is the row that `results` made at such a count.
    """

    id: str
    plan: JobQueued | None = None
    status: JobState = "queued"
    started_ns: int | None = None
    finished_ns: int | None = None
    phase: Phase | None = None
    done: int = 0
    total: int = 0
    note: str | None = None
    reason: str | None = None
    passed: bool | None = None
    cause: JobCause | None = None
    within: float | None = None
    load_ns: int | None = None
    loaded: list[ModelLoaded] = []
    unloaded: list[ModelUnloaded] = []
    ended: list[ModelFinished] = []
    requests: list[str] = []
    asked: RequestSent | None = None
    steps: list[StepFinished] = []
    scores: list[AnswerScored] = []
    capacity: CapacityFound | None = None
    intervals: list[IntervalRecorded] = []
    contexts: list[ContextTried] = []
    verdict: VerdictReached | None = None
    client_bound: str | None = None
    changes: int = 0
    row: tuple[int, Any] | None = None
    peaks: dict[str, float] = {}


class SessionState(msgspec.Struct):
    """What the events so far say. `now_ns` is the latest `t`; `misfits` counts events about unknown things."""

    header: SessionOpened | None = None
    resumed: list[SessionResumed] = []
    now_ns: int = 0
    events: int = 0
    misfits: int = 0
    outcome: SessionOutcome | None = None
    paused: bool = False
    targets: dict[str, Target] = {}
    jobs: dict[str, Job] = {}
    requests: dict[str, Request] = {}
    running_jobs: list[str] = []
    active_requests: list[str] = []
    last_request: str | None = None
    kept_texts: deque[str] = msgspec.field(default_factory=deque)
    kept_characters: int = 0
    readings: dict[str, Series] = {}
    missing: dict[str, str] = {}
    token_rate: Series = msgspec.field(default_factory=Series)
    request_series: dict[str, Series] = {}
    heat_spans: list[HeatSpan] = []
    alerts: list[AlertRaised] = []
    markers: list[MarkerPlaced] = []
    recent_tokens: deque[tuple[int, int]] = msgspec.field(default_factory=deque)
    recent_sum: int = 0
    use: UseFold = msgspec.field(default_factory=UseFold)
    own_use: SelfMeasured | None = None
    viewers: dict[int, ViewerMeasured] = {}
    sampler_lost: str | None = None

    @property
    def live_viewers(self) -> list[ViewerMeasured]:
        """What the viewers used that have spoken lately; one that left says nothing more."""
        return [viewer for viewer in self.viewers.values() if self.now_ns - viewer.t < VIEWER_SILENT_NS]

    @property
    def finished(self) -> bool:
        """Whether the last event of a whole session was seen."""
        return self.outcome is not None
