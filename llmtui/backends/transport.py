"""The transport under every HTTP client of llmtui: kept connections, and a time stamp on everything that arrives.

The stock transport of httpx 0.28 delays the last of 64 requests that start together by 0.6 s and stamps nothing itself,
so this one stands on `connection.Connection`. Answers carry in `response.extensions`:

    sent_ns     int: monotonic clock just before the request was written on the open connection
    connect_ns  int | None: what opening it took (name lookup, TCP and TLS); None when a kept one was used
    kernel_stamps  bool: whether the kernel stamped the reads, or this process did
    reads       TimedReads: the body without its framing, each read with its arrival
"""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator
from typing import NamedTuple, Self

import httpx

from llmtui import __version__
from llmtui.backends.connection import Connection, ConnectionCut, TimedRead, Timeouts
from llmtui.backends.stamped_socket import KERNEL_STAMPS, StampedTransport, connect_stamped, keep_stamping
from llmtui.backends.turnstile import Turnstile

__all__ = ["ConnectionCut", "TimedRead", "TimedTransport", "open_client", "set_key"]

IDLE_LIMIT = 256
"""How many connections to one server are kept while they have nothing to do."""

_CLOSING_LIMIT_S = 2.0


class _Origin(NamedTuple):
    scheme: str
    host: str
    port: int


class TimedReads(AsyncIterator[TimedRead]):
    """The body of one answer, read by read; lets go of the connection at its end."""

    def __init__(self, connection: Connection) -> None:
        self._connection: Connection | None = connection

    async def __anext__(self) -> TimedRead:
        if self._connection is None:
            raise StopAsyncIteration
        read = await self._connection.next_read()
        if self._connection.body_ended:
            self._connection = None  # another exchange may have it from now on
        if read is None:
            raise StopAsyncIteration
        return read

    def ready(self) -> list[TimedRead]:
        """Return those reads that are there already."""
        if self._connection is None:
            return []
        reads = self._connection.ready_reads()
        if self._connection.body_ended:
            self._connection = None
        return reads

    def close(self) -> None:
        """Drop the connection unless the body was read to its end; the server sees that its client is gone."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _TimedBody(httpx.AsyncByteStream):
    """The same reads as httpx wants them."""

    def __init__(self, reads: TimedReads) -> None:
        self._reads = reads

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for read in self._reads:
            yield read.data

    async def aclose(self) -> None:
        self._reads.close()


class TimedTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 over kept connections, with TLS where the URL asks for it; no proxies, no HTTP/2.

    There is no limit to the number of connections: a benchmark of 64 streams needs 64 at once. Belongs to one event
    loop.
    """

    def __init__(self, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self._ssl_context = ssl_context
        self._turnstile: Turnstile | None = None
        self._stamping: socket.socket | None = None
        self._idle: dict[_Origin, list[Connection]] = {}
        self._open: dict[Connection, _Origin] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`, and return its answer as soon as the head has arrived."""
        origin = _origin(request.url)
        limits = request.extensions.get("timeout", {})
        timeouts = Timeouts(limits.get("connect"), limits.get("read"), limits.get("write"))
        kept = self._take_idle(origin)
        if kept is not None:
            try:
                return await self._exchange(kept, request, timeouts, connect_ns=None)
            except (ConnectionCut, httpx.ReadError, httpx.WriteError):
                # The server dropped the idle connection while the request was on its way to it. A body that can be
                # written only once cannot be sent again, and an answer that had begun must not be asked for twice.
                if not (kept.silent and isinstance(request.stream, httpx.ByteStream)):
                    raise
        began_ns = time.monotonic_ns()
        fresh = await self._connect(origin, timeouts.connect)
        return await self._exchange(fresh, request, timeouts, connect_ns=time.monotonic_ns() - began_ns)

    async def aclose(self) -> None:
        """Drop every connection, and wait until all sockets are closed."""
        if self._stamping is not None:
            self._stamping.close()
        lost = [connection.closed for connection in self._open]
        for connection in tuple(self._open):
            connection.close()
        if lost:
            await asyncio.wait(lost, timeout=_CLOSING_LIMIT_S)

    @property
    def connections(self) -> int:
        """How many connections are open, idle ones included."""
        return len(self._open)

    async def _exchange(
        self, connection: Connection, request: httpx.Request, timeouts: Timeouts, *, connect_ns: int | None
    ) -> httpx.Response:
        try:
            sent_ns, head = await connection.exchange(request, timeouts)
        except BaseException:
            connection.close()
            raise
        reads = TimedReads(connection)
        return httpx.Response(
            head.status_code,
            headers=head.headers.raw_items(),
            stream=_TimedBody(reads),
            extensions={
                "http_version": b"HTTP/" + head.http_version,
                "reason_phrase": head.reason,
                "sent_ns": sent_ns,
                "connect_ns": connect_ns,
                "kernel_stamps": connection.kernel_stamps,
                "reads": reads,
            },
        )

    def _take_idle(self, origin: _Origin) -> Connection | None:
        idle = self._idle.get(origin, [])
        while idle:
            connection = idle.pop()
            if connection.usable:
                return connection
            connection.close()
        return None

    async def _connect(self, origin: _Origin, limit_s: float | None) -> Connection:
        loop = asyncio.get_running_loop()
        context = self._context() if origin.scheme == "https" else None
        turnstile = self._turnstile = self._turnstile or Turnstile()
        connection = Connection(turnstile=turnstile, on_idle=self._keep, on_lost=self._forget)
        try:
            async with asyncio.timeout(limit_s):
                if context is None and KERNEL_STAMPS:
                    self._stamping = self._stamping or keep_stamping()
                    StampedTransport(await connect_stamped(origin.host, origin.port), connection)
                else:
                    await loop.create_connection(lambda: connection, origin.host, origin.port, ssl=context)
        except TimeoutError:
            raise httpx.ConnectTimeout("The server did not take the connection in time.") from None
        except (OSError, UnicodeError) as error:  # UnicodeError: a host name that cannot be one
            raise httpx.ConnectError(_first_reason(error)) from None
        if not connection.closed.done():
            self._open[connection] = origin
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._ssl_context is None:  # reading the certificates takes a while, and most servers are local
            self._ssl_context = ssl.create_default_context()
        return self._ssl_context

    def _keep(self, connection: Connection) -> None:
        idle = self._idle.setdefault(self._open[connection], [])
        if len(idle) < IDLE_LIMIT:
            idle.append(connection)
        else:
            connection.close()

    def _forget(self, connection: Connection) -> None:
        origin = self._open.pop(connection, None)
        if origin is not None and connection in self._idle.get(origin, []):
            self._idle[origin].remove(connection)

    async def __aenter__(self) -> Self:
        return self


def open_client(
    base_url: str, *, api_key: str | None = None, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """Make a client for one server; paths such as "/v1/models" are joined to the path of `base_url`.

    It asks for no compression, follows no redirect and takes nothing from the environment. `ValueError` with one
    sentence for a URL that is none, one that holds a password, or a key that no header can carry.
    """
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.userinfo:
        raise ValueError("The URL of a server must not hold a password: give it as the API key.")
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError(f"{base_url!r} is no URL of a server: write it as http://HOST:PORT.")
    client = httpx.AsyncClient(
        base_url=url,
        transport=transport or TimedTransport(),
        headers={"Accept-Encoding": "identity", "User-Agent": f"llmtui/{__version__}"},
        timeout=httpx.Timeout(connect=5.0, read=30.0, write=30.0, pool=None),
        trust_env=False,
        follow_redirects=False,
    )
    if api_key:
        set_key(client, api_key)
    return client


def set_key(client: httpx.AsyncClient, api_key: str) -> None:
    """Let `client` send `api_key` with each request. `ValueError` for a key that no header can carry."""
    if not (api_key.isascii() and api_key.isprintable() and api_key == api_key.strip()):
        raise ValueError(
            "The API key holds spaces at its ends, control characters or letters that no header can carry."
        )
    client.headers["Authorization"] = f"Bearer {api_key}"


def _origin(url: httpx.URL) -> _Origin:
    if url.scheme not in {"http", "https"} or not url.host:
        raise httpx.UnsupportedProtocol("Only http:// and https:// are spoken.")
    return _Origin(
        url.scheme, url.raw_host.decode("ascii").strip("[]"), url.port or (443 if url.scheme == "https" else 80)
    )


def _first_reason(error: Exception) -> str:
    # asyncio's own words for a refused connection are those of a traceback; the system's are a sentence.
    if isinstance(error, ConnectionError) and error.errno is not None:
        return os.strerror(error.errno).lower()
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return reason or type(error).__name__
