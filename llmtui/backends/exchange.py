"""Requests with limits; every failure is a `BackendError` in one sentence that never holds the client's API key."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec

from llmtui.backends.base import BackendError, Posted, Sent
from llmtui.backends.limits import LimitedReads, Limits, Reads
from llmtui.backends.problems import http_problem, transport_problem
from llmtui.backends.transport import TimedRead
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
        self,
        response: httpx.Response,
        began_ns: int,
        limits: Limits,
        *,
        model: str | None,
        payload: Any = None,
    ) -> None:
        self.response = response
        self.sent_ns: int = response.extensions.get("sent_ns", began_ns)
        self.connect_ns: int | None = response.extensions.get("connect_ns")
        self.kernel_stamps: bool = response.extensions.get("kernel_stamps", False)
        self._limits = limits
        self.url = limits.url
        self.secret = limits.secret
        self._model = model
        self._payload = payload
        self._reads: Reads = response.extensions.get("reads") or _StampedHere(response)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status_code

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
        return LimitedReads(self._reads, self._limits, progress)

    def sent(self) -> Sent:
        """Return when and what was sent, as the first item of a stream."""
        posted = Posted(str(self.response.request.url), self._payload, self.secret is not None)
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
                async for _ in self._reads:
                    pass
        except (TimeoutError, httpx.HTTPError):
            pass


@asynccontextmanager
async def post_timed(
    client: httpx.AsyncClient,
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
    limits = Limits(stall_s, limit_s, url=_shown(client), secret=_secret(client), patient=patient)
    async with _exchange(client, "POST", path, payload, limits=limits, model=model) as exchange:
        yield exchange


async def request_json(
    client: httpx.AsyncClient,
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
        raise transport_problem(error, url=_shown(client), secret=_secret(client)) from None


async def request_text(
    client: httpx.AsyncClient, method: str, path: str, payload: Any = None, *, limit_s: float = 30.0
) -> str:
    """Make a plain call and return the answer as text; all but a success is a `BackendError`."""
    return (await _request(client, method, path, payload, limit_s=limit_s)).decode(errors="replace")


async def _request(
    client: httpx.AsyncClient, method: str, path: str, payload: Any, *, limit_s: float, model: str | None = None
) -> bytes:
    limits = Limits(limit_s, limit_s, url=_shown(client), secret=_secret(client))
    async with _exchange(client, method, path, payload, limits=limits, model=model) as exchange:
        body = await exchange.body()
        if not exchange.ok:
            raise exchange.problem_of(body)
        return body


@asynccontextmanager
async def _exchange(
    client: httpx.AsyncClient, method: str, path: str, payload: Any, *, limits: Limits, model: str | None
) -> AsyncGenerator[TimedExchange]:
    request = _build(client, method, path, payload, limits.url)
    began_ns = time.monotonic_ns()
    try:
        async with asyncio.timeout_at(limits.next_at):
            response = await client.send(request, stream=True)
    except (TimeoutError, httpx.HTTPError) as error:
        raise limits.translate(error) from None
    try:
        yield TimedExchange(response, began_ns, limits, model=model, payload=payload)
    finally:
        limits.close()
        await response.aclose()


def _build(client: httpx.AsyncClient, method: str, path: str, payload: Any, url: str) -> httpx.Request:
    content = None
    headers = {}
    if payload is not None:
        headers["Content-Type"] = "application/json"
        try:
            content = msgspec.json.encode(payload)
        except (TypeError, ValueError, RecursionError) as error:
            raise BackendError("bad_request", f"The request to {url} cannot be written as JSON: {error}.") from None
    # Reading has the two limits of the exchange, which know comments and the whole; only connecting keeps the client's.
    timeout = httpx.Timeout(connect=client.timeout.connect, read=None, write=client.timeout.write, pool=None)
    return client.build_request(method, path, content=content, headers=headers, timeout=timeout)


class _StampedHere(AsyncIterator[TimedRead]):
    """Stamps a body that came over a transport without stamps, such as a test's."""

    def __init__(self, response: httpx.Response) -> None:
        self._pieces = response.aiter_bytes()

    async def __anext__(self) -> TimedRead:
        data = await anext(self._pieces)
        return TimedRead(time.monotonic_ns(), data)

    def ready(self) -> list[TimedRead]:
        """Return []: nobody knows."""
        return []


def _shown(client: httpx.AsyncClient) -> str:
    """Return the server's URL as sentences show it: without its last slash, without a password."""
    return str(client.base_url.copy_with(userinfo=b"", query=None, fragment=None)).rstrip("/")


def _secret(client: httpx.AsyncClient) -> str | None:
    return client.headers.get("Authorization", "").removeprefix("Bearer ") or None
