"""Small device trees of machines, written file by file."""

from pathlib import Path

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
