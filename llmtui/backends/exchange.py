"""Requests with limits; every failure is a `BackendError` in one sentence that never holds the client's API key."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from llmtui.backends.base import BackendError, Posted, Sent
from llmtui.backends.http_client import HttpClient
from llmtui.backends.limits import LimitedReads, Limits
from llmtui.backends.problems import http_problem, transport_problem
from llmtui.backends.transport import HttpResponse
from llmtui.backends.transport_errors import TransportError
from llmtui.backends.wire import WireError, decode_json

BODY_LIMIT = 64 * 1024 * 1024
"""The longest answer that is read as a whole, in bytes."""

_SUCCESS = range(200, 300)


class TimedExchange:
    """A request whose answer's head has arrived.

    Attributes:
        response: The answer, for its header; read the body by the methods here, which keep the limits.
        sent_ns: Monotonic clock just before the request was written.
        connect_ns: What opening the connection took, None when a kept one was used.
        kernel_stamps: Whether the kernel stamped the reads.
        url: The server, as sentences name it.
        secret: The client's API key, for those who write further sentences and must keep it out of them.
    """

    def __init__(
        self, response: HttpResponse, limits: Limits, *, path: str, model: str | None, payload: Any = None
    ) -> None:
        self.response = response
        self.sent_ns = response.sent_ns
        self.connect_ns = response.connect_ns
        self.kernel_stamps = response.kernel_stamps
        self._limits = limits
        self.url = limits.url
        self.secret = limits.secret
        self._path = path
        self._model = model
        self._payload = payload

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status

    @property
    def ok(self) -> bool:
        """Whether the status is one of success."""
        return self.status in _SUCCESS

    def reads(self, progress: Callable[[], int] | None = None) -> LimitedReads:
        """Return the body's reads; `BackendError` for stalled, timeout, disconnected, malformed.

        `progress` is a count that the consumer's parser raises by everything but comments (`SseParser.progress`): a
        read that leaves it where it was does not renew the stall limit. Without it every read does. Of an exchange that
        is `patient` the first renewal begins the stall limit.
        """
        return LimitedReads(self.response.reads, self._limits, progress)

    def sent(self) -> Sent:
        """Return when and what was sent, as the first item of a stream."""
        posted = Posted(self.url + self._path, self._payload, self.secret is not None)
        return Sent(self.sent_ns, self.connect_ns, self.kernel_stamps, posted)

    async def body(self) -> bytes:
        """Return the whole body of an answer that is no stream."""
        pieces: list[bytes] = []
        size = 0
        async for read in self.reads():
            pieces.append(read.data)
            size += len(read.data)
            if size > BODY_LIMIT:
                raise BackendError("malformed", f"{self.url} sends more than {BODY_LIMIT // 2**20} MiB: check the URL.")
        return b"".join(pieces)

    async def problem(self) -> BackendError:
        """Read the body of an answer that is no success, and return what went wrong."""
        return self.problem_of(await self.body())

    def problem_of(self, body: bytes) -> BackendError:
        """Return what went wrong, for a caller that has read the body already."""
        return http_problem(self.status, body, url=self.url, model=self._model, secret=self.secret)

    async def drain(self, patience_s: float = 0.25) -> None:
        """Read what follows the last frame that matters, so that the connection can be kept; never fails."""
        try:
            async with asyncio.timeout(patience_s):
                async for _ in self.response.reads:
                    pass
        except (TimeoutError, TransportError):
            pass


@asynccontextmanager
async def post_timed(
    client: HttpClient,
    path: str,
    payload: Any,
    *,
    stall_s: float,
    limit_s: float,
    model: str | None = None,
    patient: bool = False,
) -> AsyncGenerator[TimedExchange]:
    """POST `payload` as JSON, and give the exchange once the answer's head is there.

    An HTTP error is no failure here: look at `ok`, then raise `await exchange.problem()`. Both limits count from now,
    and the stall limit anew from each read; with `patient` it counts only from the first read that renews it, for
    servers that are silent while they load and read the prompt. Leaving the block before the end of the body closes the
    connection.
    """
    limits = Limits(stall_s, limit_s, url=client.url, secret=client.api_key, patient=patient)
    async with _exchange(client, "POST", path, payload, limits=limits, model=model) as exchange:
        yield exchange


async def request_json(
    client: HttpClient,
    method: str,
    path: str,
    payload: Any = None,
    *,
    limit_s: float = 30.0,
    model: str | None = None,
) -> Any:
    """Make a plain call and return the parsed answer, {} where its body is empty; all else is a `BackendError`."""
    body = await _request(client, method, path, payload, limit_s=limit_s, model=model)
    if not body.strip():
        return {}
    try:
        return decode_json(body)
    except WireError as error:
        raise transport_problem(error, url=client.url, secret=client.api_key) from None


async def request_text(
    client: HttpClient, method: str, path: str, payload: Any = None, *, limit_s: float = 30.0
) -> str:
    """Make a plain call and return the answer as text; all but a success is a `BackendError`."""
    return (await _request(client, method, path, payload, limit_s=limit_s)).decode(errors="replace")


async def _request(
    client: HttpClient, method: str, path: str, payload: Any, *, limit_s: float, model: str | None = None
) -> bytes:
    limits = Limits(limit_s, limit_s, url=client.url, secret=client.api_key)
    async with _exchange(client, method, path, payload, limits=limits, model=model) as exchange:
        body = await exchange.body()
        if not exchange.ok:
            raise exchange.problem_of(body)
        return body


@asynccontextmanager
async def _exchange(
    client: HttpClient, method: str, path: str, payload: Any, *, limits: Limits, model: str | None
) -> AsyncGenerator[TimedExchange]:
    body = _encode(payload, limits.url)
    try:
        async with asyncio.timeout_at(limits.next_at):
            response = await client.send(method, path, body)
    except (TimeoutError, TransportError) as error:
        raise limits.translate(error) from None
    try:
        yield TimedExchange(response, limits, path=path, model=model, payload=payload)
    finally:
        limits.close()
        response.reads.close()


def _encode(payload: Any, url: str) -> bytes | None:
    if payload is None:
        return None
    try:
        return msgspec.json.encode(payload)
    except (TypeError, ValueError, RecursionError) as error:
        raise BackendError("bad_request", f"The request to {url} cannot be written as JSON: {error}.") from None
