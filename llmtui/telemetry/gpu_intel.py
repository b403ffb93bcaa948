"""Intel graphics from the files of the xe and i915 drivers.

Neither tells its utilisation to ordinary users, and free memory only per process; both tell clocks, power and, best of
all vendors, why the clock is held down.
"""

from llmtui.events import Gpu
from llmtui.readings import ASLEEP, HW_THERMAL, POWER_CAP, SW_THERMAL
from llmtui.telemetry.base import (
    FIRST_READING,
    Growth,
    Missing,
    Readings,
    all_missing,
    read_number,
    under,
)
from llmtui.telemetry.drm import CARD_FIGURES, Card, DrmGpus, GpuIndexes, Hwmon, cards, is_asleep
from llmtui.telemetry.temperature import is_plausible

INTEL = 0x8086
_REASONS = {
    "thermal": SW_THERMAL,
    "ratl": SW_THERMAL,
    "prochot": HW_THERMAL,
    "vr_thermalert": HW_THERMAL,
    "pl1": POWER_CAP,
    "pl2": POWER_CAP,
    "pl4": POWER_CAP,
    "vr_tdc": POWER_CAP,
}
"""The kernel's names of reasons, in the bits that all vendors share."""
_NO_PERCENT = Missing("Intel's driver tells the utilisation only to root")


class IntelGpus(DrmGpus):
    """All Intel cards of the machine."""

    def __init__(self, indexes: GpuIndexes, root: str = "/") -> None:
        super().__init__([IntelCard(card, indexes(), root) for card in cards(root, INTEL)])


class IntelCard:
    """One card, under whichever of the two drivers runs it."""

    def __init__(self, card: Card, index: int, root: str) -> None:
        self._card = card
        self._root = root
        self._index = index
        self._prefix = f"gpu.{index}."
        self._chip = Hwmon(card.device, root)
        self._xe = f"{card.device}/tile0/gt0/freq0"
        self._i915 = under(root, f"/sys/class/drm/{card.name}/gt/gt0")
        self.driver = "xe" if read_number(f"{self._xe}/act_freq") is not None else "i915"
        self._energy = self._chip.first(("energy1_input", "energy2_input"))
        self._growth = Growth()
        # A card of its own has a chip that limits its power; graphics within the processor have none.
        self._discrete = self._energy is not None

    def describe(self) -> Gpu:
        """Return what the card is."""
        kind = "graphics card" if self._discrete else "integrated graphics"
        return Gpu(
            index=self._index,
            vendor="Intel",
            name=f"Intel {kind} {self._card.product:04x}",
            uuid=self._card.address or None,
            driver=self.driver,
        )

    def sample(self, now_ns: int) -> Readings:
        """Read the card now."""
        if is_asleep(self._card.device):
            return all_missing([self._prefix + figure for figure in CARD_FIGURES], ASLEEP)
        found: dict[str, float | Missing | None] = {"percent": _NO_PERCENT}
        found["memory.used"] = Missing(
            "Intel's driver tells used memory only per process"
            if self._discrete
            else "integrated graphics: its memory is the machine's RAM"
        )
        found["clock.sm"] = self._clock()
        found["throttle.reasons"] = self._reasons()
        found.update(self._power(now_ns))
        name = "temp2_input" if self.driver == "xe" else "temp1_input"
        degrees = self._chip.read(name, 1e3)
        if isinstance(degrees, float) and not is_plausible(degrees):
            degrees = Missing(f"the sensor says {degrees:g} °C, which can't be")
        found["temperature"] = degrees if degrees is not None else Missing("this Intel GPU has no sensor of its own")
        limit = self._chip.read(name.replace("input", "crit"), 1e3)
        found["temperature.limit"] = limit
        return {self._prefix + figure: value for figure, value in found.items() if value is not None}

    def _clock(self) -> "float | Missing":
        clock = read_number(f"{self._xe}/act_freq" if self.driver == "xe" else f"{self._i915}/rps_act_freq_mhz")
        return Missing("the driver does not tell the clock") if clock is None else clock

    def _reasons(self) -> "float | Missing":
        """The shared bits of all reasons that are in force; 0 when the driver says that none is."""
        stem = f"{self._xe}/throttle/reason_" if self.driver == "xe" else f"{self._i915}/throttle_reason_"
        states = {name: read_number(stem + name) for name in _REASONS}
        if all(state is None for state in states.values()):
            return Missing("this kernel does not tell why the GPU's clock is held down")
        bits = 0
        for name, state in states.items():
            bits |= _REASONS[name] if state else 0
        return bits

    def _power(self, now_ns: int) -> "dict[str, float | Missing | None]":
        microjoules = self._chip.read(self._energy)
        if microjoules is None:
            return {"power": Missing("integrated graphics: its power is part of the processor's")}
        if isinstance(microjoules, Missing):
            return {"power": microjoules}
        rate = self._growth.per_second(microjoules, now_ns)
        # power1_crit is the fuse, not the limit; power1_max is 0 where the limit is off.
        limit = self._chip.read(self._chip.first(("power1_max", "power1_cap")), 1e6)
        return {
            "power": FIRST_READING if rate is None else round(rate / 1e6, 2),
            "energy": microjoules / 1e6,
            "power.limit": limit or Missing("the power limit is switched off"),
            "power.limit.default": self._chip.read("power1_rated_max", 1e6),
        }
