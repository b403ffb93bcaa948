"""Folds of samples of the hardware, and of what llmtui itself used."""

import math
from collections.abc import Iterable

from llmtui import events as ev
from llmtui.state.folds.folding import Sections, folds, job_of, request_of
from llmtui.state.heat_spans import note_heat
from llmtui.state.request_use import RequestUse
from llmtui.state.series import Series
from llmtui.state.session import SessionState


@folds(ev.SampleTaken)
def _sample_taken(state: SessionState, event: ev.SampleTaken) -> Sections:
    for key, value in event.values.items():
        series = state.readings.get(key)
        if series is None:
            series = state.readings[key] = Series()
        series.append(event.t, value)
        state.missing.pop(key, None)
    for key, reason in event.missing.items():
        state.missing[key] = reason
        if key in state.readings:
            state.readings[key].append(event.t, math.nan)
    _raise_peaks(state, event.values)
    known = settle(state, state.use.take(event.t, event.values, event.missing))
    if state.use.slowed is not None:
        state.request_series.setdefault("slowed_by_heat", Series()).append(*state.use.slowed)
        note_heat(state.heat_spans, state.now_ns, slowed=bool(state.use.slowed[1]))
        state.use.slowed = None
    return ("hardware", "results") if known else ("hardware",)


def settle(state: SessionState, used: Iterable[tuple[str, RequestUse]]) -> bool:
    """Give requests what the samples said of them; return whether there were any."""
    known = False
    for name, use in used:
        request = request_of(state, name)
        request.use, known = use, True
        job_of(state, request.job).changes += 1
        if use.joules_per_token is not None and not request.warmup:
            t = request.finished_ns or state.now_ns
            state.request_series.setdefault("energy_per_token", Series()).append(t, use.joules_per_token)
    return known


def _raise_peaks(state: SessionState, values: dict[str, float]) -> None:
    """Keep the largest readings of the running jobs; the server's whole memory is summed before it is compared."""
    private = values.get("server.memory.private")
    if private is not None:
        values = {**values, "server.memory": private + values.get("server.memory.file", 0.0)}
    for name in state.running_jobs:
        job = state.jobs[name]
        for key, value in values.items():
            if value > job.peaks.get(key, -math.inf):
                job.peaks[key] = value
                job.changes += 1


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
