"""What a GPU says of itself: reasons for its clock, counters of throttled time, its power limit."""

from llmtui.metrics.heat.chip_evidence import Chip
from llmtui.metrics.heat.evidence import Look
from llmtui.metrics.heat.reading_history import Rows, StuckBits, as_bits
from llmtui.metrics.heat.thresholds import at_power_limit
from llmtui.readings import (
    BOARD_LIMIT,
    CLOCK_REASONS,
    HW_SLOWDOWN,
    HW_THERMAL,
    POWER_BRAKE,
    POWER_CAP,
    SW_THERMAL,
)

SLOWDOWN_READINGS = 2
"""The bit for hardware slowdown also shows for a moment when a clock changes, so it needs two readings in a row."""

LOADED_PERCENT = 70.0
"""A GPU that is used more than this is loaded, and its clock says something."""

COUNTERS = 2
"""So many counters, of driver and of hardware, are added up in `gpu.N.throttle.thermal.time`."""

THERMAL = SW_THERMAL | HW_THERMAL
POWER = POWER_CAP | BOARD_LIMIT | POWER_BRAKE

LOWERED = 0.80
"""A power limit below this share of the delivered one was set so by somebody."""

LOWERED_LIMIT = ", which is set to "


class GpuEvidence:
    """Looks at the readings of one GPU ("gpu.0") in their order."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.chip = Chip(device, f"{device}.clock.sm")
        self.stuck = StuckBits()
        self._rows = Rows()

    def look(self, look: Look) -> None:
        """Note what this sample says."""
        self.chip.heat(look)
        self._reasons(look)
        self._power(look)
        counted = look.steps.get(f"{self.device}.throttle.thermal.time")
        if counted is not None:
            look.observe(self.device, "hard", counted)
            seconds = counted.counted(COUNTERS)
            if seconds > 0:
                look.find(self.device, "thermal", "its driver counted time slowed by heat", seconds, counted=True)
        percent = look.last(f"{self.device}.percent")
        self.chip.clock(look, busy=look.loaded and (percent is None or percent >= LOADED_PERCENT))

    def _reasons(self, look: Look) -> None:
        step = look.steps.get(f"{self.device}.throttle.reasons")
        bits = as_bits(step.value) if step is not None else None
        if step is None or bits is None:
            return
        bits = self.stuck.take(bits, idle=look.idle and self.chip.degree == "cool")
        look.observe(self.device, "power", step)
        # What is stuck can't say of heat any more, whether it came or not.
        if not self.stuck.stuck & THERMAL:
            look.observe(self.device, "hard", step)
        if bits & THERMAL:
            look.find(self.device, "thermal", f"its driver names {reason_words(bits & THERMAL)}", step.seconds)
        if bits & POWER:
            words = f"its driver names {reason_words(bits & POWER)}{self._lowered(look)}"
            look.find(self.device, "power", words, step.seconds)
        slowdown = bool(bits & HW_SLOWDOWN) and not bits & (HW_THERMAL | POWER_BRAKE)
        if self._rows.count("slowdown", holds=slowdown)[0] >= SLOWDOWN_READINGS:
            words = f"its driver names {reason_words(HW_SLOWDOWN)}"
            look.find(self.device, "thermal" if self.chip.degree == "hot" else "hardware", words, step.seconds)

    def _power(self, look: Look) -> None:
        device = self.device
        counted = look.steps.get(f"{device}.throttle.power.time")
        if counted is not None:
            look.observe(device, "power", counted)
            seconds = counted.counted(at_once=1)
            if seconds > 0:
                words = f"its driver counted time at its power limit{self._lowered(look)}"
                look.find(device, "power", words, seconds, counted=True)
        power, limit = look.steps.get(f"{device}.power"), look.history.last(f"{device}.power.limit")
        if power is None or limit is None or look.history.last(f"{device}.throttle.reasons") is not None:
            return
        look.observe(device, "power", power)
        if at_power_limit(power.value, limit):
            words = f"it drew as much as its power limit of {limit:.0f} W{self._lowered(look)}"
            look.find(device, "power", words, power.seconds)

    def _lowered(self, look: Look) -> str:
        limit = look.history.last(f"{self.device}.power.limit")
        default = look.history.last(f"{self.device}.power.limit.default")
        if limit is None or default is None or not limit < LOWERED * default:
            return ""
        return f"{LOWERED_LIMIT}{limit:.0f} W of {default:.0f} W"


def reason_words(bits: int) -> str:
    """Return the words for reason bits; one that is newer than our table stands there in hexadecimal."""
    single = [1 << place for place in range(bits.bit_length()) if bits >> place & 1]
    return " and ".join(CLOCK_REASONS.get(bit, f"reason {bit:#x}") for bit in single)
