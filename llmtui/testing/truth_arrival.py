"""When bytes arrived, by the kernel where it tells (Linux): a server that had to wait for a core read them later.

Written for the known-truth server alone, so that it shares no code with what is measured against it.
"""

import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable

_SO_TIMESTAMPNS = 35  # SOL_SOCKET; Python names it only from 3.14 on
_TIMESPEC = struct.Struct("qq")
_KERNEL_STAMPS = sys.platform == "linux"
_READ_SIZE = 256 * 1024
_STEADY_NS = 20_000
_ATTEMPTS = 5
_LONGEST_WAIT_NS = 10_000_000_000

Clock = Callable[[], int]


def ask_for_stamps(connection: socket.socket) -> None:
    """Let the kernel stamp what arrives on `connection`, where it can."""
    if _KERNEL_STAMPS:
        connection.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def receive(connection: socket.socket) -> tuple[bytes, int]:
    """Read once, and return the bytes with the arrival of the last one on the monotonic clock. Raises `OSError`."""
    if not _KERNEL_STAMPS:
        return connection.recv(_READ_SIZE), time.monotonic_ns()
    data, ancillary, _, _ = connection.recvmsg(_READ_SIZE, socket.CMSG_SPACE(_TIMESPEC.size))
    return data, arrival(ancillary)


def arrival(
    ancillary: Iterable[tuple[int, int, bytes]], monotonic: Clock = time.monotonic_ns, real: Clock = time.time_ns
) -> int:
    """Return the kernel's stamp on the monotonic clock; the present moment where there is none that can be right."""
    now_ns, now_real_ns = _both_clocks(monotonic, real)
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            waited = now_real_ns - (seconds * 1_000_000_000 + nanoseconds)
            return now_ns - waited if 0 <= waited <= _LONGEST_WAIT_NS else now_ns
    return now_ns


def _both_clocks(monotonic: Clock, real: Clock) -> tuple[int, int]:
    """Read both clocks at one moment: again when something came between, and from the middle of the shortest try."""
    best: tuple[int, int, int] | None = None
    for _ in range(_ATTEMPTS):
        before = monotonic()
        real_ns = real()
        after = monotonic()
        if best is None or after - before < best[0]:
            best = (after - before, (before + after) // 2, real_ns)
        if best[0] <= _STEADY_NS:
            break
    assert best is not None
    return best[1], best[2]
