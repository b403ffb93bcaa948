"""What every backend gives: models, load and unload, one stream of timed chunks per request."""

from collections.abc import AsyncIterator
from typing import Any, Literal, Protocol

import msgspec

from llmtui.events import Server, ServerTimings, Usage

ProblemKind = Literal[
    "unreachable",  # nobody listens there
    "refused",  # 401, 403
    "no_model",  # the server does not have that model
    "context_full",  # the prompt does not fit
    "bad_request",  # the server rejects what we sent
    "loading",  # still loading when the patience ended
    "overloaded",  # 429 or 503
    "server_error",  # any other answer of 500 and above, or an error in mid-stream
    "malformed",  # bytes that are no frames of the protocol
    "empty",  # 200, and then nothing
    "truncated",  # the stream ended without saying that it was the end
    "disconnected",  # the connection broke in mid-stream
    "stalled",  # no bytes other than comments within the stall limit, see `GenerationRequest.stall_s`
    "timeout",  # longer than the request may take
    "not_supported",  # this server has no such ability
]


class BackendError(Exception):
    """A request that failed, in one sentence that says what to do. What was streamed before it stays valid."""

    def __init__(self, kind: ProblemKind, sentence: str, *, status: int | None = None) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.sentence = sentence
        self.status = status


class GenerationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One generation. `options` are the backend's own parameters, passed through as they are.

    A request with `prompt` asks for plain completion, one with `messages` for a chat turn.

    `limit_s` bounds the whole request. `stall_s` bounds the silence within an answer that has begun: keep-alive
    comments do not renew it. Before the first text a server may load a model and read a long prompt; some say nothing
    meanwhile, some send comments or a role. There `limit_s` alone holds, except for llama.cpp, which shows its
    progress: for it any byte is a sign of life, and `stall_s` without one is a stall.
    """

    model: str
    messages: tuple[tuple[str, str], ...] = ()
    prompt: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    stall_s: float = 60.0
    limit_s: float = 600.0


class Posted(msgspec.Struct, frozen=True):
    """What was posted, and where; `keyed` says that an API key went with it."""

    url: str
    body: dict[str, Any]
    keyed: bool = False


class Sent(msgspec.Struct, frozen=True):
    """First item of a stream: t0 on the monotonic clock, just before the request was written.

    `connect_ns` is the time that opening the connection took, None when an open one was used again. With
    `kernel_stamps` the chunks that follow have the kernel's time of arrival, else that of the read in this process.
    `posted` is what the server was asked.
    """

    at_ns: int
    connect_ns: int | None
    kernel_stamps: bool = False
    posted: Posted | None = None


class Chunk(msgspec.Struct, frozen=True):
    """A piece of text with the moment at which its bytes arrived, on the monotonic clock.

    Pieces of one read share `at_ns` exactly. `tokens` is the server's running count of completion tokens, if it tells.
    """

    at_ns: int
    text: str
    reasoning: bool = False
    tokens: int | None = None


class End(msgspec.Struct, frozen=True):
    """Last item of a stream that ended as it should. `at_ns` is the arrival of the frame that said so."""

    at_ns: int
    finish_reason: str | None
    usage: Usage | None = None
    timings: ServerTimings | None = None
    notes: tuple[str, ...] = ()


StreamItem = Sent | Chunk | End


class Backend(Protocol):
    """A server behind its wire protocol. All methods raise `BackendError` and nothing else."""

    kind: str
    url: str

    async def describe(self) -> Server:
        """Ask the server for its version, slots and models."""

    async def load(self, model: str, options: dict[str, Any]) -> int | None:
        """Make `model` ready, and return the server's own load time in ns where it tells."""

    async def loaded(self) -> tuple[str, ...] | None:
        """Return the models that are in the server's memory now; None where it does not tell."""

    async def unload(self, model: str) -> None:
        """Let go of `model`, and wait until the server no longer lists it as loaded.

        `BackendError` not_supported: this server can't; timeout: it said that it did, and still lists the model.
        """

    def stream(self, request: GenerationRequest) -> AsyncIterator[StreamItem]:
        """Send one request and yield `Sent`, then every `Chunk` with text, then `End`."""

    async def count_tokens(self, model: str, text: str) -> int | None:
        """Count `text` by the server's own tokenizer; None where it offers none."""

    async def aclose(self) -> None:
        """Close every connection."""
