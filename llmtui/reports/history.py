"""One figure over many sessions: series of what can be compared, each in order of time, with the changes of its level.

Pure. What differs by machine or by the server's kind or version is a series of its own: a figure that jumps with a new
graphics card or a new build of the server says nothing of a decline.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import msgspec

from llmtui import wording
from llmtui.events import HardwareSnapshot, OfferedLoad, SessionOpened
from llmtui.metrics.inference.level_shift import LEAST, level_shifts
from llmtui.metrics.statistics import finite, median
from llmtui.reports.compared_figures import ComparedFigure
from llmtui.reports.pairing import Sample, Setup, samples_of
from llmtui.state.session import SessionState

UNKNOWN = "unknown"


class HistoryPoint(NamedTuple):
    """A session's value: the median over its `runs`, each of which is the median of its requests.

    `changed` says what else is new since the point before, of what does not separate series.
    """

    session: str
    opened_at: str
    value: float
    runs: int
    changed: str = ""


class Stretch(NamedTuple):
    """Sessions in a row at one level: the place of the first, how many `sessions` they are, and their median."""

    first: int
    sessions: int
    level: float


@dataclass(slots=True)
class Series:
    """The points of one workload in one setup on one machine and server, oldest first."""

    suite: str
    workload: str
    load: OfferedLoad | None
    setup: Setup
    environment: dict[str, str]
    points: list[HistoryPoint] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What is measured: suite, workload and load, model and variant, without the target's name."""
        setup = self.setup
        variant = f", variant {setup.variant}" if setup.variant else ""
        sample = Sample(self.workload, self.load, setup, {})
        return f"{self.suite}: {sample.title} on {setup.model} {setup.quantization or ''}".rstrip() + variant


class HistorySession(NamedTuple):
    """A session as the history takes it."""

    name: str
    state: SessionState


class History(NamedTuple):
    """All series, and for each session that is in none the reason."""

    figure: ComparedFigure
    series: list[Series]
    left_out: dict[str, str]


def build_history(figure: ComparedFigure, sessions: Iterable[HistorySession], model: str | None = None) -> History:
    """Return the history of a figure over sessions that come oldest first; with `model` only of models so called."""
    series: dict[Hashable, Series] = {}
    left_out: dict[str, str] = {}
    for name, state in sessions:
        reason = "it measured nothing" if model is None else f"it measured nothing of a model `{model}`"
        for sample in samples_of(state):
            if model is not None and model.lower() not in sample.setup.model.lower():
                continue
            runs = [middle for run in figure.values(sample) if (middle := median(finite(run))) is not None]
            value = median(runs)
            if value is None:
                reason = figure.missing(sample)
                continue
            reason = ""
            _series_of(series, state, sample).points.append(_point(name, state, value, len(runs)))
        if reason:
            left_out[name] = reason
    found = list(series.values())
    for each in found:
        _mark_changes(each)
    # Series of the same thing stand together, in the order of time.
    order = {title: place for place, title in reversed(list(enumerate(each.title for each in found)))}
    return History(figure, sorted(found, key=lambda each: order[each.title]), left_out)


def stretches(series: Series) -> list[Stretch]:
    """Return the levels of a series; one for all where nothing changed beyond chance."""
    values = [point.value for point in series.points]
    places = [0, *level_shifts(values), len(values)]
    return [Stretch(a, b - a, median(values[a:b]) or 0.0) for a, b in pairwise(places) if b > a]


def summary(history: History, series: Series) -> list[str]:
    """Return a sentence for each change of the level, or why none is seen."""
    figure, found, count = history.figure, stretches(series), len(series.points)
    if count < LEAST:
        return [f"{count} session{'' if count == 1 else 's'}: too few to see a change; {LEAST} or more show one"]
    if len(found) == 1:
        return [f"{count} sessions at one level of {figure.text(found[0].level)}: no change beyond chance"]
    return [_change(figure, before, after, series.points[after.first]) for before, after in pairwise(found)]


def _change(figure: ComparedFigure, before: Stretch, after: Stretch, point: HistoryPoint) -> str:
    change = f" ({(after.level / before.level - 1) * 100:+.1f} %)" if before.level else ""
    higher = after.level > before.level
    word = "" if figure.better is None else f": {figure.words[0 if higher == (figure.better == 'higher') else 1]}"
    levels = (
        f"{figure.text(before.level)} ({before.sessions}) -> {figure.text(after.level)} ({after.sessions} sessions)"
    )
    return f"from {point.session} on{word}, {levels}{change}"


def _series_of(series: dict[Hashable, Series], state: SessionState, sample: Sample) -> Series:
    environment = _environment(state, sample.setup.target)
    suite = state.header.name if state.header else UNKNOWN
    setup = sample.setup._replace(target="")
    parameters = msgspec.json.encode(sample.parameters, order="deterministic", enc_hook=str)
    key = (suite, sample.workload, sample.load, setup, parameters, *environment.values())
    return series.setdefault(key, Series(suite, sample.workload, sample.load, setup, environment))


def _environment(state: SessionState, target: str) -> dict[str, str]:
    """Return what makes figures unlike: the machine, and the server's kind and version."""
    hardware = state.header.hardware if state.header else HardwareSnapshot()
    known = state.targets.get(target)
    server = known.server if known else None
    limits = hardware.container
    gpus = [f"{gpu.name} {wording.size(gpu.memory)}, driver {gpu.driver or UNKNOWN}" for gpu in hardware.gpus]
    return {
        "host": hardware.hostname or UNKNOWN,
        "CPU": f"{hardware.cpu_model or UNKNOWN}, {hardware.cores_physical or '?'} cores",
        "RAM": wording.size(hardware.ram),
        "GPU": "; ".join(gpus) or "none",
        "limits": f"{limits.cpus or 'all'} CPUs, {wording.size(limits.memory)}" if limits else "none",
        "server": f"{server.kind} {server.version or 'of unknown version'}" if server else UNKNOWN,
    }


def _point(name: str, state: SessionState, value: float, runs: int) -> HistoryPoint:
    return HistoryPoint(name, state.header.opened_at if state.header else "", value, runs, _lesser_facts(state.header))


def _lesser_facts(header: SessionOpened | None) -> str:
    """Return what may matter and does not separate series; `_mark_changes` keeps only what is new."""
    if header is None:
        return ""
    hardware = header.hardware
    facts = (
        ("llmtui", header.llmtui),
        ("OS", hardware.os),
        ("kernel", hardware.kernel),
        ("governor", hardware.cpu_governor),
        ("text of the suite", header.suite_sha256[:8]),
        *((f"--set {key} =", value) for key, value in sorted(header.overrides.items())),
    )
    return "; ".join(f"{name} {value}" for name, value in facts if value)


def _mark_changes(series: Series) -> None:
    facts = [point.changed.split("; ") for point in series.points]
    news = [""] + [", ".join(fact for fact in now if fact not in before) for before, now in pairwise(facts)]
    series.points = [point._replace(changed=new) for point, new in zip(series.points, news, strict=True)]
