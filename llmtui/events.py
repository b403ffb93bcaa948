"""The vocabulary: what can happen in a session, each as a frozen struct in the past tense.

Every event has `t`: nanoseconds since the session's origin on the monotonic clock, the moment at which it happened.
The structs are the log's lines, the reducer's input and the only thing that the measuring side and the watching side
share. They do nothing by themselves. All sizes are bytes, all rates tokens per second, all `*_ns` nanoseconds.
"""

from typing import Any, Literal

import msgspec

from llmtui.payloads import ContainerLimits as ContainerLimits
from llmtui.payloads import Criterion as Criterion
from llmtui.payloads import Figures as Figures
from llmtui.payloads import Gpu as Gpu
from llmtui.payloads import HardwareSnapshot as HardwareSnapshot
from llmtui.payloads import Model as Model
from llmtui.payloads import ModelPlace as ModelPlace
from llmtui.payloads import OfferedLoad as OfferedLoad
from llmtui.payloads import Server as Server
from llmtui.payloads import ServerProcess as ServerProcess
from llmtui.payloads import ServerTimings as ServerTimings
from llmtui.payloads import TokenBasis as TokenBasis
from llmtui.payloads import Usage as Usage

FORMAT_VERSION = 1

CLIENT_BOUND = "client-bound"
"""The code of the alert that says that llmtui itself may be in a job's figures."""

JobStatus = Literal["done", "failed", "skipped", "cancelled"]
JobState = Literal["queued", "running"] | JobStatus
JobCause = Literal["overheated", "sensor lost"]
"""Why a job was ended for the machine's sake; each has an exit code of its own."""

RequestStatus = Literal["done", "failed", "cancelled"]
Severity = Literal["info", "warning", "error"]
TextKind = Literal["answer", "reasoning"]
Phase = Literal["connecting", "cooling", "loading", "warming up", "measuring", "pausing"]
ContextOutcome = Literal["measured", "does not fit", "out of memory", "failed", "not tried"]
SessionOutcome = Literal["completed", "stopped", "failed"]


# --- events --------------------------------------------------------------------------------------------------------


def _snake_case(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="ev", tag=_snake_case, omit_defaults=True):
    """The base of all events: `t` is nanoseconds since the session's origin."""

    t: int


class SessionOpened(Event, frozen=True, kw_only=True):
    """The header, first line of every log. `suite` is the suite's YAML word for word, `overrides` what `--set` gave.

    A session that runs jobs of a finished one again names it: `parent` is that session, `parent_jobs` are its jobs, and
    `changes` the parameters that differ.
    """

    format: int
    llmtui: str
    session: str
    name: str
    opened_at: str
    origin_ns: int
    clock: str
    pid: int
    suite: str
    suite_sha256: str
    suite_path: str | None = None
    overrides: dict[str, str] = {}
    models: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    parent: str | None = None
    parent_jobs: tuple[str, ...] = ()
    changes: dict[str, str] = {}
    hardware: HardwareSnapshot = HardwareSnapshot()


class ServerStarted(Event, frozen=True, kw_only=True):
    """llmtui started this server itself, and so will stop it."""

    target: str
    pid: int
    url: str


class ServerStopped(Event, frozen=True, kw_only=True):
    """A server of ours ended; `reason` says why when nobody asked it to."""

    target: str
    pid: int
    exit_code: int | None = None
    reason: str | None = None


class TargetResolved(Event, frozen=True, kw_only=True):
    """A target of the suite was reached, or not: then `problem` is the sentence that says what to do."""

    target: str
    url: str
    server: Server | None = None
    problem: str | None = None


class ServerProcessesFound(Event, frozen=True, kw_only=True):
    """The process tree behind a target's port, or the reason why it is not visible."""

    target: str
    processes: tuple[ServerProcess, ...] = ()
    missing: str | None = None


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


class ModelLoaded(Event, frozen=True, kw_only=True):
    """A server made a model ready. `load_ns` is the server's figure or, failing that, the client's wait (`source`).

    It is None where the model was in memory already.
    """

    target: str
    model: str
    load_ns: int | None = None
    source: Literal["server", "client"] | None = None


class ModelUnloaded(Event, frozen=True, kw_only=True):
    """A model was to leave a server's memory, after it was measured or to make room for `job`.

    `gone`: the server no longer lists it, or its process has ended; False: it stays, and `reason` says why; None: the
    server took the order and does not tell what it holds. `wait_ns` is how long that took. `found`: it was in memory
    before the session asked for it, and is not loaded again. `memory` holds the first readings of memory after it.
    """

    job: str
    target: str
    model: str
    gone: bool | None = None
    wait_ns: int | None = None
    reason: str | None = None
    found: bool = False
    memory: dict[str, float] = {}


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


class RequestStarted(Event, frozen=True, kw_only=True):
    """A request was due. `t` is the intended time; the real one is in `RequestSent`.

    `target` is the one to which it went, where its job has several models; empty where it is that of the job.
    `step` is the step of the job to which it belongs, from 1; 0 where the job has none. `task` names what was asked
    within the suite and `category` the group in which it counts, where the workload has such.
    """

    request: str
    job: str
    model: str
    messages: tuple[tuple[str, str], ...]
    target: str = ""
    options: dict[str, Any] = {}
    warmup: bool = False
    step: int = 0
    task: str = ""
    category: str = ""


class RequestSent(Event, frozen=True, kw_only=True):
    """`t` is t0 of all latencies: just before the bytes were written on an open connection.

    `stamps` says who took the time of what came back: the kernel when it arrived, or this process when it read it.
    `body` is the JSON that was posted to `url`, but for `messages`: null there stands for those of `RequestStarted`.
    `keyed` says that an API key went with it, which is not logged.
    """

    request: str
    connect_ns: int | None = None
    stamps: Literal["kernel", "process"] = "process"
    url: str | None = None
    body: dict[str, Any] | None = None
    keyed: bool = False


class TokensReceived(Event, frozen=True, kw_only=True):
    """A batch of chunks of one request, at most 50 ms apart from the next batch; `t` is the arrival of the last one.

    `offsets_us[i]` is the arrival of `texts[i]` in microseconds since `RequestSent.t`. Equal offsets came in one read.
    `tokens[i]` is the server's running count of completion tokens with that chunk; empty when it does not say.
    """

    request: str
    offsets_us: tuple[int, ...]
    texts: tuple[str, ...]
    kind: TextKind = "answer"
    tokens: tuple[int, ...] = ()


class RequestFinished(Event, frozen=True, kw_only=True):
    """A request ended, well or not. What was measured up to then is in `figures` either way."""

    request: str
    job: str
    status: RequestStatus
    warmup: bool = False
    finish_reason: str | None = None
    usage: Usage | None = None
    timings: ServerTimings | None = None
    figures: Figures = Figures()
    problem: str | None = None
    problem_kind: str | None = None


class AnswerScored(Event, frozen=True, kw_only=True):
    """Code has scored an answer. `score` is from 0 to 1, `detail` one sentence on what was right or wrong.

    `task` names the question within the suite, `category` the group in which it counts. `parts` are the figures of
    which a score is made, where it has several.
    """

    job: str
    request: str
    task: str
    category: str
    score: float
    passed: bool
    detail: str
    parts: dict[str, float] = {}


class StepFinished(Event, frozen=True, kw_only=True):
    """One level of load was held and measured.

    The window `[window_start, window_end]` (ns since the origin) leaves warm-up and cool-down out: `requests` are those
    that were due in it, `failed` those of them that failed, `good` those that kept the SLO (None: there is none).
    `token_rate` is the tokens that arrived in the window by its length, over all streams; `request_rate` and `goodput`
    are answers, and answers that kept the SLO, by the same length. `in_flight` is the mean number of requests under
    way in the window.
    """

    job: str
    step: int
    load: OfferedLoad
    window_start: int
    window_end: int
    requests: int
    failed: int = 0
    good: int | None = None
    token_rate: float | None = None
    request_rate: float | None = None
    goodput: float | None = None
    in_flight: float | None = None
    kept_slo: bool | None = None
    notes: tuple[str, ...] = ()


class CapacityFound(Event, frozen=True, kw_only=True):
    """The search of a job ended: `load` is the highest that kept the SLO, None when not even the lowest did."""

    job: str
    load: OfferedLoad | None
    sentence: str


class IntervalRecorded(Event, frozen=True, kw_only=True):
    """One record of a long run, over [start, end) in ns since the origin.

    `decode_rate` counts only gaps between chunks that lie wholly in the interval. `figures` holds the least, the mean
    and the greatest reading of each figure.
    """

    job: str
    start: int
    end: int
    tokens: int = 0
    decode_rate: float | None = None
    figures: dict[str, tuple[float, float, float]] = {}


class ContextTried(Event, frozen=True, kw_only=True):
    """A context of one size was filled and asked about, or not: then `reason` says why.

    `size` is the window in tokens; `text_tokens` is what was sent to fill it but for the room of template and answers,
    counted as `basis` says. `window` is what the server gives the model, `trained` what the model was trained for.
    `depths` are the shares of the text before the facts of the first and the second question, which `requests` names.
    `load_ns` is the loading of the model with a window of this size, None where one window serves all sizes.
    `swapped_in` are the bytes that came back from the swap meanwhile, None where that can't be read; `ran_out` is why
    the memory did not suffice, None where it did or nobody can tell.
    """

    job: str
    size: int
    outcome: ContextOutcome
    reason: str | None = None
    text_tokens: int | None = None
    basis: TokenBasis | None = None
    window: int | None = None
    trained: int | None = None
    depths: tuple[float, ...] = ()
    requests: tuple[str, ...] = ()
    load_ns: int | None = None
    load_source: Literal["server", "client"] | None = None
    swapped_in: float | None = None
    ran_out: str | None = None


class VerdictReached(Event, frozen=True, kw_only=True):
    """What a run says of the machine: the verdict in a word, a sentence, its evidence and each criterion."""

    job: str
    verdict: str
    sentence: str
    evidence: tuple[str, ...] = ()
    criteria: tuple[Criterion, ...] = ()


class SampleTaken(Event, frozen=True, kw_only=True):
    """Readings of the hardware at `t`, keys as in `llmtui.readings`.

    `missing` gives the reason for each key that cannot be read; it is repeated only when it changes.
    """

    values: dict[str, float]
    missing: dict[str, str] = {}


class SelfMeasured(Event, frozen=True, kw_only=True):
    """What llmtui itself used since the last such event: shares of one core in percent, lag of the engine's loop."""

    engine_cpu: float
    sampler_cpu: float | None = None
    lag_p50_ns: int | None = None
    lag_p99_ns: int | None = None
    engine_memory: int | None = None
    sampler_memory: int | None = None
    log_bytes: int | None = None


class ViewerMeasured(Event, frozen=True, kw_only=True):
    """What a viewer said that it used since its last word: percent of a core, bytes/s to its terminal."""

    pid: int
    cpu: float
    terminal_rate: float
    memory: int | None = None


class SamplerStarted(Event, frozen=True, kw_only=True):
    """A sampler child began to deliver."""

    pid: int
    interval_ms: int


class SamplerLost(Event, frozen=True, kw_only=True):
    """The sampler ended or went silent; until the next `SamplerStarted` there is a gap in the samples."""

    reason: str


class AlertRaised(Event, frozen=True, kw_only=True):
    """Something that a person should know. `code` is stable, `text` a sentence that says what to do."""

    severity: Severity
    code: str
    text: str
    job: str | None = None


class MarkerPlaced(Event, frozen=True, kw_only=True):
    """The user marked this moment."""

    label: str


class QueuePaused(Event, frozen=True, kw_only=True):
    """No further request starts until `QueueResumed`; the one under way goes on."""


class QueueResumed(Event, frozen=True, kw_only=True):
    """The queue goes on."""


class SessionResumed(Event, frozen=True, kw_only=True):
    """Another engine goes on in the log of one that was cut off; its times continue after the last one before.

    `origin_ns` is the session's zero on this engine's monotonic clock, which lets the time without an engine out.
    `cut_bytes` of a torn last line were removed. Of `put_back`, the jobs that ran, what was measured does not count:
    they run anew, and their requests so far are cancelled. `differences` are the sentences, on suite, machine or
    servers, in spite of which the user went on.
    """

    pid: int
    opened_at: str
    origin_ns: int
    llmtui: str
    cut_bytes: int = 0
    put_back: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()


class SessionFinished(Event, frozen=True, kw_only=True):
    """The last line of a whole log. Its absence means that the engine was cut off."""

    outcome: SessionOutcome
    reason: str | None = None


AnyEvent = (
    SessionOpened
    | ServerStarted
    | ServerStopped
    | TargetResolved
    | ServerProcessesFound
    | JobQueued
    | JobMoved
    | JobStarted
    | JobProgressed
    | JobFinished
    | ModelLoaded
    | ModelUnloaded
    | ModelFinished
    | RequestStarted
    | RequestSent
    | TokensReceived
    | RequestFinished
    | AnswerScored
    | StepFinished
    | CapacityFound
    | IntervalRecorded
    | ContextTried
    | VerdictReached
    | SampleTaken
    | SelfMeasured
    | ViewerMeasured
    | SamplerStarted
    | SamplerLost
    | AlertRaised
    | MarkerPlaced
    | QueuePaused
    | QueueResumed
    | SessionResumed
    | SessionFinished
)
"""The union that the log decodes into."""
