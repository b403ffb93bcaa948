"""From where on a figure is worth a second look, and from where on it is bad: one table for every screen and rule.

Each level has a word beside it, so that no meaning hangs on colour alone.
"""

import math
from functools import lru_cache
from typing import Literal, NamedTuple

Level = Literal["normal", "warn", "bad"]

DECODE_RATE = "decode.rate"
"""The key of the decode rate in tokens per second, whose limit is the median of the run so far."""

RASPBERRY_PI_HOT = 80.0
"""From here on (°C) the firmware of a Raspberry Pi slows the processor, whatever limit its sensor names."""

_MIB = float(1 << 20)

_Basis = Literal["value", "share of the limit", "degrees below the limit"]


class Threshold(NamedTuple):
    """Where one kind of figure becomes `warn` and `bad`.

    `basis` says what `warn` and `bad` are compared with: the value, the value as a share of its limit, or how far below
    its limit it is. `low` means that small values are the bad ones. `unlimited` stands in (plain values) where a limit
    is needed and none is known. `words` belong to normal, warn and bad.
    """

    basis: _Basis
    warn: float
    bad: float | None
    words: tuple[str, str, str]
    low: bool = False
    unlimited: tuple[float, float] | None = None


_HEAT = ("normal", "warm", "hot")
_FULL = ("normal", "nearly full", "full")

THRESHOLDS: dict[str, Threshold] = {
    # A fifteenth is beyond the scatter of most servers, and the live hint "slowing" begins there too.
    DECODE_RATE: Threshold("share of the limit", 0.93, 0.85, ("normal", "slower", "much slower"), low=True),
    # The last few percent go to fragments: an allocation fails, or layers move to the processor.
    "gpu.*.memory.used": Threshold("share of the limit", 0.90, 0.97, _FULL),
    "cgroup.memory.used": Threshold("share of the limit", 0.90, 0.97, _FULL),
    # Clocks begin to fall within three degrees of the limit; 83 is where most GeForce cards hold themselves.
    "gpu.*.temperature": Threshold("degrees below the limit", 8, 3, _HEAT, unlimited=(70, 83)),
    "gpu.*.temperature.margin": Threshold("value", 8, 3, _HEAT, low=True),
    # Makers allow hot spot and memory chips 105 to 110 °C.
    "gpu.*.temperature.junction": Threshold("degrees below the limit", 8, 3, _HEAT, unlimited=(95, 105)),
    "gpu.*.temperature.memory": Threshold("value", 95, 105, _HEAT),
    # Under load a GPU is meant to sit at its power limit: worth a word, never a warning.
    "gpu.*.power": Threshold("share of the limit", math.inf, None, ("normal", "", "")),
    # The limit is the clock under load, not the boost clock that a healthy card does not hold.
    "gpu.*.clock.sm": Threshold("share of the limit", 0.95, 0.85, ("normal", "lower", "slowed"), low=True),
    # Processors name a limit of 95 (Ryzen, made to sit there) to 105.
    "cpu.temperature": Threshold("degrees below the limit", 10, 3, _HEAT, unlimited=(85, 95)),
    # All-core clocks lie below the boost clock of one core, but not by more than a fifth.
    "cpu.frequency": Threshold("share of the limit", 0.80, None, ("normal", "lower", "lower"), low=True),
    "ram.available": Threshold(
        "share of the limit", 0.10, 0.05, ("normal", "little left", "almost none left"), low=True
    ),
    # Cold pages come back at some kB/s; above 1 MiB/s the model itself is read from the disk again.
    "swap.in.rate": Threshold("value", _MIB, 20 * _MIB, ("normal", "swapping", "thrashing")),
    "pressure.memory.full": Threshold("value", 5, 20, ("normal", "stalls", "thrashing")),
}
"""By key, a `*` for each device number. A kind that is not here is never judged."""

AT_POWER_LIMIT = 0.98
"""A GPU that draws this share of its power limit is held by it."""

_LEVELS: tuple[Level, Level, Level] = ("normal", "warn", "bad")


def level(key: str, value: float | None, limit: float | None = None) -> Level | None:
    """Return the level of a figure; None where nothing can be said.

    That is: no value, no threshold for this kind of figure, or no limit where one is needed. `limit` is the reading
    that `llmtui.readings.limit_key` names; for clocks under load and for the decode rate it is the run's own reference.
    """
    threshold = _threshold(key)
    if threshold is None or value is None or not math.isfinite(value):
        return None
    return _level(threshold, value, limit if limit is not None and math.isfinite(limit) and limit > 0 else None)


def word(key: str, value: float | None, limit: float | None = None) -> str:
    """Return the word for the level of a figure; empty where nothing can be said."""
    found = level(key, value, limit)
    threshold = _threshold(key)
    if found is None or threshold is None:
        return ""
    if pattern(key) == "gpu.*.power" and at_power_limit(value, limit):
        return "at its power limit"
    return threshold.words[_LEVELS.index(found)]


def at_power_limit(watts: float | None, limit: float | None) -> bool:
    """Return whether a draw is as good as its limit (both in W)."""
    return watts is not None and limit is not None and 0 < limit < math.inf and watts >= AT_POWER_LIMIT * limit


def _level(threshold: Threshold, value: float, limit: float | None) -> Level | None:
    ends = _ends(threshold, limit)
    if ends is None:
        return None
    warn, bad = ends
    # A figure that is bad when small is turned around, and its ends with it.
    sign = -1 if threshold.low else 1
    if bad is not None and sign * value >= sign * bad:
        return "bad"
    return "warn" if sign * value >= sign * warn else "normal"


def _ends(threshold: Threshold, limit: float | None) -> tuple[float, float | None] | None:
    """Return the values at which `warn` and `bad` begin; None where they hang on a limit that is not known."""
    warn, bad = threshold.warn, threshold.bad
    if threshold.basis == "value":
        return warn, bad
    if limit is None:
        return threshold.unlimited
    if threshold.basis == "share of the limit":
        return warn * limit, None if bad is None else bad * limit
    return limit - warn, None if bad is None else limit - bad


@lru_cache(maxsize=4096)
def pattern(key: str) -> str:
    """Return a key with a `*` for each number."""
    return ".".join("*" if part.isdigit() else part for part in key.split("."))


@lru_cache(maxsize=4096)
def _threshold(key: str) -> Threshold | None:
    return THRESHOLDS.get(pattern(key))
