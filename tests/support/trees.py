"""Device trees of machines: small ones written file by file, and whole ones from tests/telemetry/trees."""

import ctypes
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from llmtui.telemetry.dump import two_looks
from llmtui.telemetry.dump_archive import Readings
from llmtui.telemetry.sample_lines import Watch

TREES = Path(__file__).parents[1] / "telemetry/trees"

HWMON = "sys/class/hwmon"
CPU = "sys/devices/system/cpu"


def write(root: Path, files: dict[str, object]) -> str:
    """Write `files` below `root` and return the root as the readers take it."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    return str(root)


INTEL_LAPTOP = {
    f"{HWMON}/hwmon0/name": "acpitz",
    f"{HWMON}/hwmon0/temp1_input": 32000,
    f"{HWMON}/hwmon1/name": "coretemp",
    f"{HWMON}/hwmon1/temp1_label": "Package id 0",
    f"{HWMON}/hwmon1/temp1_input": 91000,
    f"{HWMON}/hwmon1/temp1_crit": 100000,
    f"{HWMON}/hwmon1/temp2_label": "Core 0",
    f"{HWMON}/hwmon1/temp2_input": 88000,
}

RYZEN = {
    f"{HWMON}/hwmon0/name": "nvme",
    f"{HWMON}/hwmon0/temp1_label": "Composite",
    f"{HWMON}/hwmon0/temp1_input": 44850,
    f"{HWMON}/hwmon3/name": "k10temp",
    f"{HWMON}/hwmon3/temp1_label": "Tctl",
    f"{HWMON}/hwmon3/temp1_input": 75000,
    f"{HWMON}/hwmon3/temp2_label": "Tdie",
    f"{HWMON}/hwmon3/temp2_input": 65000,
}

HOSTILE = {
    f"{HWMON}/hwmon0/name": "k10temp",
    f"{HWMON}/hwmon0/temp1_label": "Tctl",
    f"{HWMON}/hwmon0/temp1_input": -49000,
    f"{HWMON}/hwmon1/name": "coretemp",
    f"{HWMON}/hwmon1/temp1_label": "Package id 0",
    f"{HWMON}/hwmon1/temp1_input": "garbage",
    f"{HWMON}/hwmon2/name": "",
}

STRIX_HALO = {
    "sys/class/drm/card1/device/vendor": "0x1002",
    "sys/class/drm/card1/device/device": "0x1586",
    "sys/class/drm/card1/device/gpu_busy_percent": 87,
    "sys/class/drm/card1/device/mem_info_vram_total": 512 * 2**20,
    "sys/class/drm/card1/device/mem_info_vram_used": 300 * 2**20,
    "sys/class/drm/card1/device/mem_info_gtt_total": 96 * 2**30,
    "sys/class/drm/card1/device/mem_info_gtt_used": 25 * 2**30,
    "sys/class/drm/card1/device/hwmon/hwmon5/name": "amdgpu",
    "sys/class/drm/card1/device/hwmon/hwmon5/temp1_label": "edge",
    "sys/class/drm/card1/device/hwmon/hwmon5/temp1_input": 71000,
    "sys/class/drm/card1/device/hwmon/hwmon5/power1_average": 85000000,
}


class Machine(NamedTuple):
    """A machine of tests/telemetry/trees: see the README there."""

    name: str
    root: dict[str, str]
    later: dict[str, str]
    values: dict[str, float]
    missing: dict[str, str]
    hardware: dict[str, Any]
    controls: list[dict[str, Any]]

    def without(self, *paths: str) -> "Machine":
        """Return the same machine without these files or folders; each must have been there."""
        gone = {name for name in self.root for path in paths if f"{name.rstrip('@!')}/".startswith(f"{path}/")}
        assert gone, f"{self.name} has none of {paths}"
        root = {name: content for name, content in self.root.items() if name not in gone}
        later = {name: content for name, content in self.later.items() if name not in gone}
        return self._replace(root=root, later=later)


def machine(name: str) -> Machine:
    """Read a machine."""
    text = (TREES / f"{name}.yaml").read_text()
    # Everything in a file is text: a temperature is written as it stands.
    bare = yaml.load(text, Loader=yaml.BaseLoader)
    typed = yaml.safe_load(text)
    root, later = (dict(_flat(bare.get(part) or {})) for part in ("root", "later"))
    wanted = (typed.get(part) or {} for part in ("values", "missing", "hardware"))
    return Machine(name, root, later, *wanted, typed.get("without") or [])


def machines() -> list[str]:
    """Return the names of all machines."""
    return sorted(path.stem for path in TREES.glob("*.yaml"))


def _flat(tree: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, content in tree.items():
        if isinstance(content, dict):
            yield from _flat(content, f"{above}{name}/")
        else:
            yield f"{above}{name}", content


def plant(root: Path, files: dict[str, str]) -> str:
    """Write the files of a machine, links and locked ones too, in place where they are there already."""
    for name, content in files.items():
        path = root / name.rstrip("@!")
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("@"):
            path.symlink_to(os.path.relpath(f"{root}{content}", path.parent))
            continue
        path.write_text(f"{content.rstrip(chr(10))}\n" if content else "")
        if name.endswith("!"):
            path.chmod(0)
    return str(root)


def look(root: Path, this: Machine) -> tuple[dict[str, float], dict[str, str]]:
    """Let the sampler's sources look twice at a machine, two seconds apart; return values and reasons."""
    plant(root, this.root)
    times_ns = iter((1_000_000_000, 3_000_000_000))
    with as_ordinary_user():
        values, missing, _ = two_looks(str(root), clock=times_ns.__next__, pause=lambda: void(plant(root, this.later)))
    return values, missing


def unpack(archive: Path, folder: Path) -> Readings:
    """Unpack an archive of `llmtui doctor --dump-sensors`, locked files locked, and return what it says of itself."""
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    readings = msgspec.json.decode((folder / "readings.json").read_bytes(), type=Readings)
    for path, error in readings.refused.items():
        if error == "EACCES":
            (folder / f"root{path}").chmod(0)
    return readings


def replay(folder: Path, readings: Readings) -> tuple[dict[str, float], dict[str, str]]:
    """Let the sampler look at an unpacked archive as it looked at the machine; return values and reasons."""
    root, later, times_ns = folder / "root", folder / "later", iter(readings.times_ns)

    def go_on() -> None:
        for path in later.rglob("*"):
            if path.is_file():
                (root / path.relative_to(later)).write_bytes(path.read_bytes())

    watch = Watch(target="server", pids=readings.pids) if readings.pids else None
    with as_ordinary_user():
        values, missing, _ = two_looks(str(root), watch=watch, clock=times_ns.__next__, pause=go_on)
    return values, missing


def void(_: object) -> None:
    """Drop a result."""


class _CapHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapData(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


_VERSION_3 = 0x20080522
_FILE_POWERS = 0b110
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: what lets root read files without permission."""


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Lay down root's power over files in this thread, so that files without permission are refused as to anyone."""
    if os.geteuid() != 0 or not hasattr(ctypes.CDLL(None), "capset"):
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, whole = _CapHeader(_VERSION_3, 0), (_CapData * 2)()
    assert libc.capget(ctypes.byref(header), whole) == 0
    less = (_CapData * 2)(*whole)
    less[0].effective &= ~_FILE_POWERS
    assert libc.capset(ctypes.byref(header), less) == 0
    try:
        yield
    finally:
        assert libc.capset(ctypes.byref(header), whole) == 0
