"""Folds of the session as a whole: opened, resumed, paused, marked, alerted, finished."""

import math

from llmtui import events as ev
from llmtui.state.folds.folding import Sections, folds
from llmtui.state.folds.machine import settle
from llmtui.state.session import Job, Request, SessionState


@folds(ev.SessionOpened)
def _session_opened(state: SessionState, event: ev.SessionOpened) -> Sections:
    if state.header is None:
        state.header = event
    else:
        state.misfits += 1
    return ("header",)


@folds(ev.SessionFinished)
def _session_finished(state: SessionState, event: ev.SessionFinished) -> Sections:
    state.outcome = event.outcome
    settle(state, state.use.settle(), state.now_ns)
    return "header", "queue", "stream", "results"


@folds(ev.SessionResumed)
def _session_resumed(state: SessionState, event: ev.SessionResumed) -> Sections:
    state.resumed.append(event)
    state.outcome = state.sampler_lost = None
    state.paused = False
    for target in state.targets.values():
        target.pid = None
    for name in list(state.running_jobs):
        _put_back(state, state.jobs[name])
    for name in list(state.active_requests):
        _cancel(state, state.requests[name])
    state.token_rate.append(event.t, math.nan)
    state.recent_tokens.clear()
    state.recent_sum = 0
    for series in state.readings.values():
        series.append(event.t, math.nan)
    return "header", "targets", "queue", "stream", "hardware", "results", "alerts", "self"


def _put_back(state: SessionState, job: Job) -> None:
    """Let a job wait again as if it had never run, but for its requests, which are kept and do not count."""
    for name in job.requests:
        if name in state.requests:
            _cancel(state, state.requests[name])
    fresh = Job(job.id, plan=job.plan, total=job.plan.requests if job.plan else 0)
    fresh.requests, fresh.changes = job.requests, job.changes + 1
    state.jobs[job.id] = fresh
    state.running_jobs.remove(job.id)


def _cancel(state: SessionState, request: Request) -> None:
    """Leave a request out of the figures."""
    request.status = "cancelled"
    request.problem = request.problem or CUT_OFF
    request.recent.clear()
    request.gaps_us.clear()
    state.use.drop(request.id)
    if request.id in state.active_requests:
        state.active_requests.remove(request.id)


CUT_OFF = "the engine was cut off; the job ran anew"
"""What a request says of itself that belongs to a job which was put back."""


@folds(ev.AlertRaised)
def _alert_raised(state: SessionState, event: ev.AlertRaised) -> Sections:
    state.alerts.append(event)
    if event.code == ev.CLIENT_BOUND and event.job in state.jobs:
        state.jobs[event.job].client_bound = event.text
        state.jobs[event.job].changes += 1
        return "alerts", "results"
    return ("alerts",)


@folds(ev.MarkerPlaced)
def _marker_placed(state: SessionState, event: ev.MarkerPlaced) -> Sections:
    state.markers.append(event)
    return "alerts", "hardware"


@folds(ev.QueuePaused)
def _queue_paused(state: SessionState, _event: ev.QueuePaused) -> Sections:
    state.paused = True
    return ("queue",)


@folds(ev.QueueResumed)
def _queue_resumed(state: SessionState, _event: ev.QueueResumed) -> Sections:
    state.paused = False
    return ("queue",)
