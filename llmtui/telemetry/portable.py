"""The same figures through psutil, for systems without /proc (macOS)."""

import contextlib
from typing import Any

import psutil

from llmtui.telemetry.base import FIRST_READING, Growth, Missing, Readings
from llmtui.telemetry.processes import ProcessRow, ProcessUse


class PortableMachine:
    """Processor load, RAM, swap traffic and disk reads of any system that psutil knows."""

    def __init__(self) -> None:
        self._swap = {"swap.in.rate": Growth(), "swap.out.rate": Growth()}
        self._disk = Growth()
        self._cores: list[tuple[float, float]] = []

    def sample(self, now_ns: int) -> Readings:
        """Read now."""
        readings = self._load()
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        readings["ram.total"], readings["ram.available"] = memory.total, memory.available
        readings["ram.used"] = memory.total - memory.available
        readings["swap.used"] = swap.used
        for key, value in (("swap.in.rate", swap.sin), ("swap.out.rate", swap.sout)):
            rate = self._swap[key].per_second(value, now_ns)
            readings[key] = FIRST_READING if rate is None else round(rate)
        disk = psutil.disk_io_counters()
        if disk is None:
            readings["disk.read.rate"] = Missing("no local disk is visible here")
        else:
            rate = self._disk.per_second(disk.read_bytes, now_ns)
            readings["disk.read.rate"] = FIRST_READING if rate is None else round(rate)
        return readings

    def _load(self) -> Readings:
        """Shares of the time since the last call. psutil's own percentages are 0 where too little time passed."""
        cores = [_times(times) for times in psutil.cpu_times(percpu=True)]
        before, self._cores = self._cores, cores
        if len(before) != len(cores) or not cores:
            return {"cpu.percent": FIRST_READING if cores else Missing("no core is visible")}
        grown = [(now[0] - last[0], now[1] - last[1]) for last, now in zip(before, cores, strict=True)]
        readings: Readings = {}
        for index, (busy, total) in enumerate(grown):
            if total > 0:
                readings[f"cpu.core.{index}.percent"] = _percent(busy, total)
        passed = sum(total for _, total in grown)
        if passed > 0:
            readings["cpu.percent"] = _percent(sum(busy for busy, _ in grown), passed)
        return readings


def _times(times: Any) -> tuple[float, float]:
    """Return (busy, all) seconds of a core. On Linux guest time is contained in user time, and waiting is no work."""
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return total - times.idle - getattr(times, "iowait", 0.0), total


def _percent(busy: float, total: float) -> float:
    return round(min(100.0, max(0.0, 100 * busy / total)), 1)


class PortableTable:
    """Processes through psutil. Memory that is mapped from files is not told apart there: all counts as private."""

    def rows(self, now_ns: int) -> dict[int, ProcessRow]:
        """Return all visible processes by their id."""
        del now_ns
        found = (self.row(pid) for pid in psutil.pids())
        return {row.pid: row for row in found if row is not None}

    def row(self, pid: int) -> ProcessRow | None:
        """Return one process as it is now."""
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                return ProcessRow(pid, process.ppid(), 0, round(process.create_time(), 2), process.name())
        except psutil.Error:
            return None

    def use(self, row: ProcessRow) -> ProcessUse | None:
        """Return what a process used so far."""
        try:
            process = psutil.Process(row.pid)
            with process.oneshot():
                if round(process.create_time(), 2) != row.started:
                    return None
                times, memory = process.cpu_times(), process.memory_info()
        except psutil.NoSuchProcess:
            return None
        except psutil.AccessDenied:
            return ProcessUse(0.0, 0, 0)
        return ProcessUse(times.user + times.system, memory.rss, 0)

    def arguments(self, pid: int) -> list[str]:
        """Return the command line, empty when it cannot be read."""
        try:
            return psutil.Process(pid).cmdline()
        except psutil.Error:
            return []

    def listeners(self, port: int) -> "set[int] | Missing":
        """Ask each process for its sockets: the table of all of them needs root on macOS."""
        found = set()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                for socket in process.net_connections(kind="tcp"):
                    if socket.status == psutil.CONN_LISTEN and socket.laddr.port == port:
                        found.add(process.pid)
        return found or Missing(
            f"no visible process listens on port {port}: the server belongs to another user or runs elsewhere"
        )
