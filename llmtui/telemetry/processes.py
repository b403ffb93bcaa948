"""Processes as the kernel tells them: parents, times, memory, command lines, and who listens on a port."""

import os
import sys
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from llmtui.telemetry.base import Missing, read_bytes, read_text, under

_FORGET_NS = 30_000_000_000
_STARTED = 19
"""The place of the start time behind the name in /proc/PID/stat."""
_INODE = 9
"""The place of the socket's number in /proc/net/tcp."""


_ENDED = (b"Z", b"X")
"""States of a process that only waits for its parent to take note of its end."""


class ProcessRow(NamedTuple):
    """One process; `started` tells a reused id from the old one (seconds since the epoch)."""

    pid: int
    parent: int
    session: int
    started: float
    name: str


class ProcessUse(NamedTuple):
    """What a process used: processor time in seconds, memory of its own and mapped from files in bytes."""

    seconds: float
    private: int
    file: int


class ProcessTable(Protocol):
    """The machine's processes, from /proc or from psutil."""

    def rows(self, now_ns: int) -> dict[int, ProcessRow]:
        """Return all visible processes by their id."""

    def row(self, pid: int) -> ProcessRow | None:
        """Return one process as it is now, None when it is gone."""

    def use(self, row: ProcessRow) -> ProcessUse | None:
        """Return what a process used so far, None when it is gone or its id was given to another."""

    def arguments(self, pid: int) -> list[str]:
        """Return the command line, empty when it cannot be read."""

    def listeners(self, port: int) -> "set[int] | Missing":
        """Return the processes that listen on a TCP port (none: nobody does), or why they cannot be told."""


def this_machine(platform: str = sys.platform) -> ProcessTable:
    """Return the processes of this machine."""
    if platform == "linux":
        return ProcFolder()
    from llmtui.telemetry.portable import PortableTable  # noqa: PLC0415 - psutil is for other systems

    return PortableTable()


class ProcFolder:
    """The processes of a Linux machine, read from /proc.

    Processes once seen are remembered for half a minute, so that a look at all of them costs a listing of /proc and
    one small file for each new process.
    """

    def __init__(self, root: str = "/") -> None:
        self._proc = under(root, "/proc")
        self._rows: dict[int, ProcessRow] = {}
        self._forget_ns = 0
        self._ticks = os.sysconf("SC_CLK_TCK")
        stat = read_text(f"{self._proc}/stat", 1 << 20) or ""
        boot = [line.split()[1] for line in stat.splitlines() if line.startswith("btime ")]
        self._boot = int(boot[0]) if boot and boot[0].isdigit() else 0

    def rows(self, now_ns: int) -> dict[int, ProcessRow]:
        """Return all visible processes by their id."""
        if now_ns >= self._forget_ns:
            self._forget_ns = now_ns + _FORGET_NS
            self._rows = {}
        try:
            pids = [int(name) for name in os.listdir(self._proc) if name.isdigit()]  # noqa: PTH208 - as in base
        except OSError:
            return {}
        known = self._rows
        rows = ((pid, known.get(pid) or self.row(pid)) for pid in pids)
        self._rows = {pid: row for pid, row in rows if row is not None}
        return self._rows

    def row(self, pid: int) -> ProcessRow | None:
        """Return one process as it is now."""
        stat = self._stat(pid)
        if stat is None:
            return None
        name, fields = stat
        return ProcessRow(pid, int(fields[1]), int(fields[3]), self._started(fields), name)

    def _started(self, fields: list[bytes]) -> float:
        return round(self._boot + int(fields[_STARTED]) / self._ticks, 2)

    def _stat(self, pid: int) -> tuple[str, list[bytes]] | None:
        """Return the name and the fields from the state on: the name may hold spaces and brackets."""
        data = read_bytes(f"{self._proc}/{pid}/stat", 4096) or b""
        start, end = data.find(b"("), data.rfind(b")")
        fields = data[end + 2 :].split()
        if end < 0 or len(fields) <= _STARTED:
            return None
        return data[start + 1 : end].decode("utf-8", "replace"), fields

    def use(self, row: ProcessRow) -> ProcessUse | None:
        """Return what a process used so far: utime and stime, RssAnon, RssFile."""
        stat = self._stat(row.pid)
        if stat is None or stat[1][0] in _ENDED or self._started(stat[1]) != row.started:
            return None
        data = read_bytes(f"{self._proc}/{row.pid}/status", 4096) or b""
        seconds = (int(stat[1][11]) + int(stat[1][12])) / self._ticks
        return ProcessUse(seconds, _kibibytes(data, b"\nRssAnon:"), _kibibytes(data, b"\nRssFile:"))

    def arguments(self, pid: int) -> list[str]:
        """Return the command line. Some servers overwrite theirs with one text that has no separators."""
        data = (read_bytes(f"{self._proc}/{pid}/cmdline", 32768) or b"").rstrip(b"\0")
        return [argument.decode("utf-8", "replace") for argument in data.split(b"\0")] if data else []

    def listeners(self, port: int) -> "set[int] | Missing":
        """Find the listening sockets of the port, then the processes that hold them."""
        sockets = set()
        readable = False
        for table in ("tcp", "tcp6"):
            text = read_text(f"{self._proc}/net/{table}", 1 << 22)
            readable = readable or text is not None
            sockets |= set(_listening(text or "", port))
        if not readable:
            return Missing("the kernel's table of sockets can't be read")
        if not sockets:
            return set()
        holders, hidden = self._holders(sockets)
        if holders:
            return holders
        return Missing(
            f"the server on port {port} belongs to another user" if hidden else f"nobody here holds port {port}"
        )

    def _holders(self, sockets: set[str]) -> tuple[set[int], bool]:
        holders = set()
        hidden = False
        for name in os.listdir(self._proc):  # noqa: PTH208 - as in base
            if not name.isdigit():
                continue
            folder = f"{self._proc}/{name}/fd"
            try:
                descriptors = os.listdir(folder)  # noqa: PTH208 - as in base
            except PermissionError:
                hidden = True
                continue
            except OSError:
                continue
            if any(_link(f"{folder}/{descriptor}") in sockets for descriptor in descriptors):
                holders.add(int(name))
        return holders, hidden


def _listening(table: str, port: int) -> Iterator[str]:
    """Yield the sockets in state LISTEN on `port`, as the links of descriptors name them."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > _INODE and fields[3] == "0A" and fields[1].rpartition(":")[2] == f"{port:04X}":
            yield f"socket:[{fields[_INODE]}]"


def _link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - as in base
    except OSError:
        return ""


def _kibibytes(status: bytes, name: bytes) -> int:
    """Return one size of /proc/PID/status in bytes; kernel threads have none."""
    start = status.find(name)
    if start < 0:
        return 0
    fields = status[start + len(name) : start + len(name) + 32].split(None, 1)
    return int(fields[0]) * 1024 if fields and fields[0].isdigit() else 0
