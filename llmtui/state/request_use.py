"""What the hardware did while each request ran: figures, memory around it, energy, and whether heat slowed it."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter

from llmtui.metrics.heat.energy import Energy, joules_per_token, metered_devices, span_energy, total_energy
from llmtui.metrics.heat.evidence import Sample, SampleEvidence
from llmtui.metrics.heat.reading_history import HELD_S
from llmtui.metrics.heat.request_heat import RequestHeat, request_heat
from llmtui.metrics.heat.thermal_evidence import EvidenceWatch
from llmtui.metrics.inference.intervals import Missing
from llmtui.metrics.statistics import median

AROUND_NS = int(HELD_S * 1e9)
"""Samples from so long before a request to so long after it tell of it; it is judged when they are there."""

_SLOWED = frozenset({"thermal", "hardware"})

TOGETHER_NS = 450_000_000
"""Heat changes in seconds: looking at it ten times in one costs much and tells nothing more."""

_FIGURES = re.compile(
    r"cpu\.(percent|temperature|frequency|power)|ram\.used|server\.(cpu|memory(\.(private|file|gpu))?)|client\.cpu"
    r"|gpu\.\d+\.(percent|memory\.used|temperature|power|clock\.sm)"
)
_MEMORY = re.compile(r"ram\.used|server\.memory(\.(private|file|gpu))?|gpu\.\d+\.memory\.used")
_ENERGY = re.compile(r"(cpu|board|gpu\.\d+)\.(energy|power)")


@dataclass(frozen=True, slots=True)
class UsedFigure:
    """One figure over a request, in the unit of its reading. `before` and `after` are the readings next to it."""

    mean: float | None
    peak: float | None
    middle: float | None
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class RequestUse:
    """What one request took: figures by key, energy with its source or reason, and the tag of its heat.

    Beside the readings of those names `server.memory` is the whole of the server's (private plus weights), and
    `client.cpu` what engine and sampler of llmtui used, in cores.
    """

    figures: dict[str, UsedFigure]
    energy: Energy
    joules_per_token: float | None
    joules_missing: str | None
    heat: RequestHeat


@dataclass(slots=True)
class _Span:
    """A request that runs, or waits for the samples after it."""

    start_ns: int
    end_ns: int | None = None
    tokens: int | None = None


@dataclass(slots=True)
class UseFold:
    """Folds samples and requests, in the order of their events, into what each request used.

    `slowed` is the last moment at which a device told whether heat slows it, and 1 or 0 for that.
    """

    watch: EvidenceWatch = field(default_factory=EvidenceWatch)
    samples: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    evidence: list[SampleEvidence] = field(default_factory=list)
    spans: dict[str, _Span] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    in_flight: bool = False
    slowed: tuple[int, float] | None = None

    def begin(self, request: str, t: int) -> None:
        """A request was sent at `t`."""
        self.spans[request] = _Span(t)

    def end(self, request: str, t: int, tokens: int | None) -> None:
        """A request ended at `t`."""
        if request in self.spans:
            self.spans[request].end_ns, self.spans[request].tokens = t, tokens

    def take(self, t: int, values: Mapping[str, float], missing: Mapping[str, str]) -> Iterator[tuple[str, RequestUse]]:
        """Take a sample, and yield the requests that can be judged now."""
        self._look(t, values, missing)
        kept = {key: value for key, value in values.items() if _kept(key)}
        if "server.memory.private" in kept:
            # Peaks and medians of the parts do not add up, so the whole is one figure more.
            kept["server.memory"] = kept["server.memory.private"] + kept.get("server.memory.file", 0.0)
        if not self.samples or t >= self.samples[-1][0]:
            self.samples.append((t, kept))
        yield from self.settle(t - AROUND_NS)
        self._forget(t)

    def note_client(self, t: int, cores: float) -> None:
        """Take what llmtui itself used of the processor, in cores, since it said so last."""
        if self.samples and t >= self.samples[-1][0]:
            self.samples.append((t, {"client.cpu": cores}))

    def _look(self, t: int, values: Mapping[str, float], missing: Mapping[str, str]) -> None:
        """Ask what a sample says of heat; of those that come more often than twice a second, what they say together."""
        self.values.update(values)
        self.missing.update(missing)
        self.in_flight = self.in_flight or any(span.end_ns is None for span in self.spans.values())
        if self.evidence and 0 <= t - self.evidence[-1].t_ns < TOGETHER_NS:
            return
        self.evidence.append(self.watch.take(Sample(t, self.values, self.missing), in_flight=self.in_flight))
        self.values, self.missing, self.in_flight = {}, {}, False
        latest = self.evidence[-1]
        slowed = any(finding.kind in _SLOWED for finding in latest.findings)
        # Without any word on heat there is nothing to draw: unknown is no "no".
        if slowed or any(source == "hard" for _, source in latest.observed):
            self.slowed = (t, float(slowed))

    def settle(self, until_ns: int | None = None) -> Iterator[tuple[str, RequestUse]]:
        """Yield the requests that ended by `until_ns` (None: all that have ended)."""
        for request, span in list(self.spans.items()):
            if span.end_ns is not None and (until_ns is None or span.end_ns <= until_ns):
                del self.spans[request]
                yield request, self._use(span.start_ns, span.end_ns, span.tokens)

    def _use(self, start_ns: int, end_ns: int, tokens: int | None) -> RequestUse:
        devices = metered_devices({key for _, values in self.samples for key in values} | self.watch.missing.keys())
        parts = [span_energy(self.samples, device, start_ns, end_ns, self.watch.missing) for device in devices]
        energy = total_energy(parts)
        each = joules_per_token(energy, tokens)
        return RequestUse(
            figures=self._figures(start_ns, end_ns),
            energy=energy,
            joules_per_token=None if isinstance(each, Missing) else each,
            joules_missing=each.reason if isinstance(each, Missing) else None,
            heat=request_heat(self.evidence, start_ns, end_ns, self.watch.missing),
        )

    def _figures(self, start_ns: int, end_ns: int) -> dict[str, UsedFigure]:
        first = bisect_left(self.samples, start_ns, key=itemgetter(0))
        stop = bisect_right(self.samples, end_ns, key=itemgetter(0))
        inside = self.samples[first:stop]
        found = {}
        keys = {key for _, values in self.samples for key in values}
        for key in sorted(key for key in keys if _FIGURES.fullmatch(key)):
            values = [sample[key] for _, sample in inside if key in sample]
            found[key] = UsedFigure(
                mean=sum(values) / len(values) if values else None,
                peak=max(values, default=None),
                middle=median(values) if _MEMORY.fullmatch(key) else None,
                before=next((sample[key] for _, sample in reversed(self.samples[:first]) if key in sample), None),
                after=next((sample[key] for _, sample in self.samples[stop:] if key in sample), None),
            )
        return found

    def _forget(self, t: int) -> None:
        """Drop what is older than every request that still needs it."""
        oldest = min((span.start_ns for span in self.spans.values()), default=t) - AROUND_NS
        drop = bisect_left(self.samples, oldest, key=itemgetter(0))
        # In runs, since each one moves the rest of the list.
        if drop > len(self.samples) // 2:
            del self.samples[:drop]
            self.evidence = [one for one in self.evidence if one.t_ns >= oldest]


_KEPT: dict[str, bool] = {}


def _kept(key: str) -> bool:
    if key not in _KEPT:
        _KEPT[key] = bool(_FIGURES.fullmatch(key) or _ENERGY.fullmatch(key))
    return _KEPT[key]
