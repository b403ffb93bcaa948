"""The vocabulary: what can happen in a session, each as a frozen struct in the past tense.

Every event has `t`: nanoseconds since the session's origin on the monotonic clock, the moment at which it happened.
The structs are the log's lines, the reducer's input and the only thing that the measuring side and the watching side
share. They do nothing by themselves. All sizes are bytes, all rates tokens per second, all `*_ns` nanoseconds.
"""

from typing import Any, Literal

import msgspec

FORMAT_VERSION = 1

TokenBasis = Literal["server", "tokenizer", "chunks", "estimated"]
"""Where a token count comes from, best first."""

JobStatus = Literal["done", "failed", "skipped", "cancelled"]
RequestStatus = Literal["done", "failed", "cancelled"]
Severity = Literal["info", "warning", "error"]
TextKind = Literal["answer", "reasoning"]
Phase = Literal["connecting", "loading", "warming up", "measuring", "pausing"]
SessionOutcome = Literal["completed", "stopped", "failed"]


# --- payloads ------------------------------------------------------------------------------------------------------


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """One graphics processor, named by what does not change when cards are moved."""

    index: int
    vendor: str
    name: str
    uuid: str | None = None
    memory: int | None = None
    driver: str | None = None
    unified: bool = False
    """Its memory is the machine's main memory, so both figures speak of the same bytes."""


class ContainerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What the surrounding control group allows; None means no limit."""

    kind: str
    cpus: float | None = None
    memory: int | None = None


class HardwareSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The machine on which the session ran. What stayed unknown is None, with its reason in `detection_failed`."""

    hostname: str | None = None
    os: str | None = None
    kernel: str | None = None
    architecture: str | None = None
    cpu_model: str | None = None
    cpu_flags: tuple[str, ...] = ()
    cpu_governor: str | None = None
    cpu_sensor: str | None = None
    cores_physical: int | None = None
    cores_logical: int | None = None
    ram: int | None = None
    swap: int | None = None
    virtual_machine: bool | None = None
    gpus: tuple[Gpu, ...] = ()
    npus: tuple[str, ...] = ()
    container: ContainerLimits | None = None
    detection_failed: dict[str, str] = {}


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model as its server describes it; servers leave out what they do not know."""

    id: str
    family: str | None = None
    parameters: int | None = None
    quantization: str | None = None
    context: int | None = None
    size: int | None = None
    digest: str | None = None
    loaded: bool | None = None


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A server that answered at `url`, and which kind it proved to be."""

    url: str
    kind: str
    version: str | None = None
    models: tuple[Model, ...] = ()
    slots: int | None = None
    problem: str | None = None


class ServerProcess(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the server's tree. `created` tells a reused process id from the old one (epoch seconds)."""

    pid: int
    name: str
    command: str
    created: float


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Token counts as the server states them. None: the server did not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None


class ServerTimings(msgspec.Struct, frozen=True, kw_only=True):
    """The server's own clock, kept beside the client's and never mixed with it.

    `prefill_tokens` counts only tokens that were really computed; those found in the cache are `cached_tokens`.
    `decode_tokens` counts the tokens that `decode_ns` covers; the first token of an answer belongs to the prefill.
    """

    load_ns: int | None = None
    prefill_ns: int | None = None
    prefill_tokens: int | None = None
    cached_tokens: int | None = None
    decode_ns: int | None = None
    decode_tokens: int | None = None
    total_ns: int | None = None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What one request measured. A figure that is None has its reason in `missing` under its own name.

    `ttft_ns` counts from the moment before the request was written to the first piece with text, reasoning included;
    `ttft_answer_ns` to the first piece of answer; `e2e_ns` to the last piece. `itl_*` are gaps between chunks divided
    by the tokens that came with each; when those are not known the gap itself, and `itl_basis` says "chunks".
    `decode_rate` is (tokens - tokens of the first chunk) / (last - first); `tpot_ns` is its inverse.
    `sources` names, per figure, where it comes from ("client" or "server").
    """

    ttft_ns: int | None = None
    ttft_answer_ns: int | None = None
    e2e_ns: int | None = None
    connect_ns: int | None = None
    tokens: int | None = None
    tokens_basis: TokenBasis | None = None
    prompt_tokens: int | None = None
    chunks: int = 0
    decode_rate: float | None = None
    tpot_ns: float | None = None
    prefill_rate: float | None = None
    itl_p50_ns: float | None = None
    itl_p95_ns: float | None = None
    itl_p99_ns: float | None = None
    itl_max_ns: float | None = None
    itl_cv: float | None = None
    itl_count: int = 0
    itl_basis: Literal["tokens", "chunks"] | None = None
    server_decode_rate: float | None = None
    sources: dict[str, str] = {}
    missing: dict[str, str] = {}
    notes: tuple[str, ...] = ()


# --- events --------------------------------------------------------------------------------------------------------


def _snake_case(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="ev", tag=_snake_case, omit_defaults=True):
    """The base of all events: `t` is nanoseconds since the session's origin."""

    t: int


class SessionOpened(Event, frozen=True, kw_only=True):
    """The header, first line of every log. `suite` is the suite's YAML word for word, `overrides` what `--set` gave."""

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
    """A job took its place at the end of the queue. `requests` is how many measured requests it plans (0: open end)."""

    job: str
    target: str
    backend: str
    model: str
    workload: str
    kind: str
    iteration: int
    requests: int
    quantization: str | None = None
    parameters: dict[str, Any] = {}
    rerun_of: str | None = None


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


class ModelLoaded(Event, frozen=True, kw_only=True):
    """A server made a model ready. `load_ns` is the server's figure or, failing that, the client's wait (`source`)."""

    target: str
    model: str
    load_ns: int | None = None
    source: Literal["server", "client"] | None = None


class RequestStarted(Event, frozen=True, kw_only=True):
    """A request was due. `t` is the intended time; the real one is in `RequestSent`."""

    request: str
    job: str
    model: str
    messages: tuple[tuple[str, str], ...]
    options: dict[str, Any] = {}
    warmup: bool = False


class RequestSent(Event, frozen=True, kw_only=True):
    """`t` is t0 of all latencies: just before the bytes were written on an open connection."""

    request: str
    connect_ns: int | None = None


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
    | JobStarted
    | JobProgressed
    | JobFinished
    | ModelLoaded
    | RequestStarted
    | RequestSent
    | TokensReceived
    | RequestFinished
    | SampleTaken
    | SelfMeasured
    | SamplerStarted
    | SamplerLost
    | AlertRaised
    | MarkerPlaced
    | QueuePaused
    | QueueResumed
    | SessionFinished
)
"""The union that the log decodes into."""
