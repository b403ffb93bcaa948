"""One request after another: when it was due, when it was sent, what came back."""

from typing import Any, Literal

from llmtui.events.base import Event
from llmtui.events.payloads import Figures, ServerTimings, Usage

RequestStatus = Literal["done", "failed", "cancelled"]
TextKind = Literal["answer", "reasoning"]


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
