"""Graphics cards as the kernel lists them, for drivers that tell their figures in small files."""

import os
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from llmtui.events import Gpu
from llmtui.telemetry.base import KeptFile, Missing, Readings, link_end, listed, read_number, read_text, under

GpuIndexes = Callable[[], int]
"""Hands out the next free number for a GPU, over all vendors."""

CARD_FIGURES = ("percent", "memory.used", "temperature", "power", "clock.sm")
"""What is looked for on every card."""


class Card(NamedTuple):
    """One card: its kernel name, its device folder, its PCI address and ids."""

    name: str
    device: str
    address: str
    vendor: int
    product: int


def cards(root: str, vendor: int | None = None) -> list[Card]:
    """List the graphics cards below /sys/class/drm, those of one vendor if asked."""
    found = []
    for name in listed(under(root, "/sys/class/drm")):
        if not (name.startswith("card") and name[4:].isdigit()):
            continue
        device = under(root, f"/sys/class/drm/{name}/device")
        maker = read_number(f"{device}/vendor")
        if maker is not None and (vendor is None or maker == vendor):
            address = os.path.basename(link_end(device))  # noqa: PTH119 - pathlib costs a megabyte in the sampler
            address = "" if address == "device" else address  # no link, so nothing tells where the card sits
            found.append(Card(name, device, address, maker, read_number(f"{device}/device") or 0))
    return found


def is_asleep(device: str) -> bool:
    """Say whether the kernel has switched the device off to save power. To read its sensors would wake it."""
    return read_text(f"{device}/power/runtime_status") == "suspended"


class Hwmon:
    """The monitoring chip of a device: its inputs by their label, kept open."""

    def __init__(self, device: str, root: str) -> None:
        self._root = root
        self._files: dict[str, KeptFile] = {}
        folders = listed(f"{device}/hwmon")
        self.folder = f"{device}/hwmon/{folders[0]}" if folders else None
        names = listed(self.folder) if self.folder else []
        self._names = frozenset(names)
        self.labels: dict[str, str] = {}
        for name in names:
            if name.endswith("_label"):
                self.labels.setdefault(read_text(f"{self.folder}/{name}") or "", name.removesuffix("_label"))

    def has(self, name: str) -> bool:
        """Say whether the chip has this file."""
        return name in self._names

    def first(self, names: Iterable[str]) -> str | None:
        """Return the first of `names` that the chip has."""
        return next((name for name in names if name in self._names), None)

    def read(self, name: str | None, scale: float = 1.0) -> "float | Missing | None":
        """Return a figure divided by `scale`, why it fails, or None when the chip has no such file."""
        if name is None or name not in self._names:
            return None
        file = self._files.setdefault(name, KeptFile(f"{self.folder}/{name}"))
        value = file.number(self._root)
        return value if isinstance(value, Missing) else value / scale


class DrmCard(Protocol):
    """One card under its driver."""

    def describe(self) -> Gpu:
        """Return what the card is."""

    def sample(self, now_ns: int) -> Readings:
        """Read the card now."""


class DrmGpus:
    """The cards of one driver."""

    def __init__(self, own: Sequence[DrmCard]) -> None:
        self._cards = own

    def gpus(self) -> tuple[Gpu, ...]:
        """Return what the cards are."""
        return tuple(card.describe() for card in self._cards)

    def sample(self, now_ns: int) -> Readings:
        """Read all cards now."""
        readings: Readings = {}
        for card in self._cards:
            readings.update(card.sample(now_ns))
        return readings


class ClientMemory:
    """Graphics memory of processes, from the `drm-memory-*` lines of /proc/PID/fdinfo (AMD and Intel drivers).

    Only the processes of the same user are visible, unless as root. A buffer that a process opened through several
    descriptors of one client counts once.
    """

    _REGIONS = ("drm-memory-vram", "drm-memory-gtt", "drm-total-vram0", "drm-total-gtt", "drm-total-local0")

    def __init__(self, root: str = "/") -> None:
        self._root = root

    def of(self, pids: Iterable[int]) -> int | None:
        """Return the bytes that `pids` hold together, None when none of them has the device open."""
        clients: dict[tuple[str, str], int] = {}
        for pid in pids:
            folder = under(self._root, f"/proc/{pid}/fdinfo")
            for name in listed(folder):
                self._add(read_text(f"{folder}/{name}", 8192) or "", clients)
        return sum(clients.values()) if clients else None

    def _add(self, text: str, clients: dict[tuple[str, str], int]) -> None:
        if "drm-client-id" not in text:
            return
        lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        sizes = {name: _size(lines[name]) for name in self._REGIONS if name in lines}
        used = sum(size for name, size in sizes.items() if name.startswith("drm-memory"))
        used = used or sum(size for name, size in sizes.items() if name.startswith("drm-total"))
        clients[lines.get("drm-pdev", "").strip(), lines["drm-client-id"].strip()] = used


def _size(text: str) -> int:
    fields = text.split()
    if not fields or not fields[0].isdigit():
        return 0
    return int(fields[0]) * {"KiB": 1024, "MiB": 1024**2}.get(fields[1] if len(fields) > 1 else "", 1)
