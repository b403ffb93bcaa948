"""A TCP connection whose reads carry the kernel's own time of arrival (Linux).

The kernel stamps a segment when it comes in, whatever this process is doing at that moment: on a machine that is busy
with the model itself a stamp taken here is late by milliseconds, the kernel's by microseconds. One read tells the time
of its last segment; segments that waited together share it, as they share the read.
"""

import asyncio
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Protocol

KERNEL_STAMPS = sys.platform == "linux"

_SO_TIMESTAMPNS = 35  # SOL_SOCKET; Python names it only from 3.14 on
_TIMESPEC = struct.Struct("qq")
_ROOM_FOR_STAMP = socket.CMSG_SPACE(_TIMESPEC.size) if hasattr(socket, "CMSG_SPACE") else 0
_READ_SIZE = 32 * 1024
"""Small enough that its buffer needs no system calls of its own."""
_WRITE_HIGH = 64 * 1024
_LONGEST_WAIT_NS = 1_000_000_000
"""A segment that seems to have waited longer tells of a clock that was set, and is stamped here instead."""

_ONE_MOMENT_NS = 20_000
_CLOCK_TRIES = 4


@cache
def keep_stamping() -> None:
    """Let the kernel stamp for as long as this process lives, so far as it can stamp at all.

    Linux begins to stamp a moment after the first socket has asked for it: too late for what arrives in that moment.
    And it is milliseconds of work for the kernel, which it would do again after the last such socket is gone.
    """
    if KERNEL_STAMPS:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        sock.detach()


class StampedProtocol(Protocol):
    """What a `StampedTransport` calls; the other methods are those of `asyncio.Protocol`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...  # noqa: D102

    def data_stamped(self, at_ns: int, data: bytes) -> None:
        """Take bytes that arrived at `at_ns` on the monotonic clock."""

    def eof_received(self) -> None: ...  # noqa: D102

    def connection_lost(self, exc: Exception | None) -> None: ...  # noqa: D102

    def pause_writing(self) -> None: ...  # noqa: D102

    def resume_writing(self) -> None: ...  # noqa: D102


class StampedTransport(asyncio.Transport):
    """Reads and writes one connected socket in the running loop."""

    def __init__(self, sock: socket.socket, protocol: StampedProtocol) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._socket = sock
        self._protocol = protocol
        self._unsent = bytearray()
        self._closing = False
        self._lost = False
        self._reading = False
        self._last_ns = 0
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        protocol.connection_made(self)
        self.resume_reading()

    def is_closing(self) -> bool:
        """Whether the connection was closed, or is gone."""
        return self._closing

    def pause_reading(self) -> None:
        """Leave what comes in the kernel's buffer."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._socket)

    def resume_reading(self) -> None:
        """Read again."""
        if not self._reading and not self._closing:
            self._reading = True
            self._loop.add_reader(self._socket, self._read)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send now what the socket takes, and the rest when it takes more."""
        if self._closing:
            return
        sent = 0
        if not self._unsent:
            try:
                sent = self._socket.send(data)
            except (BlockingIOError, InterruptedError):
                pass
            except OSError as error:
                self._lose(error)
                return
        if sent < len(data):
            if not self._unsent:
                self._loop.add_writer(self._socket, self._write_rest)
            self._unsent += data[sent:]
            if len(self._unsent) > _WRITE_HIGH:
                self._protocol.pause_writing()

    def close(self) -> None:
        """Close the connection; what was not sent is dropped."""
        self._lose(None)

    def abort(self) -> None:
        """Do the same."""
        self._lose(None)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return the socket for "socket"."""
        return self._socket if name == "socket" else default

    def _read(self) -> None:
        try:
            data, ancillary, _, _ = self._socket.recvmsg(_READ_SIZE, _ROOM_FOR_STAMP)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error)
            return
        now_ns, real_ns = read_clocks()
        if not data:
            self.pause_reading()
            self._protocol.eof_received()
            self._lose(None)
            return
        # Two segments of one stream never arrive in the other order.
        self._last_ns = max(self._last_ns, now_ns - _waited_ns(ancillary, real_ns))
        self._protocol.data_stamped(self._last_ns, data)

    def _write_rest(self) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error)
            return
        was_high = len(self._unsent) > _WRITE_HIGH
        del self._unsent[:sent]
        if not self._unsent:
            self._loop.remove_writer(self._socket)
        if was_high and len(self._unsent) <= _WRITE_HIGH:
            self._protocol.resume_writing()

    def _lose(self, error: OSError | None) -> None:
        if self._lost:
            return
        self._lost = self._closing = True
        self.pause_reading()
        if self._unsent:
            self._loop.remove_writer(self._socket)
        self._loop.call_soon(self._tell_loss, error)

    def _tell_loss(self, error: OSError | None) -> None:
        self._socket.close()
        self._protocol.connection_lost(error)


def read_clocks(
    monotonic: Callable[[], int] = time.monotonic_ns, real: Callable[[], int] = time.time_ns
) -> tuple[int, int]:
    """Return the monotonic and the real clock as of one moment, ns.

    This process may be put aside between two looks; the stamp would be too early by that, so such a pair is taken anew.
    """
    for _ in range(_CLOCK_TRIES):
        before_ns = monotonic()
        real_ns = real()
        now_ns = monotonic()
        if now_ns - before_ns < _ONE_MOMENT_NS:
            break
    return now_ns, real_ns


def _waited_ns(ancillary: Iterable[tuple[int, int, bytes]], real_ns: int) -> int:
    """Return for how long the bytes had been there when they were read, by the kernel's stamp; 0 without one."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            waited: int = real_ns - (seconds * 1_000_000_000 + nanoseconds)
            return waited if 0 <= waited <= _LONGEST_WAIT_NS else 0
    return 0


async def connect_stamped(host: str, port: int) -> socket.socket:
    """Return a socket that is connected to the first address of `host` that takes it. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    failure = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in await _addresses(loop, host, port):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, address)
        except OSError as error:
            failure = error
            sock.close()
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure


async def _addresses(loop: asyncio.AbstractEventLoop, host: str, port: int) -> list[Any]:
    try:
        # What is an address already needs no threads to be looked up.
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
