"""Which probes a machine gets, and how often each is read."""

import sys
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, NamedTuple, Protocol

from llmtui.events import Gpu, HardwareSnapshot
from llmtui.telemetry.base import Probe, Readings, all_missing, listed, under
from llmtui.telemetry.cgroup import CgroupLoad
from llmtui.telemetry.cpu import CpuClock, CpuLoad, CpuThrottle
from llmtui.telemetry.disk import DiskReads
from llmtui.telemetry.drm import ClientMemory, cards
from llmtui.telemetry.gpu_amd import AmdGpus
from llmtui.telemetry.gpu_intel import IntelGpus
from llmtui.telemetry.gpu_nvidia import NvidiaGpus, devices_on_bus, library_loads
from llmtui.telemetry.hardware import MAC_FACTS, is_virtual, take_mac_snapshot, take_snapshot
from llmtui.telemetry.jetson import Jetson, is_jetson
from llmtui.telemetry.memory import MemoryUse, Pressure, Swapping
from llmtui.telemetry.npu import Npus, npu_names
from llmtui.telemetry.power import CpuPower
from llmtui.telemetry.processes import ProcessTable, ProcFolder
from llmtui.telemetry.programs import Run, run_program
from llmtui.telemetry.raspberry_pi import RaspberryPi, is_raspberry_pi
from llmtui.telemetry.server import ServerWatch
from llmtui.telemetry.temperature import CpuTemperature

_MS = 1_000_000
_GPU_MAIN = ("percent", "memory.used", "temperature", "power")
_CORES_PER_SECOND = 32
"""So many cores are written out per second at most: 128 of them each second would be 12 MB of log an hour."""


class Source(NamedTuple):
    """A probe and how often it is read at most; `apart` puts it into a thread of its own."""

    probe: Probe
    period_ns: int
    apart: bool = False
    keys: tuple[str, ...] = ()


class GpuProbe(Probe, Protocol):
    """A probe that also knows what its GPUs are."""

    def gpus(self) -> tuple[Gpu, ...]:
        """Return what is known of the GPUs."""


class Together:
    """Several probes read as one."""

    def __init__(self, probes: Iterable[Probe]) -> None:
        self._probes = tuple(probes)

    def sample(self, now_ns: int) -> Readings:
        """Read all of them in their order; a later one may correct an earlier one."""
        readings: Readings = {}
        for probe in self._probes:
            readings.update(probe.sample(now_ns))
        return readings


class Sources:
    """All probes of one machine."""

    def __init__(self, table: ProcessTable, describe: Callable[[tuple[Gpu, ...]], HardwareSnapshot]) -> None:
        self.server = ServerWatch(table)
        self.table = table
        self.list: list[Source] = [Source(self.server, 100 * _MS)]
        self.constant: Readings = {}
        self.gpu_probes: list[GpuProbe] = []
        self.nvidia: NvidiaGpus | None = None
        self.clients: ClientMemory | None = None
        self.cgroup: CgroupLoad | None = None
        self._describe = describe

    def gpus(self) -> tuple[Gpu, ...]:
        """Return all GPUs in the order of their numbers."""
        return tuple(gpu for probe in self.gpu_probes for gpu in probe.gpus())

    def snapshot(self) -> HardwareSnapshot:
        """Describe the machine as it is known now."""
        return self._describe(self.gpus())

    def add_gpus(self, probe: GpuProbe, period_ns: int = 1000 * _MS, keys: Iterable[str] = ()) -> None:
        """Read GPUs in a thread of their own."""
        self.gpu_probes.append(probe)
        self.list.append(Source(probe, period_ns, apart=True, keys=tuple(keys)))

    def complete(self, reason: str) -> None:
        """Name the reason for the main figures of a GPU where there is none."""
        if not self.gpu_probes:
            self.constant.update(all_missing([f"gpu.0.{figure}" for figure in _GPU_MAIN], reason))


def find_sources(
    root: str = "/",
    *,
    platform: str = sys.platform,
    cpu_sensor: str | None = None,
    load_nvml: Callable[[], Any] | None = None,
    run: Run | None = None,
) -> Sources:
    """Find the probes that fit this machine. Other roots than "/" stand for Linux machines.

    `load_nvml` returns the module pynvml, `run` runs the programs of the system that some figures come from.
    """
    if platform == "linux":
        return _linux(root, cpu_sensor, load_nvml, run)
    return _portable(platform, run or run_program)


def _linux(root: str, cpu_sensor: str | None, load_nvml: Callable[[], Any] | None, run: Run | None) -> Sources:
    virtual = is_virtual(root)
    temperature = CpuTemperature(root, wanted=cpu_sensor, virtual=virtual)
    cores = len([name for name in listed(under(root, "/sys/devices/system/cpu")) if name[3:].isdigit()])
    load = CpuLoad(root, max(1000, 1000 * cores // _CORES_PER_SECOND) * _MS)
    sources = Sources(ProcFolder(root), lambda gpus: take_snapshot(root, gpus=gpus, cpu_sensor=temperature.sensor))
    sources.cgroup = CgroupLoad(root)
    sources.list += [
        Source(load, 0),
        Source(CpuPower(root, virtual=virtual), 100 * _MS),
        Source(MemoryUse(root), 250 * _MS),
        Source(Swapping(root), 250 * _MS),
        Source(DiskReads(root), 250 * _MS),
        Source(Pressure(root), 1000 * _MS),
        Source(sources.cgroup, 2000 * _MS),
    ]
    sensors: list[Probe] = [temperature, CpuClock(load, root, virtual=virtual), CpuThrottle(root, virtual=virtual)]
    if is_raspberry_pi(root):
        sensors.append(RaspberryPi(root, run))
    if npu_names(root):
        sensors.append(Npus(root))
    sources.list.append(Source(Together(sensors), 1000 * _MS, apart=not virtual))
    _add_linux_gpus(sources, root, load_nvml)
    return sources


def _add_linux_gpus(sources: Sources, root: str, load_nvml: Callable[[], Any] | None) -> None:
    numbers = count()

    def indexes() -> int:
        return next(numbers)

    found = cards(root)
    if is_jetson(root):
        sources.add_gpus(Jetson(indexes, root))
    elif devices_on_bus(root) or (not found and (load_nvml is not None or (root == "/" and library_loads()))):
        # In WSL and some containers the library is there though the bus shows no card.
        sources.nvidia = NvidiaGpus(indexes, root, *(() if load_nvml is None else (load_nvml,)))
        sources.add_gpus(sources.nvidia, keys=sources.nvidia.keys)
    for make in (AmdGpus, IntelGpus):
        probe = make(indexes, root)
        if probe.gpus():
            sources.add_gpus(probe)
            sources.clients = ClientMemory(root)
    sources.complete("no GPU found")


def _portable(platform: str, run: Run) -> Sources:
    from llmtui.telemetry.portable import PortableMachine, PortableTable  # noqa: PLC0415 - psutil is for other systems

    if platform != "darwin":
        sources = Sources(PortableTable(), lambda gpus: HardwareSnapshot(gpus=gpus))
        sources.list.append(Source(PortableMachine(), 250 * _MS))
        reason = f"llmtui does not measure it on {platform}"
    else:
        from llmtui.telemetry.apple import Mac, sysctl  # noqa: PLC0415 - for Macs only

        facts = sysctl(MAC_FACTS, run)
        numbers = count()
        sources = Sources(PortableTable(), lambda gpus: take_mac_snapshot(facts, gpus=gpus))
        sources.list.append(Source(PortableMachine(), 250 * _MS))
        sources.add_gpus(Mac(lambda: next(numbers), run), 2000 * _MS)
        reason = "macOS tells it only to root (powermetrics)"
    sources.constant = all_missing(("cpu.temperature", "cpu.frequency", "cpu.power"), reason)
    sources.complete(reason)
    return sources
