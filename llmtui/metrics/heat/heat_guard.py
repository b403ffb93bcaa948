"""When a load must end for the machine's sake: each temperature against a limit to pass and a limit to abort."""

import re
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from llmtui.events import Criterion
from llmtui.metrics.heat.evidence import name_of
from llmtui.readings import ASLEEP

PASS_C = 85.0
ABORT_C = 90.0
"""What a device may reach where nobody, nor the device itself, says otherwise."""

HOT_BY_DESIGN_C = 95.0
"""A device whose own limit is as high as this runs there as its maker wants (Ryzen 95, many laptops 100)."""

BELOW_LIMIT_C = 1.0
"""One reading this close to the device's own limit aborts at once."""

MARGIN_TO_PASS_C = 5.0
READINGS_TO_ABORT = 2
"""So many readings in a row at the limit abort: a single one may be a fault of the sensor."""

BLIND_NS = 10_000_000_000
"""So long a temperature that was there may be missing before the guard counts as blind."""

Choice = Literal["auto"] | float | Mapping[str, Literal["auto"] | float]

_TEMPERATURE = re.compile(r"(cpu|gpu\.\d+)\.temperature")


class Limits(NamedTuple):
    """What one device may reach, in degrees Celsius, and where the limits come from."""

    most: float
    abort: float
    source: str


class Alarm(NamedTuple):
    """Why the load must end: `cause` as in the log, and a sentence."""

    cause: Literal["overheated", "sensor lost"]
    sentence: str


def limits_for(device: str, own_limit: float | None, most: Choice, abort: Choice) -> Limits:
    """Return the limits of a device ("cpu", "gpu.0") by the user's choice, else by its own limit, else the usual ones.

    A device that is made to run hot may come near its limit; one that has to stay cooler (a Raspberry Pi at 80) must
    not come to the usual limits at all.
    """
    wanted_most, wanted_abort = _chosen(device, most), _chosen(device, abort)
    if own_limit is not None and not ABORT_C < own_limit < HOT_BY_DESIGN_C:
        auto = Limits(own_limit - BELOW_LIMIT_C - MARGIN_TO_PASS_C, own_limit - BELOW_LIMIT_C, "its own limit")
    else:
        auto = Limits(PASS_C, ABORT_C, "the usual limits")
    return Limits(
        auto.most if wanted_most is None else wanted_most,
        auto.abort if wanted_abort is None else wanted_abort,
        auto.source if wanted_most is None and wanted_abort is None else "the suite",
    )


def _chosen(device: str, choice: Choice) -> float | None:
    if isinstance(choice, Mapping):
        choice = choice.get(device, choice.get(device.partition(".")[0], "auto"))
    return None if isinstance(choice, str) else float(choice)


class HeatGuard:
    """Looks at each sample while a load runs.

    Attributes:
        peaks: The greatest temperature of each device so far.
        limits: What each device may reach.
        blind_since_ns: Since when each temperature that was there is missing.
        unseen: The devices whose temperature was missing for too long, at any time, and why.
    """

    def __init__(self, most: Choice, abort: Choice) -> None:
        self.peaks: dict[str, float] = {}
        self.limits: dict[str, Limits] = {}
        self.blind_since_ns: dict[str, int] = {}
        self.unseen: dict[str, str] = {}
        self._most = most
        self._abort = abort
        self._own_limits: dict[str, float] = {}
        self._hot: dict[str, int] = {}
        self._read: set[str] = set()
        self._why: dict[str, str] = {}

    def look(self, t: int, values: Mapping[str, float], missing: Mapping[str, str], lost: str | None) -> Alarm | None:
        """Judge one sample; `lost`: why the sampler reads nothing any more. Returns why the load must end, or None."""
        for key, value in values.items():
            device = key.removesuffix(".temperature.limit")
            if device != key:
                self._own_limits[device] = value
        alarms = [
            self._judge(found[1], value) for key, value in values.items() if (found := _TEMPERATURE.fullmatch(key))
        ]
        self._note_blind(t, values, missing, lost)
        blind = self._blind(t)
        return next((alarm for alarm in alarms if alarm is not None), None) or blind

    def _judge(self, device: str, value: float) -> Alarm | None:
        own = self._own_limits.get(device)
        limits = self.limits[device] = limits_for(device, own, self._most, self._abort)
        self.peaks[device] = max(value, self.peaks.get(device, value))
        self._read.add(device)
        self._hot[device] = self._hot.get(device, 0) + 1 if value >= limits.abort else 0
        at_once = own is not None and value >= max(own - BELOW_LIMIT_C, limits.abort)
        if not at_once and self._hot[device] < READINGS_TO_ABORT:
            return None
        name = name_of(device)
        return Alarm(
            "overheated", f"{name} reached {value:.0f} °C; the limit is {limits.abort:.0f} °C ({limits.source})"
        )

    def why_blind(self, device: str) -> str:
        """Return why the temperature of a device in `blind_since_ns` is missing."""
        return self._why[device]

    def _note_blind(self, t: int, values: Mapping[str, float], missing: Mapping[str, str], lost: str | None) -> None:
        for device in self._read:
            key = f"{device}.temperature"
            if key in values or missing.get(key) == ASLEEP:
                self.blind_since_ns.pop(device, None)
            elif key in missing or lost is not None:
                # A reason comes only once, so it is kept until there is a new one.
                self._why[device] = missing.get(key) or lost or "it fell silent"
                self.blind_since_ns.setdefault(device, t)

    def _blind(self, t: int) -> Alarm | None:
        alarms = []
        for device, since in self.blind_since_ns.items():
            if t - since >= BLIND_NS:
                self.unseen[device] = self.why_blind(device)
                text = f"the temperature of {name_of(device)} can't be read any more: {self.unseen[device]}"
                alarms.append(Alarm("sensor lost", text))
        return alarms[0] if alarms else None


def heat_criteria(
    guard: HeatGuard,
    carrying: Iterable[str],
    unseen: Mapping[str, str],
    missing: Mapping[str, str],
    blind: str | None = None,
) -> list[Criterion]:
    """Return a criterion for the temperature of each device, None passed where it can't be judged, and why.

    Args:
        guard: What watched the load.
        carrying: The devices that carried the load ("cpu", "gpu.0"); each needs a temperature.
        unseen: The devices whose temperature was missing for a part of the load, and why.
        missing: The reasons for figures that can't be read, by key.
        blind: Why the readings can't speak for the server at all, if so.
    """
    if blind is not None:
        return [Criterion(name="temperature", passed=None, text=f"not evaluated: {blind}")]
    found = []
    for device, peak in guard.peaks.items():
        limits = guard.limits[device]
        passed: bool | None = peak <= limits.most
        text = f"at most {peak:.0f} °C; the limit to pass is {limits.most:.0f} °C ({limits.source})"
        if passed and device in unseen:
            passed, text = None, f"{text}; not judged, since it could not be read all the time: {unseen[device]}"
        found.append(Criterion(name=f"temperature of {name_of(device)}", passed=passed, text=text))
    for device in carrying:
        key = f"{device}.temperature"
        if _TEMPERATURE.fullmatch(key) and device not in guard.peaks:
            text = f"not evaluated: {missing.get(key, 'it is not read here')}"
            found.append(Criterion(name=f"temperature of {name_of(device)}", passed=None, text=text))
    text = "not evaluated: no temperature can be read here"
    return found or [Criterion(name="temperature", passed=None, text=text)]
