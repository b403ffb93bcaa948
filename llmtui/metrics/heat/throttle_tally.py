"""Adds up the evidence of a run, device by device: for how long, how often, since when, and how much was asked."""

from collections import Counter

import msgspec

from llmtui.metrics.heat.evidence import MACHINE, Finding, Kind, SampleEvidence, Source
from llmtui.metrics.heat.reading_history import HELD_S


class Total(msgspec.Struct):
    """One kind of evidence of one device.

    `states` is the time by readings of a state, `counted` that by the device's own counters; both tell of the same, so
    `seconds` is the larger. `row` is the most readings in a row. `degrees` is the temperature (°C) at the first one.
    """

    states: float = 0.0
    counted: float = 0.0
    samples: int = 0
    row: int = 0
    first_ns: int | None = None
    degrees: float | None = None
    words: Counter[str] = msgspec.field(default_factory=Counter)
    is_counted: bool = False
    _current: int = 0

    @property
    def seconds(self) -> float:
        """For how long it was so."""
        return max(self.states, self.counted)

    def add(self, t_ns: int, degrees: float | None, findings: list[Finding]) -> None:
        """Take what one sample says; nothing ends a row."""
        self._current = self._current + 1 if findings else 0
        self.row = max(self.row, self._current)
        if not findings:
            return
        self.samples += 1
        if self.first_ns is None:
            self.first_ns, self.degrees = t_ns, degrees
        self.states += max((finding.seconds for finding in findings if not finding.counted), default=0.0)
        self.counted += sum(finding.seconds for finding in findings if finding.counted)
        self.is_counted = self.is_counted or any(finding.counted for finding in findings)
        self.words.update({finding.words for finding in findings})


_NOTHING = Total()


class ThrottleTally:
    """Takes the evidence of one run in its order. Only what was seen under load counts.

    Attributes:
        loaded_s: The time under load from sample to sample, gaps between samples included.
        start_ns: When the load began; None before that.
        other: Words of other causes, and for how many seconds each was seen.
    """

    def __init__(self) -> None:
        self.loaded_s = 0.0
        self.start_ns: int | None = None
        self.other: dict[str, float] = {}
        self._totals: dict[tuple[str, Kind], Total] = {}
        self._observed: dict[tuple[str, Source], float] = {}
        self._at_work: Counter[str] = Counter()
        self._samples = 0
        self._overlap: dict[str, float] = {}
        self._hot_ns: dict[str, int] = {}
        self._loaded_ns: int | None = None

    def add(self, evidence: SampleEvidence) -> None:
        """Take the evidence of the next sample."""
        if not evidence.loaded:
            self._loaded_ns = None
            return
        if self.start_ns is None:
            self.start_ns = evidence.t_ns
        if self._loaded_ns is not None:
            self.loaded_s += max(0.0, (evidence.t_ns - self._loaded_ns) / 1e9)
        self._loaded_ns = evidence.t_ns
        self._samples += 1
        self._at_work.update(evidence.at_work)
        for asked, seconds in evidence.observed.items():
            self._observed[asked] = self._observed.get(asked, 0.0) + seconds
        found: dict[tuple[str, Kind], list[Finding]] = {}
        for finding in evidence.findings:
            found.setdefault((finding.device, finding.kind), []).append(finding)
            if finding.kind == "other":
                self.other[finding.words] = self.other.get(finding.words, 0.0) + finding.seconds
        self._add_up(evidence, found)

    def _add_up(self, evidence: SampleEvidence, found: dict[tuple[str, Kind], list[Finding]]) -> None:
        for key, findings in found.items():
            self._totals.setdefault(key, Total()).add(evidence.t_ns, evidence.degrees.get(key[0]), findings)
        for (device, kind), total in self._totals.items():
            # A device that was not read this time has not become quiet.
            if (device, kind) not in found and (device, _SOURCES.get(kind)) in evidence.observed:
                total.add(evidence.t_ns, None, [])
        for device, kind in found:
            if kind == "hot":
                self._hot_ns[device] = evidence.t_ns
        for (device, kind), findings in found.items():
            hot_ns = self._hot_ns.get(device)
            if kind == "clock" and hot_ns is not None and evidence.t_ns - hot_ns <= HELD_S * 1e9:
                self._overlap[device] = self._overlap.get(device, 0.0) + findings[0].seconds

    def total(self, device: str, kind: Kind) -> Total:
        """Return what was found of one kind."""
        return self._totals.get((device, kind), _NOTHING)

    def observed(self, device: str, source: Source) -> float | None:
        """Return for how many seconds under load a source could be read; None when it never was."""
        return self._observed.get((device, source))

    def slow_and_hot_s(self, device: str) -> float:
        """Return for how long the clock was low while the device was at its limit of temperature."""
        return self._overlap.get(device, 0.0)

    def devices(self) -> tuple[str, ...]:
        """Return the devices of which anything was read under load."""
        found = {device for device, _ in (*self._observed, *self._totals)} - {MACHINE}
        return tuple(sorted(found, key=lambda device: (device.partition(".")[0] != "gpu", len(device), device)))

    def at_work(self) -> frozenset[str]:
        """Return the devices that carried the load, in a third of the samples at least."""
        return frozenset(device for device, count in self._at_work.items() if 3 * count >= self._samples)


_SOURCES: dict[Kind, Source] = {
    "thermal": "hard",
    "hardware": "hard",
    "power": "power",
    "clock": "clock",
    "hot": "heat",
}
