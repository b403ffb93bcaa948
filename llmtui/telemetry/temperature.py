"""The temperature of the processor: which of a machine's many sensors it is, and where its limit lies."""

import os
from typing import NamedTuple

from llmtui.telemetry.base import KeptFile, Missing, Readings, listed, read_number, read_text, under

_HWMON = "/sys/class/hwmon"
_ZONES = "/sys/class/thermal"
_ARM_NAMES = ("cpu_thermal", "cpu-thermal", "soc_thermal", "soc-thermal", "cpu0-thermal", "CPU-therm")
_UNWIRED = 125
_LOWEST_LIMIT, _HIGHEST_LIMIT = 60, 120
_RETRY_NS = 10_000_000_000


class Sensor(NamedTuple):
    """A temperature input; `name` is "chip/label", `rank` orders them, smallest first."""

    rank: int
    name: str
    path: str
    limit: float | None


class CpuTemperature:
    """`cpu.temperature` and `cpu.temperature.limit` in degrees Celsius.

    The sensor is the first of: coretemp "Package id N", k10temp Tdie, then Tctl, zenpower Tdie, the CPU chip or zone of
    ARM boards, x86_pkg_temp, single cores, and only then acpitz, which often stands still. Of several sockets the
    hottest counts.
    `wanted` ("chip/label") overrides that. All sensors are listed once; only the chosen ones are read again.
    """

    def __init__(self, root: str = "/", *, wanted: str | None = None, virtual: bool | None = None) -> None:
        self._root = root
        self._wanted = wanted
        self._virtual = virtual
        self._chosen: list[tuple[Sensor, KeptFile]] = []
        self._search_ns: int | None = None
        self._failed: Missing | None = None

    @property
    def sensor(self) -> str | None:
        """The name of the chosen sensor, once `sample` has looked for it."""
        return self._chosen[0][0].name if self._chosen else None

    def sample(self, now_ns: int) -> Readings:
        """Read the chosen sensor, and look for one when there is none."""
        if not self._chosen and (self._search_ns is None or now_ns - self._search_ns >= _RETRY_NS):
            self._search_ns = now_ns
            self._chosen = [(sensor, KeptFile(sensor.path)) for sensor in self._choose()]
            self._failed = None
        if not self._chosen:
            return {"cpu.temperature": self._failed or Missing(self._why_none())}
        values = [file.number(self._root) for _, file in self._chosen]
        degrees = [value / 1000 for value in values if not isinstance(value, Missing)]
        plausible = [value for value in degrees if is_plausible(value)]
        if not plausible:
            name = self._chosen[0][0].name
            self._chosen = []  # the driver may have been reloaded under another number: look again
            first = values[0]
            self._failed = first if isinstance(first, Missing) else Missing(f"the sensor {name} is gone")
            if degrees:
                self._failed = Missing(f"the sensor {name} says {degrees[0]:g} °C, which can't be")
            return {"cpu.temperature": self._failed}
        readings: Readings = {"cpu.temperature": round(max(plausible), 1)}
        limits = [sensor.limit for sensor, _ in self._chosen if sensor.limit is not None]
        readings["cpu.temperature.limit"] = min(limits) if limits else Missing("the sensor names no limit")
        return readings

    def _choose(self) -> list[Sensor]:
        sensors = [*_chips(self._root), *_zones(self._root)]
        if self._wanted is not None:
            return [sensor for sensor in sensors if sensor.name == self._wanted]
        # A chip may have inputs that are not wired: Tctl 0.0 or Tccd -49. The next best sensor then serves.
        alive = [s for s in sensors if is_plausible((read_number(s.path) or 0) / 1000)] or sensors
        best = min((sensor.rank for sensor in alive), default=None)
        if best is None or best >= _UNFIT:
            return []
        chosen = [sensor for sensor in alive if sensor.rank == best]
        return chosen if best in _ONE_EACH else chosen[:1]

    def _why_none(self) -> str:
        if self._wanted is not None:
            names = ", ".join(sensor.name for sensor in [*_chips(self._root), *_zones(self._root)][:8]) or "none"
            return f"no sensor {self._wanted!r}; this machine has: {names}"
        if self._virtual:
            return "no sensor: virtual machine"
        cpuinfo = read_text(under(self._root, "/proc/cpuinfo"), 2048) or ""
        module = "k10temp" if "AuthenticAMD" in cpuinfo else "coretemp" if "GenuineIntel" in cpuinfo else None
        return f"no sensor: driver not loaded, try `sudo modprobe {module}`" if module else "no sensor"


_PACKAGE, _TDIE, _TCTL, _ZEN, _ARM, _PKG_ZONE, _CORE, _ACPI, _UNFIT = range(9)

_ONE_EACH = (_PACKAGE, _TDIE, _TCTL, _ZEN, _PKG_ZONE, _CORE)
"""Kinds of sensors of which each socket, die or core has one: the hottest counts."""


def is_plausible(celsius: float) -> bool:
    """Say whether a chip can have this temperature; unwired inputs read 0, -49 or 127."""
    return 0 < celsius < _UNWIRED


def is_limit(celsius: float) -> bool:
    """Say whether this can be a chip's limit; drivers fill in nonsense where they know none."""
    return _LOWEST_LIMIT <= celsius <= _HIGHEST_LIMIT


def _chip_rank(chip: str, label: str) -> int:
    if chip == "coretemp":
        return _PACKAGE if label.startswith("Package id") else _CORE
    if chip == "k10temp":
        return {"Tdie": _TDIE, "Tctl": _TCTL}.get(label, _UNFIT)
    if chip == "zenpower":
        return _ZEN if label == "Tdie" else _UNFIT
    if chip in _ARM_NAMES or chip.replace("_", "-") in _ARM_NAMES:
        return _ARM
    return _ACPI if chip == "acpitz" else _UNFIT


def _chips(root: str) -> list[Sensor]:
    """List the inputs of all monitoring chips."""
    found = []
    for name in listed(under(root, _HWMON)):
        folder = under(root, f"{_HWMON}/{name}")
        chip = read_text(f"{folder}/name")
        if chip is None:
            continue
        for entry in listed(folder):
            if entry.startswith("temp") and entry.endswith("_input"):
                stem = f"{folder}/{entry.removesuffix('_input')}"
                label = read_text(f"{stem}_label") or entry.removesuffix("_input")
                limit = _limit(read_number(f"{stem}_crit")) or _limit(read_number(f"{stem}_max"))
                found.append(Sensor(_chip_rank(chip, label), f"{chip}/{label}", f"{stem}_input", limit))
    return found


def _zones(root: str) -> list[Sensor]:
    """List the thermal zones; the limit is the trip point at which the kernel begins to slow the device."""
    found = []
    for name in listed(under(root, _ZONES)):
        folder = under(root, f"{_ZONES}/{name}")
        kind = read_text(f"{folder}/type")
        if kind is None or not name.startswith("thermal_zone"):
            continue
        rank = _PKG_ZONE if kind == "x86_pkg_temp" else _ARM if kind in _ARM_NAMES else _UNFIT
        rank = _ACPI if kind == "acpitz" else rank
        found.append(Sensor(rank, f"{name}/{kind}", f"{folder}/temp", trip_point(folder)))
    return found


def trip_point(folder: str) -> float | None:
    """Return the lowest trip point of the gentlest kind that a thermal zone has: passive, hot, then critical."""
    kinds: dict[str, list[float]] = {}
    for entry in listed(folder):
        if entry.startswith("trip_point_") and entry.endswith("_type"):
            limit = _limit(read_number(f"{folder}/{entry.removesuffix('type')}temp"))
            if limit is not None:
                kinds.setdefault(read_text(os.path.join(folder, entry)) or "", []).append(limit)  # noqa: PTH118 - as above
    for kind in ("passive", "hot", "critical"):
        if kind in kinds:
            return min(kinds[kind])
    return None


def _limit(millidegrees: int | None) -> float | None:
    """Return a limit in degrees if it can be one."""
    return millidegrees / 1000 if millidegrees is not None and is_limit(millidegrees / 1000) else None
