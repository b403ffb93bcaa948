"""AMD graphics from the amdgpu driver's files; ROCm need not be installed."""

from llmtui.events import Gpu
from llmtui.readings import ASLEEP
from llmtui.telemetry.base import KeptFile, Missing, Readings, all_missing, read_number, read_text, under
from llmtui.telemetry.drm import CARD_FIGURES, Card, DrmGpus, GpuIndexes, Hwmon, cards, is_asleep
from llmtui.telemetry.temperature import is_plausible

AMD = 0x1002
_GIB = 1 << 30
_NO_REASONS = Missing("the amdgpu driver's files do not tell why the clock is held down")


class AmdGpus(DrmGpus):
    """All AMD cards of the machine."""

    def __init__(self, indexes: GpuIndexes, root: str = "/") -> None:
        super().__init__([AmdCard(card, indexes(), root) for card in cards(root, AMD)])


class AmdCard:
    """One card. On an APU, whose own memory is a small carve-out, the shared GTT memory is counted with it."""

    def __init__(self, card: Card, index: int, root: str) -> None:
        self._card = card
        self._root = root
        self._prefix = f"gpu.{index}."
        self._index = index
        self._chip = Hwmon(card.device, root)
        self._busy = KeptFile(f"{card.device}/gpu_busy_percent")
        vram = read_number(f"{card.device}/mem_info_vram_total")
        shared = read_number(f"{card.device}/mem_info_gtt_total")
        self.unified = vram is not None and shared is not None and vram <= _GIB and shared > 4 * vram
        regions = ("vram", "gtt") if self.unified else ("vram",)
        self._used = [KeptFile(f"{card.device}/mem_info_{region}_used") for region in regions]
        self._total = (vram or 0) + (shared or 0) if self.unified else vram

    def describe(self) -> Gpu:
        """Return what the card is."""
        return Gpu(
            index=self._index,
            vendor="AMD",
            name=product_name(self._card, self._root),
            uuid=read_text(f"{self._card.device}/unique_id") or self._card.address or None,
            memory=self._total,
            driver="amdgpu",
            unified=self.unified,
        )

    def sample(self, now_ns: int) -> Readings:
        """Read the card now."""
        del now_ns
        if is_asleep(self._card.device):
            return all_missing([self._prefix + figure for figure in CARD_FIGURES], ASLEEP)
        found: dict[str, float | Missing | None] = {"percent": self._busy.number(self._root)}
        found.update(self._memory())
        found.update(self._temperatures())
        chip = self._chip
        found["power"] = chip.read(chip.first(("power1_average", "power1_input")), 1e6)
        found["power.limit"] = chip.read("power1_cap", 1e6)
        found["power.limit.default"] = chip.read("power1_cap_default", 1e6)
        found["clock.sm"] = self._clock("sclk", "pp_dpm_sclk")
        found["clock.memory"] = self._clock("mclk", "pp_dpm_mclk")
        found["fan"] = self._fan()
        found["throttle.reasons"] = _NO_REASONS
        for figure in CARD_FIGURES:
            if found.get(figure) is None:
                found[figure] = Missing("this AMD card does not tell")
        return {self._prefix + figure: value for figure, value in found.items() if value is not None}

    def _memory(self) -> "dict[str, float | Missing | None]":
        if self._total is None:
            return {}
        used = [file.number(self._root) for file in self._used]
        failed = next((value for value in used if isinstance(value, Missing)), None)
        sizes = [value for value in used if not isinstance(value, Missing)]
        return {"memory.used": failed or sum(sizes), "memory.total": self._total}

    def _temperatures(self) -> "dict[str, float | Missing | None]":
        """The edge sensor is the card's temperature; where there is only a junction sensor, that one."""
        labels = self._chip.labels
        main = labels.get("edge") or labels.get("junction") or "temp1"
        found = {
            "temperature": self._degrees(f"{main}_input"),
            "temperature.limit": self._chip.read(f"{main}_crit", 1e3),
        }
        if "junction" in labels and main != labels["junction"]:
            found["temperature.junction"] = self._degrees(f"{labels['junction']}_input")
            found["temperature.junction.limit"] = self._chip.read(f"{labels['junction']}_crit", 1e3)
        if "mem" in labels:
            found["temperature.memory"] = self._degrees(f"{labels['mem']}_input")
        return found

    def _degrees(self, name: str) -> "float | Missing | None":
        value = self._chip.read(name, 1e3)
        if value is None or isinstance(value, Missing) or is_plausible(value):
            return value
        return Missing(f"the sensor says {value:g} °C, which can't be")

    def _clock(self, label: str, table: str) -> "float | Missing | None":
        """The clock in MHz: measured where the chip tells, else the step that is in force."""
        if label in self._chip.labels:
            return self._chip.read(f"{self._chip.labels[label]}_input", 1e6)
        for line in (read_text(f"{self._card.device}/{table}") or "").splitlines():
            if line.endswith("*"):
                digits = "".join(c for c in line.partition(":")[2] if c.isdigit())
                return float(digits) if digits else None
        return None

    def _fan(self) -> "float | Missing | None":
        speed, highest = self._chip.read("fan1_input"), self._chip.read("fan1_max")
        if isinstance(speed, float) and isinstance(highest, float) and highest > 0:
            return round(100 * speed / highest)
        level = self._chip.read("pwm1", 2.55)
        return round(level) if isinstance(level, float) else level


def product_name(card: Card, root: str) -> str:
    """Return the card's name from the driver, else from libdrm's table, else its PCI id."""
    name = read_text(f"{card.device}/product_name")
    if name:
        return name
    revision = read_number(f"{card.device}/revision") or 0
    wanted = f"{card.product:04X},\t{revision:02X},\t"
    for line in (read_text(under(root, "/usr/share/libdrm/amdgpu.ids"), 1 << 18) or "").splitlines():
        if line.upper().startswith(wanted):
            return line.split("\t")[-1].strip()
    return f"AMD GPU {card.product:04x}"
