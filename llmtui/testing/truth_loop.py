"""The loop of the known-truth server: sockets, timers and the truth line after each answer.

One thread and one list of timers serve all streams. It sleeps until shortly before a piece is due and looks at its
sockets without rest from then on, so that neither a piece nor a request waits for the granularity of a sleep.
"""

import contextlib
import heapq
import os
import select
import selectors
import socket
import time
from collections.abc import Collection
from typing import BinaryIO

from llmtui.testing.truth_arrival import ask_for_stamps, receive
from llmtui.testing.truth_frames import page
from llmtui.testing.truth_requests import BadRequestError, Generation, HttpRequest, Responder, take_request
from llmtui.testing.truth_scenarios import Api
from llmtui.testing.truth_streams import Connection, Journal, Stream, wait_for_slot

SPIN_NS = 300_000
"""How long before a due time sleeping ends; shared by the streams, so that many of them do not keep a core busy."""

LEAST_SPIN_NS = 20_000
SENDS_A_ROUND = 64
"""After so many sends the sockets are looked at again, whatever else is due."""

INTERRUPTED_NS = 100_000
"""A send takes 10 to 30 us; one that took longer was interrupted, and is known only to have happened meanwhile."""

READ_SIZE = 1024


class TruthServer:
    """Both ports and all streams. `truth` gets the records, `models` are listed beside the scenarios' plain names."""

    def __init__(self, truth: BinaryIO | None = None, models: Collection[str] = ()) -> None:
        self._journal = Journal(truth)
        self._selector = selectors.DefaultSelector()
        self._responders = {api: Responder(api, models) for api in ("openai", "ollama")}
        self._timers: list[tuple[int, int, Stream]] = []
        self._turns = 0
        self._connections = 0
        self._requests = 0
        self._stopping = False

    def listen(self) -> dict[Api, str]:
        """Open the ports and return their URLs."""
        urls: dict[Api, str] = {}
        for responder in self._responders.values():
            listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ, responder)
            urls[responder.api] = f"http://127.0.0.1:{listener.getsockname()[1]}"
        return urls

    def stop_with(self, descriptor: int) -> None:
        """Stop when `descriptor` comes to its end, such as a pipe whose other end was closed."""
        with contextlib.suppress(PermissionError):  # a plain file or /dev/null, which never changes
            self._selector.register(descriptor, selectors.EVENT_READ, self)

    def stop(self) -> None:
        """Stop with the next turn of the loop; a byte on a descriptor of `stop_with` brings that about."""
        self._stopping = True

    def serve(self) -> None:
        """Serve until told to stop."""
        while not self._stopping:
            self._journal.write(self._timers[0][0] if self._timers else None)
            self._wait()
            self._look_at_sockets()
            self._send_what_is_due()
        self._journal.write(None)
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()

    # --- waiting -----------------------------------------------------------------------------------------------------

    def _wait(self) -> None:
        """Sleep until a socket has something, or until shortly before the next piece is due."""
        left_s = None
        if self._timers:
            spin = max(LEAST_SPIN_NS, SPIN_NS // len(self._timers))
            left_s = (self._timers[0][0] - time.monotonic_ns() - spin) / 1e9
            if left_s <= 0:
                return
        # The selector's own timeout is rounded up to milliseconds, that of select is not.
        select.select([self._selector.fileno()], [], [], left_s)

    def _look_at_sockets(self) -> None:
        """Read all that came before any of it is answered, so that no request gets its time late."""
        heard: list[tuple[Connection, int]] = []
        for key, events in self._selector.select(0):
            if key.data is self:
                self._stopping = self._stopping or not os.read(key.fd, READ_SIZE)
            elif isinstance(key.data, Responder):
                self._accept(key.fileobj, key.data)  # type: ignore[arg-type]
            else:
                connection: Connection = key.data
                at_ns = self._read(connection) if events & selectors.EVENT_READ else None
                if at_ns is not None:
                    heard.append((connection, at_ns))
                if events & selectors.EVENT_WRITE and connection.stream is not None:
                    self._advance(connection.stream)
        for connection, at_ns in heard:
            self._take(connection, at_ns)

    def _accept(self, listener: socket.socket, responder: Responder) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                accepted, _ = listener.accept()
                accepted.setblocking(False)
                ask_for_stamps(accepted)
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._connections += 1
                connection = Connection(accepted, self._connections, responder)
                self._selector.register(accepted, selectors.EVENT_READ, connection)

    def _read(self, connection: Connection) -> int | None:
        """Read what came, and return when; None when nothing did, or the client is gone."""
        try:
            data, at_ns = receive(connection.socket)
        except BlockingIOError:
            return None
        except OSError:
            data, at_ns = b"", 0
        if not data:
            self._lose(connection)
            return None
        connection.inbox += data
        return at_ns

    # --- requests ----------------------------------------------------------------------------------------------------

    def _take(self, connection: Connection, at_ns: int) -> None:
        """Answer the requests that are whole, unless an answer is still under way."""
        while connection.stream is None and connection.socket.fileno() >= 0:
            try:
                request = take_request(connection.inbox)
            except BadRequestError as error:
                connection.socket.send(page(str(error), 400))
                self._close(connection)
                return
            if request is None:
                return
            found = connection.responder.respond(request)
            if isinstance(found, Generation):
                self._begin(connection, found, request, at_ns)
            else:
                self._send_page(connection, found, request)

    def _send_page(self, connection: Connection, data: bytes, request: HttpRequest) -> None:
        with contextlib.suppress(OSError):
            connection.socket.setblocking(True)  # a page of a few kilobytes, which any buffer takes
            connection.socket.sendall(data)
            connection.socket.setblocking(False)
        if not request.keeps:
            self._close(connection)

    def _begin(self, connection: Connection, generation: Generation, request: HttpRequest, at_ns: int) -> None:
        self._requests += 1
        base_ns = at_ns + wait_for_slot(generation, at_ns, self._requests)
        stream = Stream(connection, generation, self._requests, at_ns, base_ns, request.keeps)
        connection.stream = stream
        self._schedule(stream)

    # --- streams -----------------------------------------------------------------------------------------------------

    def _schedule(self, stream: Stream) -> None:
        self._turns += 1
        due_ns = stream.base_ns + stream.planned[stream.position].offset_ns
        heapq.heappush(self._timers, (due_ns, self._turns, stream))

    def _send_what_is_due(self) -> None:
        for _ in range(SENDS_A_ROUND):
            if not self._timers or self._timers[0][0] > time.monotonic_ns():
                return
            stream = heapq.heappop(self._timers)[2]
            if stream.connection.stream is stream:
                self._advance(stream)

    def _advance(self, stream: Stream) -> None:
        """Send the next piece, or what was left of it; then wait for the time of the following one."""
        connection = stream.connection
        planned = stream.planned[stream.position]
        data = stream.rest or planned.data
        at_ns = time.monotonic_ns()
        try:
            count = connection.socket.send(data)
        except BlockingIOError:
            count = 0
        except OSError:
            self._lose(connection)
            return
        if count < len(data):
            stream.rest = data[count:]
            self._watch_writing(connection, wanted=True)
            return
        stream.rest = b""
        took_ns = time.monotonic_ns() - at_ns
        if took_ns > INTERRUPTED_NS:
            stream.interrupted.append((len(stream.sent), took_ns))
        stream.sent.append((at_ns, planned.tokens, planned.kind))
        if planned.tokens:
            stream.late_ns = max(stream.late_ns, at_ns - stream.base_ns - planned.offset_ns)
        if connection.watches_writing:
            self._watch_writing(connection, wanted=False)
        stream.position += 1
        if stream.position < len(stream.planned):
            self._schedule(stream)
        else:
            self._finish(stream)

    def _finish(self, stream: Stream) -> None:
        ending = stream.generation.answer.ending
        connection = stream.connection
        self._journal.add(stream, ending)
        connection.stream = None
        if ending == "closed" or not stream.keeps:
            self._close(connection)
        else:
            self._take(connection, time.monotonic_ns())

    def _watch_writing(self, connection: Connection, *, wanted: bool) -> None:
        connection.watches_writing = wanted
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if wanted else 0)
        self._selector.modify(connection.socket, events, connection)

    def _lose(self, connection: Connection) -> None:
        if connection.stream is not None:
            self._journal.add(connection.stream, "gone")
            connection.stream = None
        self._close(connection)

    def _close(self, connection: Connection) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(connection.socket)
        connection.socket.close()
