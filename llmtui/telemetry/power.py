"""Power of the processor package, from the energy counters that Intel and AMD processors keep (RAPL)."""

from llmtui.telemetry.base import (
    FIRST_READING,
    Growth,
    KeptFile,
    Missing,
    Readings,
    listed,
    read_number,
    read_text,
    under,
)

_POWERCAP = "/sys/class/powercap"
_HIGHEST_W = 2000.0
"""No processor package draws more; a larger figure means that the counter jumped."""


class CpuPower:
    """`cpu.power` in W and `cpu.energy` in J since the probe began, summed over the packages.

    The counter wraps every few minutes under load, so it must be read at least once a minute; each wrap adds
    `max_energy_range_uj`. Since 2020 only root may read it unless the machine's owner allows more.
    """

    def __init__(self, root: str = "/", *, virtual: bool | None = None) -> None:
        self._root = root
        self._meters: list[tuple[KeptFile, Growth]] = []
        self._energy = 0.0
        packages = set()
        # Laptops tell the same package a second time, as intel-rapl-mmio:0; its power must not count twice.
        for name in sorted(listed(under(root, _POWERCAP)), key=lambda name: "mmio" in name):
            folder = under(root, f"{_POWERCAP}/{name}")
            # Packages are intel-rapl:0, :1; their parts (cores, memory) are intel-rapl:0:0 and are contained in them.
            package = (read_text(f"{folder}/name") or "") if name.count(":") == 1 else ""
            if package.startswith("package") and package not in packages:
                packages.add(package)
                growth = Growth(read_number(f"{folder}/max_energy_range_uj"))
                self._meters.append((KeptFile(f"{folder}/energy_uj"), growth))
        x86 = "vendor_id" in (read_text(under(root, "/proc/cpuinfo"), 1024) or "")
        self._none = Missing(
            "no power meter: virtual machine"
            if virtual
            else "no power meter: the kernel has no RAPL driver for this processor"
            if x86
            else "no power meter: only Intel's and AMD's processors have one"
        )

    def sample(self, now_ns: int) -> Readings:
        """Read the counters and compare them with the last ones."""
        if not self._meters:
            return {"cpu.power": self._none}
        # All counters are read before any of them decides: each must have its first reading at the first sample.
        read = [(file.number(self._root), growth) for file, growth in self._meters]
        failed = next((value for value, _ in read if isinstance(value, Missing)), None)
        grown = [growth.since(value, now_ns) for value, growth in read if not isinstance(value, Missing)]
        if failed is not None:
            return {"cpu.power": failed}
        watts = 0.0
        joules = 0.0
        for microjoules, elapsed in grown:
            if microjoules is None or elapsed <= 0:
                return {"cpu.power": FIRST_READING}
            watts += microjoules / 1e6 / elapsed
            joules += microjoules / 1e6
        if watts > _HIGHEST_W * len(self._meters):
            return {"cpu.power": Missing(f"the energy counter jumped ({watts:.0f} W)")}
        self._energy += joules
        return {"cpu.power": round(watts, 2), "cpu.energy": round(self._energy, 3)}
