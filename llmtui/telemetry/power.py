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
        for name in listed(under(root, _POWERCAP)):
            folder = under(root, f"{_POWERCAP}/{name}")
            # Packages are intel-rapl:0, :1; their parts (cores, memory) are intel-rapl:0:0 and are contained in them.
            if name.count(":") == 1 and (read_text(f"{folder}/name") or "").startswith("package"):
                growth = Growth(read_number(f"{folder}/max_energy_range_uj"))
                self._meters.append((KeptFile(f"{folder}/energy_uj"), growth))
        self._none = Missing(
            "no power meter: virtual machine"
            if virtual
            else "no power meter: the kernel has no RAPL driver for this processor"
        )

    def sample(self, now_ns: int) -> Readings:
        """Read the counters and compare them with the last ones."""
        if not self._meters:
            return {"cpu.power": self._none}
        watts = 0.0
        joules = 0.0
        for file, growth in self._meters:
            value = file.number(self._root)
            if isinstance(value, Missing):
                return {"cpu.power": value}
            grown, elapsed = growth.since(value, now_ns)
            if grown is None or elapsed <= 0:
                return {"cpu.power": FIRST_READING}
            watts += grown / 1e6 / elapsed
            joules += grown / 1e6
        if watts > _HIGHEST_W * len(self._meters):
            return {"cpu.power": Missing(f"the energy counter jumped ({watts:.0f} W)")}
        self._energy += joules
        return {"cpu.power": round(watts, 2), "cpu.energy": round(self._energy, 3)}
