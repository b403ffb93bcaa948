"""All NVIDIA GPUs: starting NVML without waking a sleeping card, and bringing lost cards back by their UUID."""

import contextlib
import os
from collections.abc import Callable
from typing import Any

from llmtui.events import Gpu
from llmtui.readings import ASLEEP
from llmtui.telemetry.base import Readings, all_missing, link_end, listed, read_number, read_text, under
from llmtui.telemetry.drm import GpuIndexes, is_asleep
from llmtui.telemetry.nvidia_device import GpuLost, NvidiaDevice

NVIDIA = 0x10DE
_DISPLAY = 0x03
"""The PCI class of display controllers, with or without a plug for a screen."""
_FIGURES = ("percent", "memory.used", "temperature", "power", "clock.sm")
_FIRST_RETRY_NS = 5_000_000_000
_LAST_RETRY_NS = 60_000_000_000
_REASONS = {
    4: "no permission to use the NVIDIA driver (/dev/nvidia*)",
    9: "NVIDIA driver not loaded: try `sudo modprobe nvidia`",
    12: "NVIDIA driver library not found (libnvidia-ml.so.1)",
    15: "the GPU is lost: it fell off its bus; `sudo dmesg | grep -i xid` says more",
    18: "the NVIDIA driver was upgraded: reboot, or reload its kernel modules",
    999: "NVML answers with an unknown error; a container must then be created anew (systemd took its devices away)",
}


def library_loads(name: str = "libnvidia-ml.so.1") -> bool:
    """Say whether the driver's library is there; that alone wakes no GPU."""
    import ctypes  # noqa: PLC0415 - only machines that may have NVIDIA need it

    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _import_pynvml() -> Any:
    import pynvml  # noqa: PLC0415 - costs 4 MB, for NVIDIA machines only

    return pynvml


def devices_on_bus(root: str = "/") -> list[str]:
    """Return the device folders of all NVIDIA display controllers on the PCI bus, in the order of their addresses."""
    folder = under(root, "/sys/bus/pci/devices")
    found = []
    for address in listed(folder):
        device = f"{folder}/{address}"
        kind = read_number(f"{device}/class")
        if read_number(f"{device}/vendor") == NVIDIA and kind is not None and kind >> 16 == _DISPLAY:
            found.append(device)
    return found


class _Slot:
    """The place of one GPU among the readings, kept while the GPU is away."""

    def __init__(self, index: int, uuid: str | None, reason: str) -> None:
        self.index = index
        self.uuid = uuid
        self.reason = reason
        self.device: NvidiaDevice | None = None
        self.gpu = Gpu(index=index, vendor="NVIDIA", name="NVIDIA GPU", uuid=uuid)

    def missing(self) -> Readings:
        return all_missing([f"gpu.{self.index}.{figure}" for figure in _FIGURES], self.reason)


class NvidiaGpus:
    """Reads every GPU; when one is lost the others go on, and NVML is started anew after 5 s, 10 s, ... 60 s."""

    def __init__(self, indexes: GpuIndexes, root: str = "/", load: Callable[[], Any] = _import_pynvml) -> None:
        self._indexes = indexes
        self._root = root
        self._load = load
        self._nvml: Any = None
        self._retry_ns: int | None = None
        self._wait_ns = _FIRST_RETRY_NS
        self._bus = devices_on_bus(root)
        self._slots = [self._slot_on_bus(device) for device in self._bus] or [_Slot(indexes(), None, _REASONS[9])]
        self.with_processes = False

    def _slot_on_bus(self, device: str) -> _Slot:
        """Name a GPU without touching it, from what the kernel module tells."""
        address = os.path.basename(device)  # noqa: PTH119 - pathlib costs a megabyte in the sampler
        text = read_text(under(self._root, f"/proc/driver/nvidia/gpus/{address}/information")) or ""
        facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}
        uuid = facts.get("GPU UUID", "")
        slot = _Slot(self._indexes(), uuid if uuid.startswith("GPU-") and "?" not in uuid else None, _REASONS[9])
        name = facts.get("Model") or f"NVIDIA GPU {read_number(f'{device}/device') or 0:04x}"
        slot.gpu = Gpu(index=slot.index, vendor="NVIDIA", name=name, uuid=slot.uuid, driver=driver_version(self._root))
        return slot

    def gpus(self) -> tuple[Gpu, ...]:
        """Return what is known of the GPUs; names and sizes are whole once NVML answered."""
        return tuple(slot.gpu for slot in self._slots if slot.device is not None or self._bus or slot.uuid)

    @property
    def keys(self) -> list[str]:
        """The main figures of all GPUs, named even while the driver has not answered once."""
        return [f"gpu.{slot.index}.{figure}" for slot in self._slots for figure in _FIGURES]

    @property
    def process_memory(self) -> dict[int, int]:
        """GPU memory by process id, summed over the GPUs, as of the last reading of processes."""
        total: dict[int, int] = {}
        for slot in self._slots:
            for pid, size in (slot.device.process_memory if slot.device else {}).items():
                total[pid] = total.get(pid, 0) + (size or 0)
        return total

    def sample(self, now_ns: int) -> Readings:
        """Read all GPUs now, starting NVML first if it is due."""
        never = self._nvml is None and self._retry_ns is None
        if never or (self._retry_ns is not None and now_ns >= self._retry_ns):
            self._start(now_ns)
        readings: Readings = {}
        for slot in self._slots:
            if slot.device is not None:
                slot.device.with_processes = self.with_processes
                try:
                    readings.update(slot.device.sample(now_ns))
                    continue
                except GpuLost as lost:
                    slot.device = None
                    slot.reason = _REASONS.get(lost.args[0], _REASONS[15])
                    self._retry_ns = now_ns + self._wait_ns
            readings.update(slot.missing())
        return readings

    def _start(self, now_ns: int) -> None:
        """Start NVML, or start it anew, and find each GPU's slot by its UUID."""
        if self._bus and all(is_asleep(device) for device in self._bus):
            self._fail(ASLEEP)
            self._retry_ns = now_ns + _FIRST_RETRY_NS
            return
        self._close()
        self._retry_ns = now_ns + self._wait_ns
        self._wait_ns = min(2 * self._wait_ns, _LAST_RETRY_NS)
        try:
            nvml = self._load()
        except ImportError:
            self._fail("the Python package nvidia-ml-py is not installed")
            return
        try:
            nvml.nvmlInit()
            self._nvml = nvml
            self._enumerate(nvml)
        except nvml.NVMLError as error:
            self._fail(self._why_down(error.value, str(error)))
            return
        if all(slot.device is not None for slot in self._slots):
            self._retry_ns, self._wait_ns = None, _FIRST_RETRY_NS

    def _enumerate(self, nvml: Any) -> None:
        """Give each GPU that NVML counts to its slot: by UUID, and in order where the UUID is not known yet."""
        driver = nvml.nvmlSystemGetDriverVersion()
        free = list(self._slots)
        strangers: list[tuple[Any, str | None, str]] = []
        for slot in self._slots:
            slot.device = None
        for number in range(nvml.nvmlDeviceGetCount()):
            try:
                handle = nvml.nvmlDeviceGetHandleByIndex(number)
                uuid = nvml.nvmlDeviceGetUUID(handle)
            except nvml.NVMLError as error:
                strangers.append((None, None, self._why_down(error.value, str(error))))
                continue
            known = next((slot for slot in free if slot.uuid == uuid), None)
            if known is None:
                strangers.append((handle, uuid, ""))
                continue
            free.remove(known)
            self._attach(known, nvml, handle, driver)
        for handle, uuid, reason in strangers:
            # One that cannot be reached now may be any of those that were known before.
            place = next((slot for slot in free if slot.uuid is None or handle is None), None)
            if place is None:
                place = _Slot(self._indexes(), None, reason)
                self._slots.append(place)
            else:
                free.remove(place)
            place.reason = reason
            if handle is not None:
                place.uuid = uuid
                self._attach(place, nvml, handle, driver)
        for slot in free:
            slot.reason = "the NVIDIA driver does not see this GPU" if slot.uuid or self._bus else "no NVIDIA GPU found"

    def _attach(self, slot: _Slot, nvml: Any, handle: Any, driver: str) -> None:
        device = NvidiaDevice(nvml, handle, slot.index, driver, self._root)
        try:
            slot.gpu = device.describe()
        except GpuLost as lost:
            slot.reason = _REASONS.get(lost.args[0], _REASONS[15])
            return
        slot.device = device

    def _why_down(self, code: int, text: str) -> str:
        """Say why NVML is of no use, by its error and by the kernel driver that holds the cards."""
        drivers = {os.path.basename(link_end(f"{device}/driver")) for device in self._bus}  # noqa: PTH119 - pathlib costs a megabyte in the sampler
        if code in (9, 12) and "nouveau" in drivers:
            return "the free driver nouveau tells no figures; they need NVIDIA's own driver"
        if code in (9, 12) and "vfio-pci" in drivers:
            return "the GPU is lent to a virtual machine (vfio-pci)"
        return _REASONS.get(code, f"NVML says: {text}")

    def _fail(self, reason: str) -> None:
        self._nvml = None
        for slot in self._slots:
            slot.device = None
            slot.reason = reason

    def _close(self) -> None:
        if self._nvml is not None:
            # A lost GPU can make even this fail; what follows starts anew.
            with contextlib.suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
            self._nvml = None


def driver_version(root: str = "/") -> str | None:
    """Return the version of the loaded NVIDIA kernel module."""
    return read_text(under(root, "/sys/module/nvidia/version"), 64)
