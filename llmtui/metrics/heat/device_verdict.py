"""The verdict of one device: slowed by heat, held by its power limit, quiet, or not to be judged, and why."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from llmtui import wording
from llmtui.metrics.heat.evidence import BOARD, Kind, name_of
from llmtui.metrics.heat.gpu_evidence import LOWERED_LIMIT
from llmtui.metrics.heat.reading_history import HELD_S, REFERENCE_TO_S
from llmtui.metrics.heat.throttle_tally import ThrottleTally, Total
from llmtui.readings import CLOCK_REASONS, POWER_BRAKE

HARD_SHARE, HARD_S = 0.02, 10.0
"""Throttled is who was slowed for 2 % of the load (36 s in half an hour), or for 10 s; less changes no figure."""

READINGS = 2
"""A state has to be seen twice in a row to be one; a counter that grew needs no witness."""

SLOW_AND_HOT_S = 30.0
"""So long a clock has to be low at the limit of temperature before heat is the likely cause."""

LIMITED_SHARE = 0.5
"""Who is at the power limit for half of the load is limited by it; any run touches it in peaks."""

COVERED, CLOCK_COVERED = 0.8, 0.5
"""A source that was silent for more of the load can't say that nothing happened; the clock only counts while busy."""

DeviceKind = Literal[
    "thermal throttling", "hardware slowdown", "likely thermal", "power limited", "not throttled", "unknown"
]


class DeviceVerdict(NamedTuple):
    """What is to be said of one device.

    `seconds` is for how long, `onset_ns` since when, `degrees` the temperature then (°C); None where there is nothing
    to count. `by_its_word` is whether the device itself could be asked.
    """

    device: str
    kind: DeviceKind
    sentence: str
    evidence: tuple[str, ...] = ()
    by_its_word: bool = False
    seconds: float | None = None
    onset_ns: int | None = None
    degrees: float | None = None


class DeviceJudge:
    """Judges the devices of one run.

    Args:
        tally: The evidence of the run.
        loaded_s: How long the load lasted.
        missing: The reasons for figures that can't be read, by key.
        stuck: For each device its reason bits that are not believed, in words.
        declined: Whether the rate fell.
    """

    def __init__(
        self,
        tally: ThrottleTally,
        loaded_s: float,
        missing: Mapping[str, str],
        stuck: Mapping[str, str],
        *,
        declined: bool,
    ) -> None:
        self._tally = tally
        self._loaded_s = loaded_s
        self._missing = missing
        self._stuck = stuck
        self._declined = declined

    def judge(self, device: str) -> DeviceVerdict:
        """Return the verdict of one device. One without a word of its own goes by that of its board."""
        speaker = device
        if self._tally.observed(device, "hard") is None and self._tally.observed(BOARD, "hard") is not None:
            speaker = BOARD
        kind, sentence, total = self._slowed(device, speaker) or self._not_slowed(device, speaker)
        return DeviceVerdict(
            device,
            kind,
            sentence,
            evidence=tuple(line for name in dict.fromkeys((device, speaker)) for line in self._lines(name)),
            by_its_word=self._tally.observed(speaker, "hard") is not None,
            seconds=total.seconds if total is not None else None,
            onset_ns=total.first_ns if total is not None else None,
            degrees=total.degrees if total is not None else None,
        )

    def _slowed(self, device: str, speaker: str) -> tuple[DeviceKind, str, Total] | None:
        asked_s, name = self._tally.observed(speaker, "hard"), name_of(device)
        thermal, hardware = self._tally.total(speaker, "thermal"), self._tally.total(speaker, "hardware")
        if self._is_slowed(thermal, asked_s):
            return "thermal throttling", f"{name} was slowed by heat {self._when(thermal)}", thermal
        if self._is_slowed(hardware, asked_s):
            return "hardware slowdown", f"{name} was slowed by its hardware {self._when(hardware)}", hardware
        together, clock = self._tally.slow_and_hot_s(device), self._tally.total(device, "clock")
        if asked_s is None and (together >= SLOW_AND_HOT_S or (together > 0 and self._declined)):
            words = f"{name} lowered its clock at its limit of temperature {self._when(clock, together)}"
            return "likely thermal", words, clock
        return None

    def _not_slowed(self, device: str, speaker: str) -> tuple[DeviceKind, str, Total | None]:
        name, power = name_of(device), self._tally.total(device, "power")
        if self._is_limited(device, power):
            usual = "" if self._is_fault(power) else "; that is usual under load"
            return "power limited", f"{name} was at its power limit {self._when(power)}{usual}", power
        reason = self._why_unknown(device, speaker)
        if reason is not None:
            return "unknown", f"{name}: {reason}", None
        if self._tally.observed(speaker, "hard") is None:
            return "not throttled", f"{name} kept its clock or stayed below its limit of temperature", None
        thermal = self._tally.total(speaker, "thermal")
        if thermal.samples:
            return "not throttled", f"{name} was slowed by heat for {_seconds(thermal.seconds)} only", None
        return "not throttled", f"{name} reported no throttling", None

    def _is_slowed(self, total: Total, asked_s: float | None) -> bool:
        if not (total.is_counted or total.row >= READINGS):
            return False
        of = self._loaded_s if asked_s is None else asked_s
        return total.seconds > 0 and (total.seconds >= HARD_S or total.seconds >= HARD_SHARE * of)

    def _is_limited(self, device: str, power: Total) -> bool:
        asked_s = self._tally.observed(device, "power") or 0.0
        mostly = power.seconds > 0 and power.seconds >= LIMITED_SHARE * asked_s
        return mostly or (self._is_fault(power) and power.row >= READINGS)

    @staticmethod
    def _is_fault(power: Total) -> bool:
        """Whether the limit is not the device's own: the brake is pulled by a supply that can't deliver more."""
        return any(CLOCK_REASONS[POWER_BRAKE] in words or LOWERED_LIMIT in words for words in power.words)

    def _when(self, total: Total, seconds: float | None = None) -> str:
        seconds = total.seconds if seconds is None else seconds
        share = f" ({wording.percent(seconds / self._loaded_s)} of the load)" if 0 < seconds <= self._loaded_s else ""
        text = f"for {_seconds(seconds)}{share}"
        if total.first_ns is not None and self._tally.start_ns is not None:
            text += f", first {wording.clock(total.first_ns - self._tally.start_ns)} into the load"
        return text if total.degrees is None else f"{text}, at {total.degrees:.0f} °C"

    def _lines(self, device: str) -> tuple[str, ...]:
        kinds: tuple[Kind, ...] = ("thermal", "hardware", "power", "clock", "hot")
        found = []
        for kind in kinds:
            total = self._tally.total(device, kind)
            if total.samples:
                times = "sample" if total.samples == 1 else "samples"
                words = wording.visible(total.words.most_common(1)[0][0])
                found.append(f"{name_of(device)}: {words} ({total.samples} {times}, {_seconds(total.seconds)})")
        if device in self._stuck:
            found.append(f"{name_of(device)}: not believed, since it came while idle and cool: {self._stuck[device]}")
        return tuple(found)

    def _why_unknown(self, device: str, speaker: str) -> str | None:
        """Return why a quiet device can't be called so; None when it can."""
        hard_s = self._tally.observed(speaker, "hard")
        if hard_s is not None:
            return self._uncovered(hard_s)
        if device in self._stuck:
            return f"its driver says {self._stuck[device]} even while it idles"
        heat_s, clock_s = self._tally.observed(device, "heat"), self._tally.observed(device, "clock")
        if heat_s is None:
            return self._reason(device, ("throttle.reasons", "throttle.time", "temperature"))
        if clock_s is None and self._loaded_s <= REFERENCE_TO_S:
            return f"it reports no throttling, and {REFERENCE_TO_S:.0f} s of load are needed to judge its clock"
        if clock_s is None or clock_s < CLOCK_COVERED * (self._loaded_s - REFERENCE_TO_S) - HELD_S:
            return self._reason(device, ("throttle.reasons", "throttle.time", "frequency", "clock.sm"))
        return self._uncovered(heat_s)

    def _uncovered(self, seconds: float) -> str | None:
        # The first reading speaks for no time yet, and neither does what is left after the last one.
        if seconds >= COVERED * self._loaded_s - HELD_S:
            return None
        return f"it could be read for only {wording.percent(seconds / self._loaded_s)} of the load"

    def _reason(self, device: str, figures: tuple[str, ...]) -> str:
        reasons = [self._missing.get(f"{device}.{figure}") for figure in figures]
        known = dict.fromkeys(wording.visible(reason) for reason in reasons if reason)
        return "; ".join(known) or "it reports neither throttling nor clock and temperature"


def _seconds(seconds: float) -> str:
    return wording.duration(seconds * 1e9)
