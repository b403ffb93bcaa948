"""Folds of samples of the hardware, and of what llmtui itself used."""

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, groupby, repeat
from operator import add

from llmtui import events as ev
from llmtui.state.folds.folding import Sections, folds, job_of, request_of
from llmtui.state.heat_spans import note_heat
from llmtui.state.request_use import RequestUse
from llmtui.state.series import Series
from llmtui.state.session import SessionState


@folds(ev.SampleTaken)
def _sample_taken(state: SessionState, event: ev.SampleTaken) -> Sections:
    return fold_samples(state, (event,), (state.now_ns,))


def fold_samples(state: SessionState, events: Sequence[ev.SampleTaken], nows: Sequence[int]) -> Sections:
    """Fold samples that follow each other, each at its `now_ns`; the outcome is that of folding them one by one."""
    for (keys, whole), group in groupby(events, _keys_read):
        for alike in [[*group]] if whole else [[event] for event in group]:
            _take_readings(state, keys, alike)
            _take_reasons(state, alike[-1])
    known = False
    for event, now_ns in zip(events, nows, strict=True):
        used = state.use.take(event.t, event.values, event.missing)
        if used:
            known |= settle(state, used, now_ns)
        if state.use.slowed is not None:
            state.request_series.setdefault("slowed_by_heat", Series()).append(*state.use.slowed)
            note_heat(state.heat_spans, now_ns, slowed=bool(state.use.slowed[1]))
            state.use.slowed = None
    return ("hardware", "results") if known else ("hardware",)


def _keys_read(event: ev.SampleTaken) -> tuple[tuple[str, ...], bool]:
    """Return the keys of a sample, and whether it misses nothing."""
    return tuple(event.values), not event.missing


def _take_readings(state: SessionState, keys: Sequence[str], events: Sequence[ev.SampleTaken]) -> None:
    """Note the values of samples that have their keys in common, key by key."""
    columns = dict(zip(keys, zip(*[event.values.values() for event in events], strict=True), strict=True))
    times = array("q", accumulate([event.t for event in events], max))
    for key, column in columns.items():
        series = state.readings.get(key)
        if series is None:
            series = state.readings[key] = Series()
        series.extend(times, array("d", column))
        state.missing.pop(key, None)
    if state.running_jobs:
        _raise_peaks(state, columns)


def _take_reasons(state: SessionState, event: ev.SampleTaken) -> None:
    for key, reason in event.missing.items():
        state.missing[key] = reason
        if key in state.readings:
            state.readings[key].append(event.t, math.nan)


def settle(state: SessionState, used: Iterable[tuple[str, RequestUse]], now_ns: int) -> bool:
    """Give requests what the samples said of them; return whether there were any."""
    known = False
    for name, use in used:
        request = request_of(state, name)
        request.use, known = use, True
        job_of(state, request.job).changes += 1
        if use.joules_per_token is not None and not request.warmup:
            t = request.finished_ns or now_ns
            state.request_series.setdefault("energy_per_token", Series()).append(t, use.joules_per_token)
    return known


def _raise_peaks(state: SessionState, columns: Mapping[str, Sequence[float]]) -> None:
    """Keep the largest readings of the running jobs; the server's whole memory is summed before it is compared."""
    private = columns.get("server.memory.private")
    if private is not None:
        file = columns.get("server.memory.file") or repeat(0.0)
        columns = {**columns, "server.memory": [*map(add, private, file)]}
    for name in state.running_jobs:
        job = state.jobs[name]
        for key, value in _what_may_be_higher(job.peaks, columns):
            if value > job.peaks.get(key, -math.inf):
                job.peaks[key] = value
                job.changes += 1


def _what_may_be_higher(
    peaks: Mapping[str, float], columns: Mapping[str, Sequence[float]]
) -> Iterator[tuple[str, float]]:
    """Yield the values that have to be compared with the peaks."""
    if columns.keys() <= peaks.keys():
        for key, column in columns.items():
            # The largest of values that begin with NaN is NaN, which is neither.
            if not max(column) <= peaks[key]:
                yield from zip(repeat(key), column)
    else:
        for row in zip(*columns.values(), strict=True):
            yield from zip(columns, row, strict=True)


@folds(ev.SelfMeasured)
def _self_measured(state: SessionState, event: ev.SelfMeasured) -> Sections:
    state.own_use = event
    state.use.note_client(event.t, (event.engine_cpu + (event.sampler_cpu or 0.0)) / 100)
    return ("self",)


@folds(ev.ViewerMeasured)
def _viewer_measured(state: SessionState, event: ev.ViewerMeasured) -> Sections:
    state.viewers[event.pid] = event
    return ("self",)


@folds(ev.SamplerStarted)
def _sampler_started(state: SessionState, _event: ev.SamplerStarted) -> Sections:
    state.sampler_lost = None
    return ("hardware",)


@folds(ev.SamplerLost)
def _sampler_lost(state: SessionState, event: ev.SamplerLost) -> Sections:
    state.sampler_lost = event.reason
    for series in state.readings.values():
        series.append(event.t, math.nan)
    return ("hardware",)
