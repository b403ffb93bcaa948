"""Neural processors, as far as the kernel tells: Intel's in figures, others by name only."""

from llmtui.telemetry.base import FIRST_READING, Growth, Readings, listed, read_number, read_text, under

_ACCEL = "/sys/class/accel"
_NAMES = {"intel_vpu": "Intel NPU", "amdxdna": "AMD XDNA NPU", "rocket": "Rockchip NPU", "hailo": "Hailo NPU"}


def npu_names(root: str = "/") -> tuple[str, ...]:
    """Return the neural processors that the kernel lists, in its order."""
    return tuple(_NAMES.get(driver, driver) for _, driver in _devices(root))


def _devices(root: str) -> list[tuple[str, str]]:
    found = []
    for name in listed(under(root, _ACCEL)):
        device = under(root, f"{_ACCEL}/{name}/device")
        text = read_text(f"{device}/uevent") or ""
        driver = next((line.partition("=")[2] for line in text.splitlines() if line.startswith("DRIVER=")), None)
        if driver:
            found.append((device, driver))
    return found


class Npus:
    """`npu.N.percent`, `npu.N.memory.used` in bytes and `npu.N.clock` in MHz, for those that tell (Intel's)."""

    def __init__(self, root: str = "/") -> None:
        self._devices = [(device, Growth()) for device, _ in _devices(root)]

    def sample(self, now_ns: int) -> Readings:
        """Read them now. A clock of 0 is right while the device rests."""
        readings: Readings = {}
        for index, (device, growth) in enumerate(self._devices):
            busy = read_number(f"{device}/npu_busy_time_us")
            if busy is not None:
                rate = growth.per_second(busy, now_ns)
                share = FIRST_READING if rate is None else round(min(100.0, rate / 1e4), 1)
                readings[f"npu.{index}.percent"] = share
            for name, figure in (("npu_memory_utilization", "memory.used"), ("npu_current_frequency_mhz", "clock")):
                value = read_number(f"{device}/{name}")
                if value is not None:
                    readings[f"npu.{index}.{figure}"] = value
        return readings
