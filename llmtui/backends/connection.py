"""One kept HTTP/1.1 connection that knows when its bytes arrived.

With 64 streams in phase all their bytes arrive together, and whatever is done with the first delays the stamp of the
last. So `data_received` only stamps and appends; the bytes are framed later, in the task that reads them, and a
`Turnstile` lets one such task go on between two looks at the sockets. h11 writes the requests and reads the heads.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, cast

import h11

from llmtui.backends.body import HEAD_LIMIT, Body, ChunkedBody, SizedBody, body_of, keeps_alive
from llmtui.backends.stamped_socket import StampedTransport
from llmtui.backends.transport_errors import (
    ConnectionCutError,
    ConnectionLostError,
    ForeignProtocolError,
    UnsendableRequestError,
)
from llmtui.backends.turnstile import Turnstile

UNPARSED_HIGH = 1024 * 1024
"""Received bytes that wait for their reader; beyond it the socket is not read, and the server has to wait."""

UNPARSED_LOW = UNPARSED_HIGH // 4

TOGETHER_S = 0.045
"""In mid-stream what the kernel has stamped may wait so long for more of its kind, and is then read in one go.

Waking a task costs more than all that it does with a token. Nobody misses the time: the log takes tokens in batches of
50 ms, and what ends an answer is never kept waiting.
"""

ENOUGH_NS = 35_000_000
"""What has waited so long is read with the next that comes: this process is awake then, and needs no timer for it."""

_LAST_CHUNK = b"0\r\n\r\n"


class TimedRead(NamedTuple):
    """Body bytes of one socket read, and the moment at which that read arrived, on the monotonic clock."""

    at_ns: int
    data: bytes


class HttpRequest(NamedTuple):
    """What is written on a connection; `headers` are all that are sent, `Host` and `Content-Length` among them."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""


class AnswerHead(NamedTuple):
    """Status line and header of an answer, with the moment just before its request was written."""

    sent_ns: int
    response: h11.Response


class Connection(asyncio.Protocol):
    """One connection with one exchange at a time: `exchange`, then `next_read` until it gives None.

    `on_idle` is called when an answer was read to its end and the connection can carry another one, `on_lost` once when
    it is gone. The methods raise `TransportError`.

    Attributes:
        kernel_stamps: Whether the kernel stamps the reads.
        silent: Whether the server has answered the present request with no byte yet.
        body_ended: Whether the last answer was read to its end.
        closed: Done once the socket is closed.
    """

    def __init__(
        self, *, turnstile: Turnstile, on_idle: Callable[["Connection"], None], on_lost: Callable[["Connection"], None]
    ) -> None:
        self.kernel_stamps = False
        self.silent = True
        self.body_ended = True
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self._turnstile = turnstile
        self._on_idle = on_idle
        self._on_lost = on_lost
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT)
        self._body: Body = SizedBody(0)
        self._beside_head = b""
        self._keeps = False
        self._transport: asyncio.Transport | None = None
        self._reads: deque[TimedRead] = deque()
        self._unparsed = 0
        self._reading_paused = False
        self._writing_paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._admitted = False
        self._may_wait = False
        self._gathering: asyncio.TimerHandle | None = None
        self._ended = False
        self._loss: Exception | None = None
        self._arrived_ns = 0

    @property
    def usable(self) -> bool:
        """Whether the connection may carry a request: open, and the server has said nothing unasked."""
        return not (self._ended or self._reads or self._transport is None or self._transport.is_closing())

    # --- called by the event loop ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: D102 - asyncio.Protocol
        self._transport = cast("asyncio.Transport", transport)
        self.kernel_stamps = isinstance(transport, StampedTransport)

    def data_received(self, data: bytes) -> None:  # noqa: D102 - asyncio.Protocol
        self.data_stamped(time.monotonic_ns(), data)

    def data_stamped(self, at_ns: int, data: bytes) -> None:
        """Take bytes that arrived at `at_ns`."""
        self._reads.append(TimedRead(at_ns, data))
        self._unparsed += len(data)
        if self._unparsed > UNPARSED_HIGH and not self._reading_paused and self._transport is not None:
            self._reading_paused = True
            self._transport.pause_reading()
        if self._waiter is None or self._admitted:
            return
        enough = self._unparsed > UNPARSED_LOW or at_ns - self._reads[0].at_ns >= ENOUGH_NS
        if enough or not self._may_wait or data.endswith(_LAST_CHUNK):
            self._admit()
        elif self._gathering is None:
            self._gathering = self._loop.call_later(TOGETHER_S, self._admit)

    def _admit(self) -> None:
        if self._waiter is None or self._admitted:
            return
        self._admitted = True
        if self.kernel_stamps and not self._waiter.done():
            self._waiter.set_result(None)
        else:
            # What this process stamps itself must not wait for the work of many readers.
            self._turnstile.admit(self._waiter)

    def eof_received(self) -> None:  # noqa: D102 - asyncio.Protocol; returning None lets the transport close itself
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: D102 - asyncio.Protocol
        self._ended = True
        self._loss = exc
        if not self.closed.done():
            self.closed.set_result(None)
        self._wake()
        self._on_lost(self)

    def pause_writing(self) -> None:  # noqa: D102 - asyncio.Protocol
        self._writing_paused = True

    def resume_writing(self) -> None:  # noqa: D102 - asyncio.Protocol
        self._writing_paused = False

    # --- called by the transport -----------------------------------------------------------------------------------

    async def exchange(self, request: HttpRequest) -> AnswerHead:
        """Write `request`, wait for the head of its answer and return it.

        A server may answer before it has read all of a long request; its connection carries no other one then.
        """
        self.silent = True
        self.body_ended = False
        self._may_wait = False
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT)
        sent_ns = self._write(request)
        while not isinstance(event := await self._next_event(), h11.Response):
            pass
        try:
            self._body = body_of(request.method, event)
        except ValueError as error:
            raise _foreign(error) from None
        self._keeps = keeps_alive(event) and not self._writing_paused
        self._beside_head = self._h11.trailing_data[0]
        return AnswerHead(sent_ns, event)

    async def next_read(self) -> TimedRead | None:
        """Return the body bytes of the next socket read that has any, None at the end of the body.

        Several pieces of body that came in one read are one `TimedRead`: they arrived at one moment.
        """
        if self.body_ended:
            return None
        body, data = self._body, b""
        while not (data or body.ended or body.fault):
            data = body.feed(await self._next_bytes())
        if body.ended:
            self._settle()
        if data:
            # The first text of an answer is worth a wake-up of its own; so is all that this process has to stamp.
            self._may_wait = self.kernel_stamps and isinstance(body, ChunkedBody)
            return TimedRead(self._arrived_ns, data)
        if body.fault is not None:
            raise _foreign(body.fault)
        return None

    def ready_reads(self) -> list[TimedRead]:
        """Return the body bytes of those reads that are there already; what is wrong with them `next_read` says."""
        ready: list[TimedRead] = []
        while self._reads and not (self.body_ended or self._body.fault or self._beside_head):
            data = self._body.feed(self._pop_read())
            if self._body.ended:
                self._settle()
            if data:
                ready.append(TimedRead(self._arrived_ns, data))
        return ready

    def close(self) -> None:
        """Drop the connection at once, whatever it was doing."""
        self._ended = True
        # asyncio's transport fails at an abort after it lost a connection whose last bytes it had to wait for.
        if self._transport is not None and not self.closed.done():
            self._transport.abort()
        self._wake()

    # --- the inside ------------------------------------------------------------------------------------------------

    def _write(self, request: HttpRequest) -> int:
        assert self._transport is not None
        framed = self._frame(request)
        # Head and body travel together: one packet, one wake-up of the server.
        sent_ns = time.monotonic_ns()
        self._transport.write(framed)
        return sent_ns

    def _frame(self, request: HttpRequest) -> bytes:
        try:
            head = h11.Request(method=request.method, target=request.target, headers=request.headers)
        except h11.LocalProtocolError:
            # h11 quotes the offending header, which may be the one that holds the key: its text goes no further.
            raise UnsendableRequestError("The request has a header that HTTP/1.1 does not allow.") from None
        events = (head, h11.Data(data=request.body), h11.EndOfMessage())
        try:
            return b"".join(self._h11.send(event) or b"" for event in events)
        except h11.LocalProtocolError as error:
            raise UnsendableRequestError(f"The request cannot be sent by HTTP/1.1: {error}.") from None

    async def _next_event(self) -> h11.Event | type[h11.PAUSED]:
        data = None
        while True:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError as error:
                raise (_cut() if data == b"" else _foreign(error)) from None
            if event is not h11.NEED_DATA:
                return cast("h11.Event", event)
            data = await self._take_read()
            self._h11.receive_data(data)

    async def _next_bytes(self) -> bytes:
        """Return the next bytes behind the head. The end of the connection is the end of the body, or an error."""
        if self._beside_head:
            data, self._beside_head = self._beside_head, b""
            return data
        data = await self._take_read()
        if not data:
            if not self._body.whole_at_close():
                raise _cut()
            self._body.ended = True
        return data

    async def _take_read(self) -> bytes:
        """Return the bytes of the next read, b"" at the end of the stream."""
        while not self._reads:
            if self._ended:
                if self._loss is not None:
                    raise ConnectionLostError("The connection was reset.")
                return b""
            await self._arrival()
        return self._pop_read()

    def _pop_read(self) -> bytes:
        read = self._reads.popleft()
        self._unparsed -= len(read.data)
        if self._reading_paused and self._unparsed < UNPARSED_LOW and self._transport is not None:
            self._reading_paused = False
            self._transport.resume_reading()
        self.silent = False
        self._arrived_ns = read.at_ns
        return read.data

    async def _arrival(self) -> None:
        assert self._waiter is None, "a connection has one reader"
        self._waiter = self._loop.create_future()
        self._admitted = False
        try:
            await self._waiter
        finally:
            self._waiter = None
            if self._gathering is not None:
                self._gathering.cancel()
                self._gathering = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _settle(self) -> None:
        """Make the connection ready for the next exchange, or drop it where that cannot be."""
        self.body_ended = True
        if self._keeps and self.usable and not (self._beside_head or self._body.beyond):
            self._on_idle(self)
        else:
            self.close()


def _cut() -> ConnectionCutError:
    return ConnectionCutError("The server closed the connection before its answer was whole.")


def _foreign(reason: object) -> ForeignProtocolError:
    return ForeignProtocolError(f"The server does not speak HTTP/1.1 as it should: {reason}.")
