"""The names of hardware readings, with unit, scale and label: one vocabulary for sampler, log and screens.

A key is a dotted path; a number in it stands for a device or core. `describe` finds the entry of a key.
"""

from typing import Literal, NamedTuple

Unit = Literal["%", "°C", "W", "J", "MHz", "B", "B/s", "cores", "count", "s"]


class Reading(NamedTuple):
    """How to label and scale one kind of reading; `high` is None where the axis follows the data or another reading."""

    key: str
    label: str
    unit: Unit
    low: float = 0.0
    high: float | None = None
    limit_key: str | None = None


READINGS: tuple[Reading, ...] = (
    Reading("cpu.percent", "CPU", "%", 0, 100),
    Reading("cpu.core.*.percent", "core", "%", 0, 100),
    Reading("cpu.frequency", "CPU clock", "MHz"),
    Reading("cpu.temperature", "CPU temperature", "°C", 20, 110, "cpu.temperature.limit"),
    Reading("cpu.temperature.limit", "CPU limit", "°C"),
    Reading("cpu.power", "CPU package", "W"),
    Reading("cpu.throttle.ms", "CPU throttled", "s"),
    Reading("ram.used", "RAM", "B", 0, None, "ram.total"),
    Reading("ram.available", "RAM available", "B", 0, None, "ram.total"),
    Reading("ram.total", "RAM installed", "B"),
    Reading("swap.used", "swap", "B"),
    Reading("swap.in.rate", "swap in", "B/s"),
    Reading("swap.out.rate", "swap out", "B/s"),
    Reading("pressure.memory.full", "memory stall", "%", 0, 100),
    Reading("pressure.cpu.some", "CPU stall", "%", 0, 100),
    Reading("disk.read.rate", "disk read", "B/s"),
    Reading("gpu.*.percent", "GPU", "%", 0, 100),
    Reading("gpu.*.memory.used", "GPU memory", "B", 0, None, "gpu.*.memory.total"),
    Reading("gpu.*.memory.total", "GPU memory installed", "B"),
    Reading("gpu.*.temperature", "GPU temperature", "°C", 20, 110, "gpu.*.temperature.limit"),
    Reading("gpu.*.temperature.limit", "GPU limit", "°C"),
    Reading("gpu.*.power", "GPU power", "W", 0, None, "gpu.*.power.limit"),
    Reading("gpu.*.power.limit", "GPU power limit", "W"),
    Reading("gpu.*.energy", "GPU energy", "J"),
    Reading("gpu.*.clock.sm", "GPU clock", "MHz"),
    Reading("gpu.*.clock.memory", "GPU memory clock", "MHz"),
    Reading("gpu.*.fan", "GPU fan", "%", 0, 100),
    Reading("gpu.*.throttle.reasons", "GPU clock reasons", "count"),
    Reading("server.cpu", "server CPU", "cores"),
    Reading("server.memory.private", "server memory", "B"),
    Reading("server.memory.file", "server weights", "B"),
    Reading("server.processes", "server processes", "count"),
    Reading("sampler.cost", "cost of a sample", "s"),
)

_BY_PATTERN = {reading.key: reading for reading in READINGS}


def _pattern(key: str) -> str:
    return ".".join("*" if part.isdigit() else part for part in key.split("."))


def describe(key: str) -> Reading | None:
    """Return the vocabulary's entry for `key`, or None for a key that this version does not know."""
    return _BY_PATTERN.get(_pattern(key))


def limit_key(key: str) -> str | None:
    """Return the key that holds the upper limit of `key` on the same device, where there is one."""
    reading = describe(key)
    if reading is None or reading.limit_key is None:
        return None
    numbers = [part for part in key.split(".") if part.isdigit()]
    parts = [numbers.pop(0) if part == "*" and numbers else part for part in reading.limit_key.split(".")]
    return ".".join(parts)
