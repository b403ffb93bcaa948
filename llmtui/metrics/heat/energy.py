"""Energy of a span of time and of a token, by a device's own counter or by its power, and which of them it was."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from llmtui import wording
from llmtui.metrics.heat.evidence import BOARD, name_of
from llmtui.metrics.heat.reading_history import HELD_S
from llmtui.metrics.statistics import Missing

COVERED = 0.4
"""The readings in a span have to reach over so much of it: one a second then does for spans of two seconds."""

_GPU = re.compile(r"gpu\.[0-9]+(?=\.)")
_METERED = re.compile(r"(cpu|board|gpu\.[0-9]+)\.(energy|power)")

Readings = tuple[int, Mapping[str, float]]
"""A sample: its moment (ns) and what was read then."""


class Energy(NamedTuple):
    """The energy of one device, or of several together, in a span of `seconds`.

    `joules` is None for the `reason`. `source` is "counter" where every device counted it, "integrated" where power was
    added up for one of them.
    """

    devices: tuple[str, ...]
    seconds: float
    joules: float | None
    source: Literal["counter", "integrated"] | None = None
    reason: str | None = None

    @property
    def watts(self) -> float | None:
        """The mean power; None where it can't be had."""
        return self.joules / self.seconds if self.joules is not None and self.seconds > 0 else None


def span_energy(
    samples: Iterable[Readings], device: str, start_ns: int, end_ns: int, missing: Mapping[str, str] | None = None
) -> Energy:
    """Return the energy of `device` ("gpu.0", "cpu", "board") from `start_ns` to `end_ns`. Never raises.

    The counter comes first, as it misses nothing between its readings; else power is integrated (trapezoid). Both need
    two readings within the span, and what lies before the first and after the last is taken at the mean power between
    them: readings from outside would mix in what the device drew when it idled. `missing` gives reasons, by key.
    """
    seconds = max(0.0, (end_ns - start_ns) / 1e9)
    inside = [(t, values) for t, values in samples if start_ns <= t <= end_ns]
    counter, power = _points(inside, f"{device}.energy"), _points(inside, f"{device}.power")
    counted = _mean_power(counter, start_ns, end_ns, _grown)
    if not isinstance(counted, Missing):
        return _known(device, seconds, counted * seconds, "counter")
    drawn = _mean_power(power, start_ns, end_ns, _integral)
    if not isinstance(drawn, Missing):
        return _known(device, seconds, drawn * seconds, "integrated")
    why = missing or {}
    told = why.get(f"{device}.power") or why.get(f"{device}.energy")
    here = counted.reason if counter and not power else drawn.reason
    return Energy((device,), seconds, None, reason=wording.visible(told) if told else here)


def total_energy(parts: Sequence[Energy]) -> Energy:
    """Return the energy of several devices together; unknown as soon as that of one of them is."""
    devices = tuple(device for part in parts for device in part.devices)
    seconds = max((part.seconds for part in parts), default=0.0)
    unknown = [f"{_names(part.devices)}: {part.reason}" for part in parts if part.joules is None]
    if unknown or not parts:
        return Energy(devices, seconds, None, reason="; ".join(unknown) or "no device measures its energy")
    if len(set(devices)) < len(devices):
        return Energy(devices, seconds, None, reason="a device would be counted twice")
    joules = math.fsum(part.joules for part in parts if part.joules is not None)
    source: Literal["counter", "integrated"] = (
        "counter" if all(part.source == "counter" for part in parts) else "integrated"
    )
    return Energy(devices, seconds, joules, source)


def joules_per_token(energy: Energy, tokens: float | None) -> float | Missing:
    """Return J per token, or why there is no such figure."""
    if energy.joules is None:
        return Missing(energy.reason or "the energy is not known")
    if tokens is None or not tokens > 0 or not math.isfinite(energy.joules / tokens):
        return Missing("no token came, so there is no energy of one" if tokens == 0 else "the tokens are not known")
    return energy.joules / tokens


def metered_devices(read: Iterable[str], missing: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the devices whose energy makes up the machine's, from the keys that were read and those that can't be.

    A processor without a meter is one of them, so that nobody takes the rest for the whole; a GPU is one when anything
    was read of it. A meter of the whole board holds the others in itself.
    """
    keys = {*read}
    gpus = {match[0] for key in keys if (match := _GPU.match(key)) is not None}
    found = {match[1] for key in (*keys, *missing) if (match := _METERED.fullmatch(key)) is not None}
    if BOARD in found:
        return (BOARD,)
    return tuple(sorted(found & {"cpu", *gpus}, key=lambda device: (len(device), device)))


def _known(device: str, seconds: float, joules: float, source: Literal["counter", "integrated"]) -> Energy:
    if not math.isfinite(joules):
        return Energy((device,), seconds, None, reason="the readings are too large to compute with")
    return Energy((device,), seconds, joules, source)


def _points(samples: Iterable[Readings], key: str) -> list[tuple[int, float]]:
    found = [(t, value) for t, values in samples if (value := values.get(key)) is not None and math.isfinite(value)]
    return sorted(found, key=lambda point: point[0])


def _mean_power(
    points: Sequence[tuple[int, float]],
    start_ns: int,
    end_ns: int,
    joules: Callable[[Sequence[tuple[int, float]]], float | Missing],
) -> float | Missing:
    """Return the mean power (W) between the first and the last reading, if they reach over enough of the span."""
    if not points:
        return Missing("nothing was read in this time")
    first_ns, last_ns = points[0][0], points[-1][0]
    within = (last_ns - first_ns) / 1e9
    if within <= 0:
        return Missing("it was read only once in this time; the energy needs two readings")
    if within < COVERED * (end_ns - start_ns) / 1e9 or max(first_ns - start_ns, end_ns - last_ns) > HELD_S * 1e9:
        return Missing(f"it was read for only {wording.percent(1e9 * within / (end_ns - start_ns))} of this time")
    found = joules(points)
    return found if isinstance(found, Missing) else found / within


def _grown(points: Sequence[tuple[int, float]]) -> float | Missing:
    """Return the growth of a counter (J)."""
    if any(later[1] < earlier[1] for earlier, later in pairwise(points)):
        return Missing("the energy counter began anew in this time")
    return points[-1][1] - points[0][1]


def _integral(points: Sequence[tuple[int, float]]) -> float | Missing:
    """Return the integral of power over time (J), by the trapezoid rule."""
    if any(later[0] - earlier[0] > HELD_S * 1e9 for earlier, later in pairwise(points)):
        return Missing("the readings of its power have a gap in this time")
    if any(watts < 0 for _, watts in points):
        return Missing("its power was read as negative")
    return math.fsum((b[0] - a[0]) / 2e9 * (a[1] + b[1]) for a, b in pairwise(points))


def _names(devices: Iterable[str]) -> str:
    return " and ".join(map(name_of, devices))
