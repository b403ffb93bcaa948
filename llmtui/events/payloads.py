"""What events carry: machines, servers, models, counts and figures, as frozen structs that do nothing by themselves.

All sizes are bytes, all rates tokens per second, all `*_ns` nanoseconds.
"""

from typing import Literal

import msgspec

TokenBasis = Literal["server", "tokenizer", "chunks", "estimated"]
"""Where a token count comes from, best first."""


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
    """A model as its server describes it; servers leave out what they do not know.

    `context` is the longest that the server lets it have, `trained` the longest that it was trained for, in tokens.
    """

    id: str
    family: str | None = None
    parameters: int | None = None
    quantization: str | None = None
    context: int | None = None
    trained: int | None = None
    size: int | None = None
    digest: str | None = None
    loaded: bool | None = None


class ModelPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A model on a target of the session."""

    target: str
    model: str
    quantization: str | None = None


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


class Criterion(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a run had to keep. `passed` None: it can't be judged, and `text` says why."""

    name: str
    passed: bool | None
    text: str


class OfferedLoad(msgspec.Struct, frozen=True, kw_only=True):
    """How much is asked of a server at once: `concurrency` requests in flight, or `rate` requests begun each second."""

    concurrency: int | None = None
    rate: float | None = None
    arrivals: Literal["constant", "poisson"] | None = None
