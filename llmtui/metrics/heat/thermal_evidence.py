"""What the hardware says about heat, sample by sample: reasons, counters, clocks and temperatures of each device.

A device's own word comes first (the driver's reason bits, counters of throttled time). Where a device says nothing, a
clock that falls while the chip is at its limit of temperature is the next best evidence, and weaker.
"""

import re
from collections.abc import Collection, Mapping

from llmtui.metrics.heat.chip_evidence import Chip
from llmtui.metrics.heat.evidence import BOARD, Look, Sample, SampleEvidence
from llmtui.metrics.heat.gpu_evidence import LOADED_PERCENT, GpuEvidence
from llmtui.metrics.heat.other_causes import OtherCauses
from llmtui.metrics.heat.reading_history import IDLE_S, History, StuckBits, as_bits
from llmtui.metrics.heat.thresholds import RASPBERRY_PI_HOT

AT_WORK_PERCENT = 10.0
"""A GPU that is used less than this takes no part in the work; a desktop needs as much."""

LOADED_CORES, AT_WORK_CORES = 1.0, 1.5
"""Cores that a server uses when it computes; beside a GPU one core alone only waits for it."""

LOADED_CPU = 50.0
"""Percent of the whole processor that count as load where the server's own share is not known."""

PRESSURE = 2
"""macOS reports thermal pressure as 0 nominal, 1 moderate, 2 heavy, 3 trapping, 4 sleeping; heavy lowers clocks."""

PACKAGES = 8
"""So many processor packages at most are added up in `cpu.throttle.time`."""

# The bits of `board.throttled` on a Raspberry Pi that are about now; the upper ones are about the time since boot.
_UNDER_VOLTAGE, _CAPPED, _THROTTLED, _SOFT_LIMIT = 0x1, 0x2, 0x4, 0x8
_NOW = 0xF

_GPU = re.compile(r"gpu\.[0-9]+(?=\.)")


class EvidenceWatch:
    """Takes samples in their order and says what each means. Keep one for a session, and `restart` it for each job.

    Attributes:
        missing: The reasons that stand, by key.
    """

    def __init__(self) -> None:
        self.missing: dict[str, str] = {}
        self._history = History()
        self._keys: set[str] = set()
        self._gpus: dict[str, GpuEvidence] = {}
        self._cpu = CpuEvidence()
        self._board = BoardEvidence()
        self._others = OtherCauses(self._history)
        self._loaded_ns: int | None = None

    def restart(self) -> None:
        """Forget what was usual under the last load: another model has other clocks and another size."""
        for chip in (self._cpu.chip, *(gpu.chip for gpu in self._gpus.values())):
            chip.restart()
        self._others.restart()

    def stuck(self, device: str) -> int:
        """Return the reason bits of a device that are not believed, because they were set while it idled."""
        if device == BOARD:
            return self._board.stuck.stuck
        return self._gpus[device].stuck.stuck if device in self._gpus else 0

    def take(self, sample: Sample, *, in_flight: bool) -> SampleEvidence:
        """Take the next sample; `in_flight`: whether a request was under way at its moment. Never raises."""
        t = sample.t_ns
        # The load of single cores says nothing here, and on a large machine it is most of a sample.
        values = {key: value for key, value in sample.values.items() if not _OF_CORE[key]}
        steps = self._history.take(t, values)
        if self.missing or sample.missing:
            self.missing.update(sample.missing)
            for key in self.missing.keys() & steps.keys():
                del self.missing[key]
        if not self._keys.issuperset(steps):
            self._meet(steps.keys() - self._keys)
        percents = self._percents(t)
        cores = self._history.last("server.cpu", t)
        at_work = self._at_work(percents, cores)
        loaded = in_flight or _is_loaded(percents, cores)
        if loaded:
            self._loaded_ns = t
        idle = self._loaded_ns is None or t - self._loaded_ns >= IDLE_S * 1e9
        look = Look(t, steps, self._history, loaded=loaded, idle=idle)
        self._others.look(look, self._gpus, sample.missing)
        for gpu in self._gpus.values():
            gpu.look(look)
        self._cpu.look(look, at_work="cpu" in at_work)
        self._board.look(look, self._cpu.chip)
        return SampleEvidence(t, loaded, tuple(look.findings), look.observed, at_work, self._degrees(t))

    def _meet(self, keys: Collection[str]) -> None:
        """Take note of keys that were never read before, and of the GPUs of which they tell."""
        for key in keys:
            self._keys.add(key)
            found = _GPU.match(key)
            if found is not None and found[0] not in self._gpus:
                self._gpus[found[0]] = GpuEvidence(found[0])

    def _percents(self, t: int) -> dict[str, float]:
        found = {gpu: self._history.last(f"{gpu}.percent", t) for gpu in self._gpus}
        return {gpu: percent for gpu, percent in found.items() if percent is not None}

    def _degrees(self, t: int) -> dict[str, float]:
        found = {device: self._history.last(f"{device}.temperature", t) for device in ("cpu", *self._gpus)}
        # What a board says of heat is about its processor.
        found[BOARD] = found["cpu"]
        return {device: degrees for device, degrees in found.items() if degrees is not None}

    def _at_work(self, percents: Mapping[str, float], cores: float | None) -> frozenset[str]:
        """Return the devices that take part: GPUs in use, and the processor when it does more than wait for them.

        GPUs that don't tell their use may take part where none is known to and the server holds GPU memory, or the
        processor is not seen to do the work.
        """
        gpus = {gpu for gpu, percent in percents.items() if percent >= AT_WORK_PERCENT}
        computes = cores is not None and cores >= AT_WORK_CORES
        if gpus:
            return frozenset({*gpus, "cpu"} if computes else gpus)
        if computes and not self._history.last("server.memory.gpu"):
            return frozenset({"cpu"})
        return frozenset({*(self._gpus.keys() - percents.keys()), "cpu"})


def _is_loaded(percents: Mapping[str, float], cores: float | None) -> bool:
    return (cores is not None and cores >= LOADED_CORES) or any(p >= LOADED_PERCENT for p in percents.values())


class _OfCore(dict[str, bool]):
    """Whether a key tells of a single core, found out once for each."""

    def __missing__(self, key: str) -> bool:
        self[key] = key.startswith("cpu.core.")
        return self[key]


_OF_CORE = _OfCore()


class CpuEvidence:
    """Looks at the readings of the processor in their order."""

    def __init__(self) -> None:
        self.chip = Chip("cpu", "cpu.frequency")

    def look(self, look: Look, *, at_work: bool) -> None:
        """Note what this sample says."""
        if "board.throttled" in look.steps:
            self.chip.hot_from = RASPBERRY_PI_HOT
        self.chip.heat(look)
        time, events = look.steps.get("cpu.throttle.time"), look.steps.get("cpu.throttle.events")
        if time is not None:
            look.observe("cpu", "hard", time)
            seconds = time.counted(PACKAGES)
            if seconds > 0:
                look.find("cpu", "thermal", "the processor counted time slowed by heat", seconds, counted=True)
        elif events is not None:
            look.observe("cpu", "hard", events)
            if events.grown:
                words = "the processor counted times that heat slowed it"
                look.find("cpu", "thermal", words, events.seconds, counted=True)
        cores, percent = look.last("server.cpu"), look.last("cpu.percent")
        busy = percent is None or percent >= LOADED_CPU if cores is None else cores >= LOADED_CORES
        self.chip.clock(look, busy=look.loaded and at_work and busy)


class BoardEvidence:
    """Looks at what a whole board says: the firmware of a Raspberry Pi, a Jetson's overcurrent events, macOS."""

    def __init__(self) -> None:
        self.stuck = StuckBits()

    def look(self, look: Look, cpu: Chip) -> None:
        """Note what this sample says."""
        self._firmware(look, cpu)
        pressure = look.steps.get("thermal.pressure")
        if pressure is not None:
            look.observe(BOARD, "hard", pressure)
            if pressure.value >= PRESSURE:
                look.find(BOARD, "thermal", "macOS reports heavy thermal pressure", pressure.seconds)
        current = look.steps.get("board.overcurrent.events")
        if current is not None and current.grown:
            look.find(BOARD, "hardware", "it cut its clocks for too much current", current.seconds, counted=True)

    def _firmware(self, look: Look, cpu: Chip) -> None:
        step = look.steps.get("board.throttled")
        bits = as_bits(step.value) if step is not None else None
        if step is None or bits is None:
            return
        if bits & _UNDER_VOLTAGE:
            look.find(BOARD, "other", "the power supply is too weak (under-voltage)", step.seconds)
        believed = self.stuck.take(bits & _NOW, idle=look.idle and cpu.degree == "cool")
        if not self.stuck.stuck & (_CAPPED | _THROTTLED | _SOFT_LIMIT):
            look.observe(BOARD, "hard", step)
        # A weak supply lowers the clock by the same bits, at any temperature; the soft limit is always heat.
        capped = believed & (_CAPPED | _THROTTLED) and not bits & _UNDER_VOLTAGE
        if believed & _SOFT_LIMIT or capped:
            look.find(BOARD, "thermal", "its firmware slows the processor for heat", step.seconds)
