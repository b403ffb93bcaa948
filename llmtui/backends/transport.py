"""The transport under every HTTP client of llmtui: kept connections, and a time stamp on everything that arrives.

It stands on `connection.Connection`: a stock client stamps nothing itself, and delays the last of 64 requests that
start together by half a second.
"""

import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple

from llmtui.backends.connection import Connection, HttpRequest, TimedRead
from llmtui.backends.stamped_socket import KERNEL_STAMPS, StampedTransport, connect_stamped, keep_stamping
from llmtui.backends.transport_errors import ConnectError, ConnectionLostError, ConnectTimeoutError
from llmtui.backends.turnstile import Turnstile

CONNECT_LIMIT_S = 5.0

IDLE_LIMIT = 256
"""How many connections to one server are kept while they have nothing to do."""

_CLOSING_LIMIT_S = 2.0


class Origin(NamedTuple):
    """Where a server listens."""

    host: str
    port: int
    tls: bool = False


class TimedReads(AsyncIterator[TimedRead]):
    """The body of one answer, read by read; lets go of the connection at its end."""

    def __init__(self, connection: Connection) -> None:
        self._connection: Connection | None = connection

    async def __anext__(self) -> TimedRead:
        read = await self.next()
        if read is None:
            raise StopAsyncIteration
        return read

    async def next(self) -> TimedRead | None:
        """Return the next read, None at the end of the body."""
        if self._connection is None:
            return None
        read = await self._connection.next_read()
        if self._connection.body_ended:
            self._connection = None  # another exchange may have it from now on
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


class HttpResponse(NamedTuple):
    """An answer whose head has arrived.

    Attributes:
        status: The HTTP status.
        headers: By names in small letters; of several with one name the last.
        sent_ns: Monotonic clock just before the request was written on the open connection.
        connect_ns: What opening it took (name lookup, TCP and TLS); None when a kept one was used.
        kernel_stamps: Whether the kernel stamped the reads, or this process did.
        reads: The body without its framing, each read with its arrival.
    """

    status: int
    headers: Mapping[str, str]
    sent_ns: int
    connect_ns: int | None
    kernel_stamps: bool
    reads: TimedReads


class TimedTransport:
    """HTTP/1.1 to one server over kept connections, with TLS where `origin` asks for it; no proxies, no HTTP/2.

    There is no limit to the number of connections: a benchmark of 64 streams needs 64 at once. Belongs to one event
    loop.
    """

    def __init__(
        self,
        origin: Origin,
        *,
        ssl_context: ssl.SSLContext | None = None,
        connect_limit_s: float = CONNECT_LIMIT_S,
    ) -> None:
        self._origin = origin
        self._ssl_context = ssl_context
        self._connect_limit_s = connect_limit_s
        self._turnstile: Turnstile | None = None
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send `request`, and return its answer as soon as the head has arrived. Raises `TransportError`."""
        kept = self._take_idle()
        if kept is not None:
            try:
                return await self._exchange(kept, request, connect_ns=None)
            except ConnectionLostError:
                # The server dropped the idle connection while the request was on its way to it. An answer that had
                # begun must not be asked for twice.
                if not kept.silent:
                    raise
        began_ns = time.monotonic_ns()
        fresh = await self._connect()
        return await self._exchange(fresh, request, connect_ns=time.monotonic_ns() - began_ns)

    async def aclose(self) -> None:
        """Drop every connection, and wait until all sockets are closed."""
        lost = [connection.closed for connection in self._open]
        for connection in tuple(self._open):
            connection.close()
        if lost:
            await asyncio.wait(lost, timeout=_CLOSING_LIMIT_S)

    @property
    def connections(self) -> int:
        """How many connections are open, idle ones included."""
        return len(self._open)

    async def _exchange(self, connection: Connection, request: HttpRequest, *, connect_ns: int | None) -> HttpResponse:
        try:
            sent_ns, head = await connection.exchange(request)
        except BaseException:
            connection.close()
            raise
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        return HttpResponse(
            head.status_code, headers, sent_ns, connect_ns, connection.kernel_stamps, TimedReads(connection)
        )

    def _take_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.close()
        return None

    async def _connect(self) -> Connection:
        host, port, tls = self._origin
        turnstile = self._turnstile = self._turnstile or Turnstile()
        connection = Connection(turnstile=turnstile, on_idle=self._keep, on_lost=self._forget)
        try:
            async with asyncio.timeout(self._connect_limit_s):
                if KERNEL_STAMPS and not tls:
                    keep_stamping()
                    StampedTransport(await connect_stamped(host, port), connection)
                else:
                    loop = asyncio.get_running_loop()
                    context = self._context() if tls else None
                    await loop.create_connection(lambda: connection, host, port, ssl=context)
        except TimeoutError:
            raise ConnectTimeoutError("The server did not take the connection in time.") from None
        except (OSError, UnicodeError) as error:  # UnicodeError: a host name that cannot be one
            raise ConnectError(_first_reason(error)) from None
        if not connection.closed.done():
            self._open.add(connection)
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._ssl_context is None:  # reading the certificates takes a while, and most servers are local
            self._ssl_context = ssl.create_default_context()
        return self._ssl_context

    def _keep(self, connection: Connection) -> None:
        if len(self._idle) < IDLE_LIMIT:
            self._idle.append(connection)
        else:
            connection.close()

    def _forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)


def _first_reason(error: Exception) -> str:
    # asyncio's own words for a refused connection are those of a traceback; the system's are a sentence.
    if isinstance(error, ConnectionError) and error.errno is not None:
        return os.strerror(error.errno).lower()
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return reason or type(error).__name__
