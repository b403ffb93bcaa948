"""What every chip shows: its temperature against its limit, and its clock against what is usual under load."""

from functools import cache
from typing import Literal

from llmtui import wording
from llmtui.metrics.heat.evidence import Look
from llmtui.metrics.heat.reading_history import ClockReference, Rows
from llmtui.metrics.heat.thresholds import level

SLOW_CLOCK = 0.90
"""A clock below this share of its reference under load is low: boost clocks scatter by a few percent."""

SLOW_READINGS = 3
"""A clock has to be low so often in a row: one low reading falls between two requests."""

Degree = Literal["cool", "warm", "hot"]

_DEGREES: dict[str | None, Degree] = {"warn": "warm", "bad": "hot"}
_ORDER: tuple[Degree, ...] = ("cool", "warm", "hot")


class Chip:
    """Temperature and clock of one device.

    Args:
        device: "cpu" or "gpu.N".
        clock: The key of its clock.
        hot_from: Degrees Celsius from which it is hot, whatever limit it names.
    """

    def __init__(self, device: str, clock: str, hot_from: float | None = None) -> None:
        self.device = device
        self.degree: Degree = "cool"
        self.hot_from = hot_from
        self._clock_key = clock
        self._rows = Rows()
        self._reference = ClockReference()

    def restart(self) -> None:
        """Forget what was usual under the last load."""
        self._reference = ClockReference()
        self._rows = Rows()

    def heat(self, look: Look) -> None:
        """Note how near the chip is to its limit; `degree` stays until the next reading."""
        found: list[Degree] = []
        words = []
        for figure, key, limit_key in _heat_keys(self.device):
            step = look.steps.get(key)
            if step is None:
                continue
            look.observe(self.device, "heat", step)
            limit = look.history.last(limit_key)
            degree = _DEGREES.get(level(key, step.value, limit), "cool")
            if figure == "temperature" and self.hot_from is not None and step.value >= self.hot_from:
                degree = "hot"
            found.append(degree)
            if degree != "cool":
                of = "" if limit is None else f" of {limit:.0f} °C"
                words.append(f"{step.value:.0f} °C{of}{_WHAT[figure]}")
        if found:
            self.degree = max(found, key=_ORDER.index)
        if found and self.degree != "cool":
            look.find(self.device, self.degree, ", ".join(words), look.observed[self.device, "heat"])

    def clock(self, look: Look, *, busy: bool) -> None:
        """Note a clock that is low while the chip is busy; an idle chip lowers it by itself."""
        step = look.steps.get(self._clock_key)
        if step is None or not busy:
            return
        reference = self._reference.take(look.t_ns, step.value)
        if reference is None:
            return
        look.observe(self.device, "clock", step)
        low = step.value < SLOW_CLOCK * reference
        if self._rows.count("low", holds=low)[0] >= SLOW_READINGS:
            share = wording.percent(step.value / reference)
            words = f"its clock fell to {step.value:.0f} MHz, {share} of what is usual under load"
            look.find(self.device, "clock", words, step.seconds)


@cache
def _heat_keys(device: str) -> tuple[tuple[str, str, str], ...]:
    """Return figure, key and key of the limit of each temperature."""
    return tuple((figure, f"{device}.{figure}", f"{device}.{figure}.limit") for figure in _WHAT)


_WHAT = {"temperature": "", "temperature.margin": " left to its limit", "temperature.junction": " at the hot spot"}
