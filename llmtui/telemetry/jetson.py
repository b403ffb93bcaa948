"""NVIDIA Jetson boards from the kernel's files: NVML answers there with nothing or with nonsense."""

from llmtui.events import Gpu
from llmtui.telemetry.base import KeptFile, Missing, Readings, listed, read_number, read_text, under
from llmtui.telemetry.drm import GpuIndexes
from llmtui.telemetry.memory import meminfo
from llmtui.telemetry.temperature import is_plausible, trip_point

_LOADS = (
    "/sys/devices/platform/gpu.0/load",
    "/sys/devices/platform/bus@0/17000000.gpu/load",
    "/sys/devices/platform/17000000.gpu/load",
    "/sys/devices/platform/17000000.ga10b/load",
    "/sys/devices/platform/17000000.gv11b/load",
    "/sys/devices/gpu.0/load",
)
_GPU_NAMES = ("gpu", "ga10b", "gv11b", "gp10b", "gb10b")
_TOTAL_RAILS = ("VDD_IN", "VIN", "POM_5V_IN")
_TOTAL_PARTS = ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0")
"""What an AGX Orin takes in all: it has no meter before the rails part."""
_GPU_RAILS = ("VDD_GPU", "GPU", "POM_5V_GPU")
_SHARED_RAILS = ("VDD_GPU_SOC", "VDD_CPU_GPU_CV")
"""Rails that feed the GPU and others: their power is no figure of the GPU."""


def is_jetson(root: str = "/") -> bool:
    """Say whether this board is a Tegra."""
    return "nvidia,tegra" in (read_text(under(root, "/proc/device-tree/compatible"), 1024) or "")


class Jetson:
    """The GPU of a Jetson, its memory (the board's), the board's power and its overcurrent events.

    Every file is looked for at each sample: which ones exist changes with the power mode.
    """

    def __init__(self, indexes: GpuIndexes, root: str = "/") -> None:
        self._root = root
        self._index = indexes()
        self._meminfo = KeptFile(under(root, "/proc/meminfo"))

    def gpus(self) -> tuple[Gpu, ...]:
        """Return what the board is."""
        name = read_text(under(self._root, "/proc/device-tree/model"), 256) or "NVIDIA Jetson"
        memory = self._sizes().get(b"MemTotal")
        return (Gpu(index=self._index, vendor="NVIDIA", name=name, memory=memory, unified=True),)

    def sample(self, now_ns: int) -> Readings:
        """Read the board now."""
        del now_ns
        load = next((value for path in _LOADS if (value := read_number(under(self._root, path))) is not None), None)
        sizes = self._sizes()
        found: Readings = {
            "percent": Missing("the GPU's load file is not there") if load is None else load / 10,
            "clock.sm": self._clock(),
        }
        if b"MemTotal" in sizes and b"MemAvailable" in sizes:
            found["memory.total"] = sizes[b"MemTotal"]
            found["memory.used"] = sizes[b"MemTotal"] - sizes[b"MemAvailable"]
        else:
            found["memory.used"] = Missing("/proc/meminfo can't be read")
        found.update(self._heat())
        board, found["power"] = self._power()
        readings = {f"gpu.{self._index}.{figure}": value for figure, value in found.items()}
        if board is not None:
            readings["board.power"] = round(board, 3)
        events = self._overcurrent_events()
        if events is not None:
            readings["board.overcurrent.events"] = events
        return readings

    def _sizes(self) -> dict[bytes, int]:
        try:
            return meminfo(self._meminfo.read(8192))
        except OSError:
            return {}

    def _clock(self) -> "float | Missing":
        folder = under(self._root, "/sys/class/devfreq")
        for name in listed(folder):
            if any(part in name for part in _GPU_NAMES):
                hertz = read_number(f"{folder}/{name}/cur_freq")
                if hertz is not None:
                    return hertz / 1e6
        return Missing("the GPU's clock file is not there")

    def _heat(self) -> Readings:
        folder = under(self._root, "/sys/class/thermal")
        for name in listed(folder):
            kind = (read_text(f"{folder}/{name}/type") or "").lower()
            if name.startswith("thermal_zone") and "gpu" in kind:
                value = read_number(f"{folder}/{name}/temp")
                if value is None or not is_plausible(value / 1000):
                    return {"temperature": Missing("the GPU's sensor is switched off while the GPU is idle")}
                limit = trip_point(f"{folder}/{name}")
                found: Readings = {"temperature": value / 1000}
                found["temperature.limit"] = Missing("the sensor names no limit") if limit is None else limit
                return found
        return {"temperature": Missing("no thermal zone for the GPU")}

    def _chips(self) -> list[str]:
        folder = under(self._root, "/sys/class/hwmon")
        return [f"{folder}/{name}" for name in listed(folder)]

    def _power(self) -> "tuple[float | None, float | Missing]":
        """Return (board, GPU) in W from the INA3221 monitors: millivolts times milliamperes."""
        rails: dict[str, float] = {}
        for chip in self._chips():
            if not (read_text(f"{chip}/name") or "").startswith("ina3221"):
                continue
            for channel in (1, 2, 3):
                label = read_text(f"{chip}/in{channel}_label")
                volts, amperes = read_number(f"{chip}/in{channel}_input"), read_number(f"{chip}/curr{channel}_input")
                if label and volts is not None and amperes is not None:
                    rails[label] = volts * amperes / 1e6
        board = next((rails[name] for name in _TOTAL_RAILS if name in rails), None)
        if board is None and rails.keys() >= set(_TOTAL_PARTS):
            board = sum(rails[name] for name in _TOTAL_PARTS)
        gpu = next((rails[name] for name in _GPU_RAILS if name in rails), None)
        if gpu is not None:
            return board, round(gpu, 3)
        shared = next((name for name in _SHARED_RAILS if name in rails), None)
        if shared is not None:
            return board, Missing(f"the board measures the GPU only together with others ({shared})")
        return board, Missing("no power sensor for the GPU")

    def _overcurrent_events(self) -> int | None:
        """Add up how often the board cut its clocks for too much current: a slowdown that no clock file shows."""
        counts = [
            read_number(f"{chip}/{name}")
            for chip in self._chips()
            for name in listed(chip)
            if name.startswith("oc") and name.endswith("_event_cnt")
        ]
        known = [count for count in counts if count is not None]
        return sum(known) if known else None
