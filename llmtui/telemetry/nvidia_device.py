"""One NVIDIA GPU through NVML: which call gives which figure, and what stands in for a call that fails."""

from collections.abc import Iterator
from typing import Any

from llmtui.events import Gpu
from llmtui.telemetry.base import Growth, KeptFile, Missing, Readings, under
from llmtui.telemetry.memory import meminfo
from llmtui.telemetry.temperature import is_limit, is_plausible

_UNSUPPORTED = (3, 13, 25)
"""NVML's codes for: not supported, function not in this driver, structure version not in this driver."""
_LOST = (1, 15, 28)
"""NVML's codes for: uninitialized, GPU is lost, GPU not found."""
_NO_PERMISSION = 4
_POWER_INSTANT, _POWER_CAPPED_NS, _SLOWED_NS, _MEMORY_TEMPERATURE = 186, 74, 75, 82
_HIGHEST_W = 3000.0
_SLOW_NS = 5_000_000_000
_STATIC_NS = 60_000_000_000


class GpuLost(Exception):  # noqa: N818 - named like NVML's own condition
    """The driver no longer reaches this GPU; NVML must be started anew."""


class NvidiaDevice:
    """One GPU by its NVML handle. What it says once that it cannot do is not asked again.

    `nvml` is the module pynvml. Fast figures are read at each sample, fan and processes every 5 s, limits every 60 s.
    """

    def __init__(self, nvml: Any, handle: Any, index: int, driver: str | None, root: str = "/") -> None:
        self._nvml = nvml
        self._handle = handle
        self._index = index
        self._driver = driver
        self._unsupported: set[str] = set()
        self._meminfo = KeptFile(under(root, "/proc/meminfo"))
        thermal = [_SLOWED_NS, *hardware_slowdown_field(driver)]
        self._fields = [_POWER_INSTANT, _POWER_CAPPED_NS, _MEMORY_TEMPERATURE, *thermal]
        self._growths = {field: Growth() for field in (_POWER_CAPPED_NS, *thermal)}
        self._static: dict[str, float] = {}
        self._static_due_ns = self._slow_due_ns = 0
        self._mig = False
        self.unified = False
        self.with_processes = False
        self.process_memory: dict[int, int | None] = {}

    def describe(self) -> Gpu:
        """Return what the GPU is; raise `GpuLost`."""
        name, uuid = self._ask("nvmlDeviceGetName"), self._ask("nvmlDeviceGetUUID")
        memory = self._memory().get("memory.total")
        return Gpu(
            index=self._index,
            vendor="NVIDIA",
            name=name if isinstance(name, str) else "NVIDIA GPU",
            uuid=uuid if isinstance(uuid, str) else None,
            memory=int(memory) if isinstance(memory, int | float) else None,
            driver=self._driver,
            unified=self.unified,
        )

    def sample(self, now_ns: int) -> Readings:
        """Read the GPU now; raise `GpuLost`."""
        if now_ns >= self._static_due_ns:
            self._static_due_ns = now_ns + _STATIC_NS
            self._static = dict(self._limits())
        found: Readings = {**self._static, **self._memory()}
        found.update(self._use())
        fields = self._field_values()
        found.update(self._heat(fields))
        found["power"] = self._power(fields)
        energy = self._ask("nvmlDeviceGetTotalEnergyConsumption")
        found["energy"] = energy if isinstance(energy, Missing) else energy / 1e3
        found.update(self._throttle(fields, now_ns))
        if now_ns >= self._slow_due_ns:
            self._slow_due_ns = now_ns + _SLOW_NS
            found["fan"] = self._fan()
            self.process_memory = self._processes() if self.with_processes else {}
        return {f"gpu.{self._index}.{figure}": value for figure, value in found.items()}

    def _ask(self, name: str, *arguments: Any, key: str = "", **named: Any) -> Any:
        """Call one function of NVML; return its answer or Missing; raise `GpuLost`. `key` tells variants apart."""
        if name + key in self._unsupported:
            return Missing("this GPU or its driver does not tell")
        function = getattr(self._nvml, name, None)
        if function is None:
            self._unsupported.add(name + key)
            return Missing("this version of pynvml does not ask")
        try:
            return function(self._handle, *arguments, **named)
        except self._nvml.NVMLError as error:
            code = getattr(error, "value", 999)
            if code in _LOST:
                raise GpuLost(code) from None
            if code in _UNSUPPORTED:
                self._unsupported.add(name + key)
                return Missing("this GPU or its driver does not tell")
            return Missing("no permission to ask the driver" if code == _NO_PERMISSION else f"the driver says: {error}")

    def _limits(self) -> Iterator[tuple[str, float]]:
        """Figures that change seldom, those that are known."""
        ask = self._ask
        modes = ask("nvmlDeviceGetMigMode")
        self._mig = not isinstance(modes, Missing) and bool(modes[0])
        # 3 = above it the clock may fall below its base; 1 = the hardware halves the clock.
        highest = [ask("nvmlDeviceGetTemperatureThreshold", kind, key=str(kind)) for kind in (3, 1)]
        limit = next((value for value in highest if not isinstance(value, Missing) and is_limit(value)), None)
        for figure, value, scale in (
            ("temperature.limit", limit, 1),
            ("power.limit", ask("nvmlDeviceGetEnforcedPowerLimit"), 1e3),
            ("power.limit.default", ask("nvmlDeviceGetPowerManagementDefaultLimit"), 1e3),
            ("clock.sm.limit", ask("nvmlDeviceGetMaxClockInfo", 1, key="sm"), 1),
        ):
            if value is not None and not isinstance(value, Missing) and value > 0:
                yield figure, value / scale

    def _use(self) -> Readings:
        rates = self._ask("nvmlDeviceGetUtilizationRates")
        found: Readings = {}
        if isinstance(rates, Missing):
            found["percent"] = Missing("not told while the GPU is divided (MIG)") if self._mig else rates
        else:
            found["percent"] = float(rates.gpu)
            found["memory.traffic"] = float(rates.memory)
        found["clock.sm"] = self._ask("nvmlDeviceGetClockInfo", 1, key="sm")
        found["clock.memory"] = self._ask("nvmlDeviceGetClockInfo", 2, key="memory")
        return found

    def _memory(self) -> Readings:
        """Memory without what the driver keeps for itself; where GPU and processor share it, that of the machine."""
        version = getattr(self._nvml, "nvmlMemory_v2", None)
        info = self._ask("nvmlDeviceGetMemoryInfo", key="v2", version=version) if version else Missing("")
        if isinstance(info, Missing):
            info = self._ask("nvmlDeviceGetMemoryInfo")
        if not isinstance(info, Missing):
            return {"memory.used": info.used, "memory.total": info.total}
        if "nvmlDeviceGetMemoryInfo" not in self._unsupported:
            return {"memory.used": info}
        try:
            sizes = meminfo(self._meminfo.read(8192))
            total, available = sizes[b"MemTotal"], sizes[b"MemAvailable"]
        except (OSError, KeyError):
            return {"memory.used": info}
        self.unified = True
        return {"memory.used": total - available, "memory.total": total}

    def _heat(self, fields: dict[int, float]) -> Readings:
        degrees = self._ask("nvmlDeviceGetTemperatureV", 0)
        if isinstance(degrees, Missing):
            degrees = self._ask("nvmlDeviceGetTemperature", 0)
        if not isinstance(degrees, Missing) and not is_plausible(degrees):
            degrees = Missing(f"the sensor says {degrees} °C, which can't be")
        found: Readings = {"temperature": degrees}
        margin = self._ask("nvmlDeviceGetMarginTemperature")
        if not isinstance(margin, Missing):
            found["temperature.margin"] = float(margin)
            # Newer GPUs state no threshold but how far the nearest one is.
            if "temperature.limit" not in self._static and not isinstance(degrees, Missing):
                found["temperature.limit"] = float(degrees + margin)
        elif "temperature.limit" not in self._static:
            found["temperature.limit"] = Missing("this GPU names no limit")
        memory = fields.get(_MEMORY_TEMPERATURE)
        if memory is not None and is_plausible(memory):
            found["temperature.memory"] = memory
        return found

    def _power(self, fields: dict[int, float]) -> "float | Missing":
        """Draw in W at this moment, or averaged over a second by drivers that know only that."""
        milliwatts: Any = fields.get(_POWER_INSTANT)
        if milliwatts is None:
            milliwatts = self._ask("nvmlDeviceGetPowerUsage")
        if isinstance(milliwatts, Missing):
            return milliwatts
        watts = float(milliwatts) / 1e3
        limit = max(self._static.get("power.limit", 0.0), self._static.get("power.limit.default", 0.0))
        # Some laptop GPUs report hundreds of watts when idle.
        if watts > (1.3 * limit if limit else _HIGHEST_W):
            return Missing(f"the driver says {watts:.0f} W, which can't be")
        return watts

    def _throttle(self, fields: dict[int, float], now_ns: int) -> Readings:
        reasons = self._ask("nvmlDeviceGetCurrentClocksEventReasons")
        if isinstance(reasons, Missing):
            reasons = self._ask("nvmlDeviceGetCurrentClocksThrottleReasons")
        found: Readings = {"throttle.reasons": reasons if isinstance(reasons, Missing) else float(reasons)}
        for field, growth in self._growths.items():
            value = fields.get(field)
            grown, elapsed = growth.since(value, now_ns) if value is not None else (None, 0.0)
            # A counter of time cannot outrun time: then this driver means another figure by the number.
            if grown is not None and grown > (1.5 * elapsed + 1.0) * 1e9:
                self._fields = [number for number in self._fields if number != field]
                fields.pop(field)
        heat = [fields[field] for field in self._growths if field in fields and field != _POWER_CAPPED_NS]
        found["throttle.thermal.time"] = sum(heat) / 1e9 if heat else Missing("this GPU does not count it")
        if _POWER_CAPPED_NS in fields:
            found["throttle.power.time"] = fields[_POWER_CAPPED_NS] / 1e9
        return found

    def _field_values(self) -> dict[int, float]:
        """Ask for all numbered figures in one call; drop those that the GPU does not have."""
        if not self._fields:
            return {}
        answers = self._ask("nvmlDeviceGetFieldValues", self._fields)
        if isinstance(answers, Missing):
            return {}
        values = {answer.fieldId: _field_value(answer) for answer in answers if answer.nvmlReturn == 0}
        gone = {answer.fieldId for answer in answers if answer.nvmlReturn in _UNSUPPORTED}
        self._fields = [number for number in self._fields if number not in gone]
        return values

    def _fan(self) -> "float | Missing":
        """The fastest fan in percent of its full speed; cards with passive coolers have none."""
        count = self._ask("nvmlDeviceGetNumFans")
        if isinstance(count, Missing) or not count:
            speed = self._ask("nvmlDeviceGetFanSpeed") if isinstance(count, Missing) else Missing("no fan of its own")
            return speed if isinstance(speed, Missing) else float(speed)
        speeds = [self._ask("nvmlDeviceGetFanSpeed_v2", fan) for fan in range(count)]
        known = [float(speed) for speed in speeds if not isinstance(speed, Missing)]
        return max(known) if known else Missing("the fans do not tell their speed")

    def _processes(self) -> dict[int, int | None]:
        """GPU memory per process id as the driver numbers them, which in a container are the host's."""
        found: dict[int, int | None] = {}
        for name in ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses"):
            answers = self._ask(name)
            if isinstance(answers, Missing):
                answers = self._ask(f"{name}_v2")
            for process in [] if isinstance(answers, Missing) else answers:
                found.setdefault(process.pid, process.usedGpuMemory)
        return found


def _field_value(answer: Any) -> float:
    """Return the number in an NVML field value, by its type code."""
    names = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")
    kind = answer.valueType
    return float(getattr(answer.value, names[kind] if 0 <= kind < len(names) else "ullVal", 0))


def hardware_slowdown_field(driver: str | None) -> list[int]:
    """Return the number of the field that counts hardware slowdown by heat in ns, if this driver has it.

    The number moved: 252 in drivers 575 to 580.65 (nvidia-ml-py 12.575 and 13.580.65), 270 from 580.82 on
    (13.580.82); before 575 there was none. The fields 74 and 75 stand still.
    """
    major, _, minor = (driver or "").partition(".")
    minor = minor.partition(".")[0]
    if not (major.isdigit() and minor.isdigit()):
        return []
    version = (int(major), int(minor))
    if version < (575, 0):
        return []
    return [252] if version < (580, 82) else [270]
