"""A real TCP server on the loopback that plays scripted bytes, and writes down what it received and when it sent.

    with ByteServer(Answer.json({"version": "0.32.15"})) as server:
        ...  # server.url, server.requests

It runs in a thread of its own, so that a client in the test's event loop cannot delay it. All times are of the
monotonic clock of this machine, the same that clients stamp with.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import NamedTuple, Self, cast

import h11

from llmtui.testing.answers import Answer, Ending, Piece, sse

__all__ = ["Answer", "ByteServer", "Ending", "Piece", "ReceivedRequest", "sse"]

_START_LIMIT_S = 10.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: close sends RST instead of FIN


class ReceivedRequest(NamedTuple):
    """One request, as it came in.

    Attributes:
        at_ns: When its last byte was read.
        connection: Number of its connection, from 0, in order of accept.
        method: In capitals.
        path: With its query.
        headers: Names in lower case.
        body: Without its framing.
    """

    at_ns: int
    connection: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class SentPiece(NamedTuple):
    """One send: the moment just before it, the number of the connection, how many bytes."""

    at_ns: int
    connection: int
    size: int


class Disconnect(NamedTuple):
    """A client that went away before its answer was played to the end."""

    at_ns: int
    connection: int


Respond = Callable[[ReceivedRequest], Answer]


class ByteServer:
    """Plays answers on a port of the loopback that the kernel chose.

    Args:
        answers: One answer for every request, a sequence (one a request in order of arrival, the last repeats), or a
            function of the request, called in the server's thread.
        ssl_context: Makes it speak TLS.

    Attributes:
        requests: What came in, in order.
        sends: What went out.
        disconnects: Clients that left early.
        connections: How many connections were accepted.
    """

    def __init__(
        self, answers: Answer | Sequence[Answer] | Respond, *, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self.requests: list[ReceivedRequest] = []
        self.sends: list[SentPiece] = []
        self.disconnects: list[Disconnect] = []
        self.connections = 0
        self._respond = _responder(answers)
        self._ssl_context = ssl_context
        self._scheme = "http" if ssl_context is None else "https"
        self._port = 0
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._ready = threading.Event()
        self._changed = threading.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"{self._scheme}://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        """The port that the kernel chose."""
        return self._port

    def start(self) -> None:
        """Listen; returns once connections are taken. `OSError` when there is no port to be had."""
        self._thread = threading.Thread(target=self._run, name="byte server", daemon=True)
        self._thread.start()
        self._ready.wait(_START_LIMIT_S)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            self.close()
            raise failure

    def close(self) -> None:
        """Drop all connections, free the port and end the thread; raises what the function of the requests raised."""
        if self._thread is None:
            return
        if self._loop is not None and self._stopping is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = None
        if self._failure is not None:
            raise self._failure

    def wait_for(self, condition: Callable[["ByteServer"], bool], limit_s: float = 5.0) -> bool:
        """Block until `condition(self)` holds, looked at after each event here; False when it never did."""
        with self._changed:
            return self._changed.wait_for(lambda: condition(self), limit_s)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- in the server's thread ------------------------------------------------------------------------------------

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            try:
                runner.run(self._serve())
            except OSError as error:
                self._failure = error
            finally:
                self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = await self._loop.create_server(self._accept, "127.0.0.1", 0, ssl=self._ssl_context, backlog=512)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the dropped connections close their sockets now

    def _accept(self) -> "_Connection":
        return _Connection(self._begin)

    def _begin(self, connection: "_Connection") -> None:
        number = self.connections
        self.connections += 1
        self._note()
        task = asyncio.get_running_loop().create_task(self._converse(number, connection))
        self._tasks.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and self._failure is None:
            self._failure = task.exception()

    async def _converse(self, number: int, connection: "_Connection") -> None:
        try:
            while (request := await connection.receive(number)) is not None:
                self.requests.append(request)
                self._note()
                if not await self._play(number, self._respond(request), connection):
                    return
        finally:
            connection.abort()

    async def _play(self, number: int, answer: Answer, connection: "_Connection") -> bool:
        """Send `answer`; True when the connection may carry another request."""
        left_early = False
        for piece in answer.pieces:
            left_early = await connection.leaves_within(piece.delay_s)
            if left_early:
                break
            self.sends.append(SentPiece(time.monotonic_ns(), number, len(piece.data)))
            connection.write(piece.data)
            self._note()
            await connection.writable()
        if answer.ending == "silent":
            left_early = await connection.leaves_within(None)
        if left_early:
            self.disconnects.append(Disconnect(time.monotonic_ns(), number))
            self._note()
        elif answer.ending == "reset":
            connection.reset()
        elif answer.ending == "close":
            await connection.close()
        return answer.ending == "keep" and not connection.gone

    def _note(self) -> None:
        with self._changed:
            self._changed.notify_all()


class _Connection(asyncio.Protocol):
    """One accepted connection: what came in and was not read yet, whether the client is still there."""

    def __init__(self, begin: Callable[["_Connection"], None]) -> None:
        self._begin = begin
        self._transport: asyncio.Transport | None = None
        self._incoming = b""
        self._arrived = asyncio.Event()
        self._gone = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._lost = False

    @property
    def gone(self) -> bool:
        """Whether the client closed or reset the connection."""
        return self._gone.is_set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._begin(self)

    def data_received(self, data: bytes) -> None:
        self._incoming += data
        self._arrived.set()

    def eof_received(self) -> None:
        self._release()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio.Protocol
        self._lost = True
        self._release()

    def _release(self) -> None:
        for event in (self._gone, self._arrived, self._writable):
            event.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def receive(self, number: int) -> ReceivedRequest | None:
        """Wait for the next request; None when the client left instead, or spoke no HTTP."""
        parser = h11.Connection(h11.SERVER)
        head: h11.Request | None = None
        body: list[bytes] = []
        while True:
            if self._incoming:  # h11 takes b"" for the end of the stream
                parser.receive_data(self._take())
            try:
                event = parser.next_event()
                while isinstance(event, h11.Request | h11.Data):
                    if isinstance(event, h11.Request):
                        head = event
                    else:
                        body.append(bytes(event.data))
                    event = parser.next_event()
            except h11.RemoteProtocolError:
                return None
            if isinstance(event, h11.EndOfMessage) and head is not None:
                self._incoming = parser.trailing_data[0] + self._incoming
                return _received(number, head, b"".join(body))
            if self.gone:
                return None
            self._arrived.clear()
            if not self._incoming:
                await self._arrived.wait()

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    async def writable(self) -> None:
        """Wait until the socket took what was written, or the client is gone."""
        await asyncio.sleep(0)
        await self._writable.wait()

    async def leaves_within(self, limit_s: float | None) -> bool:
        """Wait `limit_s`, or until the client leaves; True when it did."""
        if limit_s != 0 and not self.gone:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit_s):
                    await self._gone.wait()
        return self.gone

    def reset(self) -> None:
        assert self._transport is not None
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    async def close(self) -> None:
        """Send what is left and FIN."""
        assert self._transport is not None
        self._transport.close()
        await self._gone.wait()

    def abort(self) -> None:
        assert self._transport is not None
        # asyncio's transport fails at an abort after it lost a connection whose last bytes it had to wait for.
        if not self._lost:
            self._transport.abort()

    def _take(self) -> bytes:
        taken, self._incoming = self._incoming, b""
        return taken


def _received(number: int, head: h11.Request, body: bytes) -> ReceivedRequest:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    method, path = head.method.decode("ascii"), head.target.decode("ascii")
    return ReceivedRequest(time.monotonic_ns(), number, method, path, headers, body)


def _responder(answers: Answer | Sequence[Answer] | Respond) -> Respond:
    if callable(answers):
        return answers
    if isinstance(answers, Answer):
        only = answers
        return lambda _: only
    remaining = list(answers)
    if not remaining:
        raise ValueError("A byte server needs at least one answer.")
    return lambda _: remaining.pop(0) if len(remaining) > 1 else remaining[0]
