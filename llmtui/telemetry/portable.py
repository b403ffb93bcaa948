"""The same figures through psutil, for systems without /proc (macOS)."""

import contextlib

import psutil

from llmtui.telemetry.base import FIRST_READING, Growth, Missing, Readings
from llmtui.telemetry.processes import ProcessRow, ProcessUse


class PortableMachine:
    """Processor load, RAM, swap traffic and disk reads of any system that psutil knows."""

    def __init__(self) -> None:
        self._swap = {"swap.in.rate": Growth(), "swap.out.rate": Growth()}
        self._disk = Growth()
        psutil.cpu_percent(percpu=True)

    def sample(self, now_ns: int) -> Readings:
        """Read now."""
        cores = psutil.cpu_percent(percpu=True)
        readings: Readings = {f"cpu.core.{index}.percent": share for index, share in enumerate(cores)}
        readings["cpu.percent"] = round(sum(cores) / len(cores), 1) if cores else Missing("no core is visible")
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
