"""What the hardware did while each request ran: figures, memory around it, energy, and whether heat slowed it."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import NamedTuple

import msgspec

from llmtui.metrics.heat.energy import Energy, joules_per_token, metered_devices, span_energy, total_energy
from llmtui.metrics.heat.evidence import Sample, SampleEvidence
from llmtui.metrics.heat.reading_history import HELD_S
from llmtui.metrics.heat.request_heat import RequestHeat, request_heat
from llmtui.metrics.heat.thermal_evidence import EvidenceWatch
from llmtui.metrics.statistics import Missing, median

AROUND_NS = int(HELD_S * 1e9)
"""Samples from so long before a request to so long after it tell of it; it is judged when they are there."""

_SLOWED = frozenset({"thermal", "hardware"})

TOGETHER_NS = 450_000_000
"""Heat changes in seconds: looking at it ten times in one costs much and tells nothing more."""

_MEMORY = frozenset({"ram.used", "server.memory", "server.memory.private", "server.memory.file", "server.memory.gpu"})
_FIGURES = _MEMORY | {"cpu.percent", "cpu.temperature", "cpu.frequency", "cpu.power", "server.cpu", "client.cpu"}
_GPU_FIGURES = frozenset({"percent", "memory.used", "temperature", "power", "clock.sm"})
_METERS = ("energy", "power")


class UsedFigure(msgspec.Struct, frozen=True):
    """One figure over a request, in the unit of its reading. `before` and `after` are the readings next to it."""

    mean: float | None
    peak: float | None
    middle: float | None
    before: float | None
    after: float | None


class RequestUse(msgspec.Struct, frozen=True):
    """What one request took: figures by key, energy with its source or reason, and the tag of its heat.

    Beside the readings of those names `server.memory` is the whole of the server's (private plus weights), and
    `client.cpu` what engine and sampler of llmtui used, in cores.
    """

    figures: dict[str, UsedFigure]
    energy: Energy
    joules_per_token: float | None
    joules_missing: str | None
    heat: RequestHeat


class _Span(msgspec.Struct):
    """A request that runs, or waits for the samples after it."""

    start_ns: int
    end_ns: int | None = None
    tokens: int | None = None


class _Outlook(NamedTuple):
    """What all spans together want: samples from `oldest_ns` on, and to be judged after `due_ns`; None: nothing yet."""

    oldest_ns: int | None
    due_ns: int | None
    running: bool


class UseFold(msgspec.Struct):
    """Folds samples and requests, in the order of their events, into what each request used.

    `slowed` is the last moment at which a device told whether heat slows it, and 1 or 0 for that.
    """

    watch: EvidenceWatch = msgspec.field(default_factory=EvidenceWatch)
    samples: list[tuple[int, dict[str, float]]] = []
    evidence: list[SampleEvidence] = []
    spans: dict[str, _Span] = {}
    values: dict[str, float] = {}
    missing: dict[str, str] = {}
    in_flight: bool = False
    slowed: tuple[int, float] | None = None
    outlook: _Outlook | None = None

    def begin(self, request: str, t: int) -> None:
        """A request was sent at `t`."""
        self.spans[request] = _Span(t)
        self.outlook = None

    def end(self, request: str, t: int, tokens: int | None) -> None:
        """A request ended at `t`."""
        if request in self.spans:
            self.spans[request].end_ns, self.spans[request].tokens = t, tokens
            self.outlook = None

    def drop(self, request: str) -> None:
        """A request does not count."""
        self.spans.pop(request, None)
        self.outlook = None

    def take(self, t: int, values: Mapping[str, float], missing: Mapping[str, str]) -> list[tuple[str, RequestUse]]:
        """Take a sample, and return the requests that can be judged now."""
        outlook = self.outlook or self._look_out()
        self.values.update(values)
        self.missing.update(missing)
        self.in_flight = self.in_flight or outlook.running
        # Of samples that come more often than twice a second it is asked what they say together.
        if not self.evidence or not 0 <= t - self.evidence[-1].t_ns < TOGETHER_NS:
            self._look(t)
        kept = {key: value for key, value in values.items() if _KEPT[key]}
        if "server.memory.private" in kept:
            # Peaks and medians of the parts do not add up, so the whole is one figure more.
            kept["server.memory"] = kept["server.memory.private"] + kept.get("server.memory.file", 0.0)
        samples = self.samples
        if not samples or t >= samples[-1][0]:
            samples.append((t, kept))
        used = []
        if outlook.due_ns is not None and outlook.due_ns <= t - AROUND_NS:
            used = self.settle(t - AROUND_NS)
            outlook = self._look_out()
        oldest = (t if outlook.oldest_ns is None else outlook.oldest_ns) - AROUND_NS
        # In runs, since each one moves the rest of the list.
        if samples[len(samples) // 2][0] < oldest:
            self._forget(oldest)
        return used

    def note_client(self, t: int, cores: float) -> None:
        """Take what llmtui itself used of the processor, in cores, since it said so last."""
        if self.samples and t >= self.samples[-1][0]:
            self.samples.append((t, {"client.cpu": cores}))

    def _look_out(self) -> _Outlook:
        if self.outlook is None:
            ends = [span.end_ns for span in self.spans.values()]
            self.outlook = _Outlook(
                oldest_ns=min((span.start_ns for span in self.spans.values()), default=None),
                due_ns=min((end for end in ends if end is not None), default=None),
                running=None in ends,
            )
        return self.outlook

    def _look(self, t: int) -> None:
        """Ask what the samples since the last look say of heat."""
        self.evidence.append(self.watch.take(Sample(t, self.values, self.missing), in_flight=self.in_flight))
        self.values, self.missing, self.in_flight = {}, {}, False
        latest = self.evidence[-1]
        slowed = any(finding.kind in _SLOWED for finding in latest.findings)
        # Without any word on heat there is nothing to draw: unknown is no "no".
        if slowed or any(source == "hard" for _, source in latest.observed):
            self.slowed = (t, float(slowed))

    def settle(self, until_ns: int | None = None) -> list[tuple[str, RequestUse]]:
        """Return the requests that ended by `until_ns` (None: all that have ended)."""
        ended = []
        for request, span in list(self.spans.items()):
            if span.end_ns is not None and (until_ns is None or span.end_ns <= until_ns):
                del self.spans[request]
                ended.append((request, self._use(span.start_ns, span.end_ns, span.tokens)))
        self.outlook = None
        return ended

    def _use(self, start_ns: int, end_ns: int, tokens: int | None) -> RequestUse:
        first = bisect_left(self.samples, start_ns, key=itemgetter(0))
        stop = bisect_right(self.samples, end_ns, key=itemgetter(0))
        keys = set().union(*map(itemgetter(1), self.samples))
        inside = self.samples[first:stop]
        devices = metered_devices(keys | self.watch.missing.keys())
        parts = [span_energy(inside, device, start_ns, end_ns, self.watch.missing) for device in devices]
        energy = total_energy(parts)
        each = joules_per_token(energy, tokens)
        return RequestUse(
            figures=self._figures(keys, first, stop),
            energy=energy,
            joules_per_token=None if isinstance(each, Missing) else each,
            joules_missing=each.reason if isinstance(each, Missing) else None,
            heat=request_heat(self.evidence, start_ns, end_ns, self.watch.missing),
        )

    def _figures(self, keys: Iterable[str], first: int, stop: int) -> dict[str, UsedFigure]:
        """Return the figures of the samples from `first` to `stop`, without that one."""
        inside = [sample for _, sample in self.samples[first:stop]]
        found = {}
        for key in sorted(filter(_is_figure, keys)):
            values = [sample[key] for sample in inside if key in sample]
            found[key] = UsedFigure(
                mean=sum(values) / len(values) if values else None,
                peak=max(values, default=None),
                middle=median(values) if _is_memory(key) else None,
                before=next((sample[key] for _, sample in reversed(self.samples[:first]) if key in sample), None),
                after=next((sample[key] for _, sample in self.samples[stop:] if key in sample), None),
            )
        return found

    def _forget(self, oldest_ns: int) -> None:
        """Drop what is older than every request that still needs it."""
        del self.samples[: bisect_left(self.samples, oldest_ns, key=itemgetter(0))]
        self.evidence = [one for one in self.evidence if one.t_ns >= oldest_ns]


def _is_figure(key: str) -> bool:
    return key in _FIGURES or _of_gpu(key) in _GPU_FIGURES


def _is_memory(key: str) -> bool:
    return key in _MEMORY or _of_gpu(key) == "memory.used"


def _is_meter(key: str) -> bool:
    device, _, figure = key.partition(".")
    return _of_gpu(key) in _METERS or (device in {"cpu", "board"} and figure in _METERS)


def _of_gpu(key: str) -> str | None:
    """Return the figure that a key has of a GPU, such as `clock.sm` for `gpu.0.clock.sm`; None for any other key."""
    device, _, rest = key.partition(".")
    number, _, figure = rest.partition(".")
    return figure if device == "gpu" and number.isdecimal() else None


class _Kept(dict[str, bool]):
    """Whether a key is one of those that tell of a request, found out once for each."""

    def __missing__(self, key: str) -> bool:
        self[key] = _is_figure(key) or _is_meter(key)
        return self[key]


_KEPT = _Kept()
