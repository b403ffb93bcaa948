"""Macs, without root: the GPU from the I/O registry, heat from the system's own notification, facts from sysctl."""

import plistlib
from typing import Any

from llmtui.events import Gpu
from llmtui.telemetry.base import Missing, Readings, all_missing, number
from llmtui.telemetry.drm import GpuIndexes
from llmtui.telemetry.programs import Run, run_program

_REGISTRY = ("/usr/sbin/ioreg", "-r", "-d", "1", "-w", "0", "-c", "IOAccelerator", "-a")
_PRESSURE = ("/usr/bin/notifyutil", "-g", "com.apple.system.thermalpressurelevel")
_FIGURES = ("percent", "memory.used", "temperature", "power")
_NEEDS_ROOT = "macOS tells it only to root (powermetrics)"


class Mac:
    """The GPU's use and memory, and the pressure that macOS puts on clocks for heat (0 nominal to 4 sleeping)."""

    def __init__(self, indexes: GpuIndexes, run: Run = run_program) -> None:
        self._run = run
        self._index = indexes()
        self._gpu: Gpu | None = None

    def gpus(self) -> tuple[Gpu, ...]:
        """Return what the GPU is; Apple's share the machine's memory. Once known it is not asked for again."""
        if self._gpu is not None:
            return (self._gpu,)
        registry = self._accelerator()
        name = registry.get("model")
        if isinstance(name, bytes):
            name = name.rstrip(b"\0").decode("utf-8", "replace")
        gpu = Gpu(index=self._index, vendor="Apple", name=str(name or "Apple GPU"), unified=True)
        if name:
            self._gpu = gpu
        return (gpu,)

    def sample(self, now_ns: int) -> Readings:
        """Read now; each call starts two small programs, so not more often than every two seconds."""
        del now_ns
        prefix = f"gpu.{self._index}."
        readings = all_missing([prefix + figure for figure in _FIGURES], _NEEDS_ROOT)
        statistics = self._accelerator().get("PerformanceStatistics", {})
        for name, figure in (("Device Utilization %", "percent"), ("Alloc system memory", "memory.used")):
            value = statistics.get(name) if isinstance(statistics, dict) else None
            known = float(value) if isinstance(value, int | float) else None
            readings[prefix + figure] = Missing("the I/O registry does not tell") if known is None else known
        readings["thermal.pressure"] = self._pressure()
        return readings

    def _accelerator(self) -> dict[str, Any]:
        try:
            entries = plistlib.loads(self._run(_REGISTRY))
        except (OSError, plistlib.InvalidFileException, ValueError):
            return {}
        return entries[0] if isinstance(entries, list) and entries and isinstance(entries[0], dict) else {}

    def _pressure(self) -> "float | Missing":
        try:
            fields = self._run(_PRESSURE).split()
        except OSError:
            fields = []
        level = number(fields[-1]) if fields else None
        return Missing("macOS does not tell its thermal pressure") if level is None else level


def sysctl(names: tuple[str, ...], run: Run = run_program) -> dict[str, str]:
    """Return facts of the system by their sysctl name; what the system does not know is left out."""
    try:
        text = run(("/usr/sbin/sysctl", *names)).decode("utf-8", "replace")
    except OSError:
        return {}
    return {name: value.strip() for name, colon, value in (line.partition(": ") for line in text.splitlines()) if colon}
