"""The machine at the head of a session: read from small files within a few milliseconds, without waking anything."""

import os
from collections.abc import Sequence

from llmtui.events import Gpu, HardwareSnapshot
from llmtui.telemetry.base import listed, number, read_text, under
from llmtui.telemetry.cgroup import container_limits
from llmtui.telemetry.cpu import read_governor
from llmtui.telemetry.memory import meminfo
from llmtui.telemetry.npu import npu_names

_FLAGS = frozenset(
    (
        *("sse4_2", "avx", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
        *("fma", "f16c", "amx_tile", "amx_int8", "amx_bf16"),
        *("asimd", "asimddp", "asimdhp", "i8mm", "bf16", "sve", "sve2", "sme", "sme2"),
    )
)
"""The instruction sets that inference engines make use of; a processor has a hundred others."""
_ARM_PARTS = {
    (0x41, 0xD03): "Cortex-A53",
    (0x41, 0xD08): "Cortex-A72",
    (0x41, 0xD0B): "Cortex-A76",
    (0x41, 0xD0C): "Neoverse N1",
    (0x41, 0xD40): "Neoverse V1",
    (0x41, 0xD42): "Cortex-A78AE",
    (0x41, 0xD49): "Neoverse N2",
    (0x41, 0xD4F): "Neoverse V2",
    (0x41, 0xD87): "Cortex-A725",
    (0x41, 0xD85): "Cortex-X925",
    (0xC0, 0xAC3): "Ampere-1",
}
_VIRTUAL_MAKERS = (
    "qemu",
    "kvm",
    "vmware",
    "virtualbox",
    "innotek",
    "xen",
    "bochs",
    "parallels",
    "amazon ec2",
    "google",
)


def is_virtual(root: str = "/") -> bool | None:
    """Say whether this is a virtual machine; None when nothing tells."""
    text = read_text(under(root, "/proc/cpuinfo"), 8192) or ""
    flags = _field(text, "flags")
    if flags is not None:
        return "hypervisor" in flags.split()
    if read_text(under(root, "/sys/hypervisor/type")) is not None:
        return True
    names = [read_text(under(root, f"/sys/class/dmi/id/{name}")) for name in ("sys_vendor", "product_name")]
    known = " ".join(name for name in names if name).lower()
    if known:
        return any(maker in known for maker in _VIRTUAL_MAKERS)
    model = read_text(under(root, "/proc/device-tree/model"), 256)
    return None if model is None else "dummy-virt" in model


def take_snapshot(root: str = "/", *, gpus: Sequence[Gpu] = (), cpu_sensor: str | None = None) -> HardwareSnapshot:
    """Describe a Linux machine. What stays unknown has its reason in `detection_failed`.

    `gpus` and `cpu_sensor` come from the probes that found them. Nothing here loads a driver's library.
    """
    cpuinfo = read_text(under(root, "/proc/cpuinfo"), 1 << 20) or ""
    sizes = meminfo((read_text(under(root, "/proc/meminfo")) or "").encode())
    here = os.uname() if root == "/" else None
    flags = _field(cpuinfo, "flags") or _field(cpuinfo, "Features") or ""
    found = {
        "hostname": read_text(under(root, "/proc/sys/kernel/hostname")) or (here and here.nodename),
        "os": _system_name(root),
        "kernel": read_text(under(root, "/proc/sys/kernel/osrelease")) or (here and here.release),
        "architecture": read_text(under(root, "/proc/sys/kernel/arch")) or (here and here.machine),
        "cpu_model": _cpu_model(root, cpuinfo),
        "cpu_flags": tuple(flag for flag in flags.split() if flag in _FLAGS),
        "cpu_governor": read_governor(root),
        "cores_physical": _physical_cores(root, cpuinfo),
        "cores_logical": sum(line.startswith("processor") for line in cpuinfo.splitlines()) or None,
        "ram": sizes.get(b"MemTotal"),
        "swap": sizes.get(b"SwapTotal"),
        "virtual_machine": is_virtual(root),
    }
    failed = {name: _REASONS[name] for name, value in found.items() if value in (None, ()) and name in _REASONS}
    if not gpus:
        failed["gpus"] = "no GPU found"
    if cpu_sensor is None:
        failed["cpu_sensor"] = "no sensor for the processor's temperature"
    return HardwareSnapshot(
        **found,  # type: ignore[arg-type]
        cpu_sensor=cpu_sensor,
        gpus=tuple(gpus),
        npus=npu_names(root),
        container=container_limits(root),
        detection_failed=failed,
    )


_REASONS = {
    "hostname": "/proc/sys/kernel/hostname can't be read",
    "os": "there is no /etc/os-release",
    "kernel": "/proc/sys/kernel/osrelease can't be read",
    "architecture": "this kernel does not tell its architecture",
    "cpu_model": "/proc/cpuinfo does not name the processor",
    "cpu_flags": "/proc/cpuinfo lists no known instruction sets",
    "cpu_governor": "nothing governs the processor's clock here",
    "cores_physical": "the kernel does not tell which cores share a core",
    "cores_logical": "/proc/cpuinfo lists no processors",
    "ram": "/proc/meminfo does not tell the memory",
    "swap": "/proc/meminfo does not tell the swap space",
    "virtual_machine": "nothing tells whether this is a virtual machine",
}


def _field(cpuinfo: str, name: str) -> str | None:
    """Return the first value of a field of /proc/cpuinfo."""
    for line in cpuinfo.splitlines():
        key, colon, value = line.partition(":")
        if colon and key.strip() == name:
            return value.strip()
    return None


def _system_name(root: str) -> str | None:
    text = read_text(under(root, "/etc/os-release")) or read_text(under(root, "/usr/lib/os-release")) or ""
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if name == "PRETTY_NAME":
            return value.strip().strip("\"'") or None
    return None


def _cpu_model(root: str, cpuinfo: str) -> str | None:
    """The model name on x86; on ARM the core's name by its numbers, and the board's."""
    name = _field(cpuinfo, "model name")
    if name:
        return " ".join(name.split())
    maker, part = number(_field(cpuinfo, "CPU implementer")), number(_field(cpuinfo, "CPU part"))
    core = _ARM_PARTS.get((maker or 0, part or 0))
    board = read_text(under(root, "/proc/device-tree/model"), 256) or _field(cpuinfo, "Model")
    if board and core:
        return f"{board} ({core})"
    return board or core or _field(cpuinfo, "Hardware")


def _physical_cores(root: str, cpuinfo: str) -> int | None:
    """Count the groups of threads that share a core."""
    folder = under(root, "/sys/devices/system/cpu")
    groups = set()
    for name in listed(folder):
        if name[:3] == "cpu" and name[3:].isdigit():
            topology = f"{folder}/{name}/topology"
            group = read_text(f"{topology}/core_cpus_list") or read_text(f"{topology}/thread_siblings_list")
            if group is not None:
                groups.add(group)
    if groups:
        return len(groups)
    pairs = set()
    package = "0"
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "physical id":
            package = value.strip()
        elif key.strip() == "core id":
            pairs.add((package, value.strip()))
    return len(pairs) or None


def take_mac_snapshot(facts: dict[str, str], *, gpus: Sequence[Gpu] = ()) -> HardwareSnapshot:
    """Describe a Mac from the facts that `apple.sysctl` read (`MAC_FACTS`)."""
    here = os.uname()
    features = [name.removeprefix("hw.optional.arm.FEAT_") for name, value in facts.items() if value == "1"]
    version = facts.get("kern.osproductversion")
    failed = {"cpu_sensor": "macOS tells temperatures only to root"}
    model = facts.get("machdep.cpu.brand_string")
    if model is None:
        failed["cpu_model"] = "sysctl does not name the processor"
    swap = facts.get("vm.swapusage", "").split()
    return HardwareSnapshot(
        hostname=here.nodename,
        os=f"macOS {version}" if version else "macOS",
        kernel=here.release,
        architecture=here.machine,
        cpu_model=model,
        cpu_flags=tuple(name.lower() for name in features if not name.startswith(("hw.", "kern."))),
        cores_physical=number(facts.get("hw.physicalcpu")),
        cores_logical=number(facts.get("hw.logicalcpu")),
        ram=number(facts.get("hw.memsize")),
        swap=_mebibytes(swap[2]) if swap[:2] == ["total", "="] else None,
        virtual_machine={"0": False, "1": True}.get(facts.get("kern.hv_vmm_present", "")),
        gpus=tuple(gpus),
        detection_failed=failed,
    )


MAC_FACTS = (
    "machdep.cpu.brand_string",
    "hw.physicalcpu",
    "hw.logicalcpu",
    "hw.memsize",
    "kern.osproductversion",
    "kern.hv_vmm_present",
    "vm.swapusage",
    "hw.optional.arm.FEAT_DotProd",
    "hw.optional.arm.FEAT_I8MM",
    "hw.optional.arm.FEAT_BF16",
    "hw.optional.arm.FEAT_SME",
)


def _mebibytes(text: str) -> int | None:
    """Read a size such as 2048.00M."""
    try:
        return int(float(text.rstrip("M")) * (1 << 20))
    except ValueError:
        return None
