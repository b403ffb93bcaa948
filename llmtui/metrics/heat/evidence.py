"""What samples can say about heat: the vocabulary of findings, and the sample that is being looked at."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from llmtui.metrics.heat.reading_history import History, Step, Steps

Kind = Literal["thermal", "hardware", "power", "clock", "hot", "warm", "other"]
"""thermal: the device itself says that heat slows it. hardware: it says that it is slowed, but not that heat is why.
power: it is held by its power limit. clock: its clock lies clearly below its usual clock under load. hot: at its limit
of temperature, or as good as. warm: near that. other: something else that slows a server.
"""

Source = Literal["hard", "power", "clock", "heat"]
"""What can be asked: for hard evidence, for power limits, for the clock against its reference, for the temperature."""

MACHINE = "machine"
"""The device of what belongs to no device."""

BOARD = "board"


class Sample(NamedTuple):
    """Readings at a moment (ns), keys as in `llmtui.readings`; only what was read anew.

    `missing` gives reasons, and may name only what changed.
    """

    t_ns: int
    values: Mapping[str, float]
    missing: Mapping[str, str] = {}


class Finding(NamedTuple):
    """One piece of evidence. `device` is "cpu", "gpu.0", "board" or "machine".

    `seconds` is for how long: by the device's own counter when `counted`, else since the reading before.
    """

    device: str
    kind: Kind
    words: str
    seconds: float
    counted: bool = False


class SampleEvidence(msgspec.Struct, frozen=True):
    """What one sample says.

    `observed` holds for each (device, source) that could be read this time the seconds that it speaks for. What was
    observed and has no finding was quiet. `at_work` are the devices that carry the load; `degrees` are the temperatures
    (°C) of devices that stand at this moment.
    """

    t_ns: int
    loaded: bool
    findings: tuple[Finding, ...] = ()
    observed: Mapping[tuple[str, Source], float] = {}
    at_work: frozenset[str] = frozenset()
    degrees: Mapping[str, float] = {}


def name_of(device: str) -> str:
    """Return a device, such as "cpu", "gpu.0" or "board", as people write it."""
    return "the board" if device == BOARD else device.replace(".", " ").upper()


class Look(msgspec.Struct):
    """One sample while it is looked at: what is known of its moment, and what was found so far.

    `loaded` and `idle` are of the machine; between the two lies the time in which a load's heat is still in the chips.
    """

    t_ns: int
    steps: Steps
    history: History
    loaded: bool
    idle: bool
    findings: list[Finding] = []
    observed: dict[tuple[str, Source], float] = {}

    def observe(self, device: str, source: Source, step: Step) -> None:
        """Note that a device was asked by this reading, whatever it said."""
        self.observed[device, source] = max(step.seconds, self.observed.get((device, source), 0.0))

    def find(self, device: str, kind: Kind, words: str, seconds: float, *, counted: bool = False) -> None:
        """Note a piece of evidence."""
        self.findings.append(Finding(device, kind, words, seconds, counted))

    def last(self, key: str) -> float | None:
        """Return the reading of a key that stands at this moment."""
        return self.history.last(key, self.t_ns)
