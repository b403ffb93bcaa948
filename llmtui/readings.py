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
    Reading("cpu.steal", "CPU taken by other machines", "%", 0, 100),
    Reading("cpu.frequency", "CPU clock", "MHz", 0, None, "cpu.frequency.limit"),
    Reading("cpu.frequency.limit", "CPU highest clock", "MHz"),
    Reading("cpu.temperature", "CPU temperature", "°C", 20, 110, "cpu.temperature.limit"),
    Reading("cpu.temperature.limit", "CPU limit", "°C"),
    Reading("cpu.power", "CPU package", "W"),
    Reading("cpu.energy", "CPU energy", "J"),
    Reading("cpu.throttle.time", "CPU throttled", "s"),
    Reading("cpu.throttle.events", "CPU throttle events", "count"),
    Reading("ram.used", "RAM", "B", 0, None, "ram.total"),
    Reading("ram.available", "RAM available", "B", 0, None, "ram.total"),
    Reading("ram.total", "RAM installed", "B"),
    Reading("swap.used", "swap", "B"),
    Reading("swap.in.rate", "swap in", "B/s"),
    Reading("swap.out.rate", "swap out", "B/s"),
    Reading("memory.faults.rate", "major page faults a second", "count"),
    Reading("memory.kills", "processes killed for lack of memory", "count"),
    Reading("pressure.memory.full", "memory stall", "%", 0, 100),
    Reading("pressure.cpu.some", "CPU stall", "%", 0, 100),
    Reading("pressure.io.some", "I/O stall", "%", 0, 100),
    Reading("cgroup.memory.used", "container memory", "B", 0, None, "cgroup.memory.limit"),
    Reading("cgroup.memory.limit", "container memory limit", "B"),
    Reading("cgroup.cpu.limit", "container CPU quota", "cores"),
    Reading("cgroup.cpu.throttled", "held back by the CPU quota", "s"),
    Reading("disk.read.rate", "disk read", "B/s"),
    Reading("gpu.*.percent", "GPU", "%", 0, 100),
    Reading("gpu.*.memory.used", "GPU memory", "B", 0, None, "gpu.*.memory.total"),
    Reading("gpu.*.memory.total", "GPU memory installed", "B"),
    Reading("gpu.*.memory.traffic", "GPU memory busy", "%", 0, 100),
    Reading("gpu.*.temperature", "GPU temperature", "°C", 20, 110, "gpu.*.temperature.limit"),
    Reading("gpu.*.temperature.limit", "GPU limit", "°C"),
    Reading("gpu.*.temperature.margin", "GPU heat margin", "°C"),
    Reading("gpu.*.temperature.memory", "GPU memory temperature", "°C", 20, 110),
    Reading("gpu.*.temperature.junction", "GPU hot spot", "°C", 20, 110, "gpu.*.temperature.junction.limit"),
    Reading("gpu.*.temperature.junction.limit", "GPU hot spot limit", "°C"),
    Reading("gpu.*.power", "GPU power", "W", 0, None, "gpu.*.power.limit"),
    Reading("gpu.*.power.limit", "GPU power limit", "W"),
    Reading("gpu.*.power.limit.default", "GPU power limit as delivered", "W"),
    Reading("gpu.*.energy", "GPU energy", "J"),
    Reading("gpu.*.clock.sm", "GPU clock", "MHz"),
    Reading("gpu.*.clock.sm.limit", "GPU highest clock", "MHz"),
    Reading("gpu.*.clock.memory", "GPU memory clock", "MHz"),
    Reading("gpu.*.fan", "GPU fan", "%", 0, 100),
    Reading("gpu.*.throttle.reasons", "GPU clock reasons", "count"),
    Reading("gpu.*.throttle.thermal.time", "GPU slowed by heat", "s"),
    Reading("gpu.*.throttle.power.time", "GPU slowed by its power limit", "s"),
    Reading("npu.*.percent", "NPU", "%", 0, 100),
    Reading("npu.*.memory.used", "NPU memory", "B"),
    Reading("npu.*.clock", "NPU clock", "MHz"),
    Reading("board.power", "board power", "W"),
    Reading("board.throttled", "board state bits", "count"),
    Reading("board.overcurrent.events", "board overcurrent events", "count"),
    Reading("thermal.pressure", "thermal pressure", "count", 0, 4),
    Reading("server.cpu", "server CPU", "cores"),
    Reading("server.memory.private", "server memory", "B"),
    Reading("server.memory.file", "server weights", "B"),
    Reading("server.memory.gpu", "server GPU memory", "B"),
    Reading("server.processes", "server processes", "count"),
    Reading("sampler.cost", "cost of a sample", "s"),
    Reading("sampler.cpu", "sampler CPU", "%"),
    Reading("sampler.memory", "sampler memory", "B"),
)

ASLEEP = "the GPU sleeps; it is not woken to be measured"
"""The reason for figures of a GPU that is switched off to save power. It is no fault: such a GPU is cold."""

# The bits of `gpu.*.throttle.reasons`: NVIDIA's numbers, into which the reasons of other vendors are translated.
GPU_IDLE = 0x1
POWER_CAP = 0x4
HW_SLOWDOWN = 0x8
SW_THERMAL = 0x20
HW_THERMAL = 0x40
POWER_BRAKE = 0x80
BOARD_LIMIT = 0x200

CLOCK_REASONS: dict[int, str] = {
    GPU_IDLE: "idle",
    0x2: "clocks set by an application",
    POWER_CAP: "power limit",
    HW_SLOWDOWN: "hardware slowdown",
    0x10: "sync boost",
    SW_THERMAL: "heat",
    HW_THERMAL: "heat, in hardware",
    POWER_BRAKE: "power brake",
    0x100: "display clock",
    BOARD_LIMIT: "board limit",
    0x400: "reliability",
}
"""What each bit means, in words; a bit that is not in here is newer than this table."""

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
