"""`apply` folds one event into a session. No clock, no I/O; no order of events makes it fail."""

import math
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, TypeVar

from llmtui import events as ev
from llmtui.state.heat_spans import note_heat
from llmtui.state.order import move_key
from llmtui.state.request_use import RequestUse
from llmtui.state.series import Series
from llmtui.state.session import KEPT_TEXT, Job, Request, Section, SessionState, Target

Sections = tuple[Section, ...]
E = TypeVar("E", bound=ev.Event)

_NOTHING: Sections = ()
_FOLDS: dict[type[ev.Event], Callable[[SessionState, Any], Sections]] = {}


def apply(state: SessionState, event: ev.Event) -> Sections:
    """Fold `event` into `state` and return the sections that it changed."""
    state.events += 1
    state.now_ns = max(state.now_ns, event.t)
    fold = _FOLDS.get(type(event))
    if fold is None:
        state.misfits += 1
        return _NOTHING
    return fold(state, event)


def apply_all(state: SessionState, events: Iterable[ev.Event]) -> set[Section]:
    """Fold all `events` in their order and return every section that changed."""
    changed: set[Section] = set()
    for event in events:
        changed.update(apply(state, event))
    return changed


def _folds(kind: type[E]) -> Callable[[Callable[[SessionState, E], Sections]], Callable[[SessionState, E], Sections]]:
    def register(fold: Callable[[SessionState, E], Sections]) -> Callable[[SessionState, E], Sections]:
        _FOLDS[kind] = fold
        return fold

    return register


def _target(state: SessionState, name: str) -> Target:
    if name not in state.targets:
        state.targets[name] = Target(name)
    return state.targets[name]


def _job(state: SessionState, name: str) -> Job:
    if name not in state.jobs:
        state.jobs[name] = Job(name)
        state.misfits += 1
    return state.jobs[name]


def _request(state: SessionState, name: str) -> Request:
    if name not in state.requests:
        state.requests[name] = Request(name, job="")
        state.misfits += 1
    return state.requests[name]


@_folds(ev.SessionOpened)
def _session_opened(state: SessionState, event: ev.SessionOpened) -> Sections:
    if state.header is None:
        state.header = event
    else:
        state.misfits += 1
    return ("header",)


@_folds(ev.SessionFinished)
def _session_finished(state: SessionState, event: ev.SessionFinished) -> Sections:
    state.outcome, state.outcome_reason = event.outcome, event.reason
    _settle(state, state.use.settle())
    return "header", "queue", "stream", "results"


@_folds(ev.SessionResumed)
def _session_resumed(state: SessionState, event: ev.SessionResumed) -> Sections:
    state.resumed.append(event)
    state.outcome = state.outcome_reason = state.sampler_lost = None
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
    state.use.spans.pop(request.id, None)
    if request.id in state.active_requests:
        state.active_requests.remove(request.id)


CUT_OFF = "the engine was cut off; the job ran anew"
"""What a request says of itself that belongs to a job which was put back."""


@_folds(ev.ServerStarted)
def _server_started(state: SessionState, event: ev.ServerStarted) -> Sections:
    target = _target(state, event.target)
    target.started_by_us, target.pid, target.url = True, event.pid, event.url
    return ("targets",)


@_folds(ev.ServerStopped)
def _server_stopped(state: SessionState, event: ev.ServerStopped) -> Sections:
    target = _target(state, event.target)
    target.pid = None
    if event.reason is not None:
        target.problem = event.reason
    return ("targets",)


@_folds(ev.TargetResolved)
def _target_resolved(state: SessionState, event: ev.TargetResolved) -> Sections:
    target = _target(state, event.target)
    target.url, target.server, target.problem = event.url, event.server, event.problem
    return ("targets",)


@_folds(ev.ServerProcessesFound)
def _server_processes_found(state: SessionState, event: ev.ServerProcessesFound) -> Sections:
    target = _target(state, event.target)
    target.processes, target.processes_missing = event.processes, event.missing
    return ("targets",)


@_folds(ev.JobQueued)
def _job_queued(state: SessionState, event: ev.JobQueued) -> Sections:
    job = state.jobs.setdefault(event.job, Job(event.job))
    job.plan, job.total = event, event.requests
    job.changes += 1
    return "queue", "results"


@_folds(ev.JobMoved)
def _job_moved(state: SessionState, event: ev.JobMoved) -> Sections:
    if not move_key(state.jobs, event.job, event.before):
        state.misfits += 1
        return _NOTHING
    return "queue", "results"


@_folds(ev.JobStarted)
def _job_started(state: SessionState, event: ev.JobStarted) -> Sections:
    job = _job(state, event.job)
    job.started_ns = event.t
    state.use.watch.restart()
    job.changes += 1
    if job.status == "queued":
        job.status = "running"
        state.running_jobs.append(job.id)
    return "queue", "results"


@_folds(ev.JobProgressed)
def _job_progressed(state: SessionState, event: ev.JobProgressed) -> Sections:
    job = _job(state, event.job)
    job.phase, job.done, job.total, job.note = event.phase, event.done, event.total or job.total, event.note
    return ("queue",)


@_folds(ev.JobFinished)
def _job_finished(state: SessionState, event: ev.JobFinished) -> Sections:
    job = _job(state, event.job)
    job.status, job.finished_ns, job.reason, job.passed = event.status, event.t, event.reason, event.passed
    job.cause = event.cause
    job.phase = None
    job.changes += 1
    if job.id in state.running_jobs:
        state.running_jobs.remove(job.id)
    return "queue", "results"


@_folds(ev.ModelLoaded)
def _model_loaded(state: SessionState, event: ev.ModelLoaded) -> Sections:
    for name in state.running_jobs:
        job = state.jobs[name]
        if job.plan is not None and (job.plan.target, job.plan.model) == (event.target, event.model):
            job.load_ns = event.load_ns
            job.changes += 1
        if job.plan is not None and any((p.target, p.model) == (event.target, event.model) for p in job.plan.models):
            job.loaded.append(event)
    return "targets", "results"


@_folds(ev.ModelUnloaded)
def _model_unloaded(state: SessionState, event: ev.ModelUnloaded) -> Sections:
    job = _job(state, event.job)
    job.unloaded.append(event)
    job.changes += 1
    return "targets", "results"


@_folds(ev.ModelFinished)
def _model_finished(state: SessionState, event: ev.ModelFinished) -> Sections:
    job = _job(state, event.job)
    job.ended.append(event)
    job.changes += 1
    return ("results",)


@_folds(ev.RequestStarted)
def _request_started(state: SessionState, event: ev.RequestStarted) -> Sections:
    request = state.requests.setdefault(event.request, Request(event.request, event.job))
    request.job, request.model, request.warmup = event.job, event.model, event.warmup
    request.target = event.target
    request.messages, request.started_ns, request.step = event.messages, event.t, event.step
    request.task, request.category = event.task, event.category
    _job(state, event.job).requests.append(request.id)
    if request.status == "running" and request.id not in state.active_requests:
        state.active_requests.append(request.id)
    state.last_request = request.id
    state.kept_texts.append(request.id)
    return "stream", "queue"


@_folds(ev.RequestSent)
def _request_sent(state: SessionState, event: ev.RequestSent) -> Sections:
    request = _request(state, event.request)
    request.sent_ns = event.t
    job = state.jobs.get(request.job)
    if job is not None and job.asked is None and not request.warmup:
        job.asked = event
    if request.status == "running":
        state.use.begin(request.id, event.t)
    return ("stream",)


@_folds(ev.TokensReceived)
def _tokens_received(state: SessionState, event: ev.TokensReceived) -> Sections:
    request = _request(state, event.request)
    if not event.offsets_us:
        return _NOTHING
    first_us = event.offsets_us[0]
    if request.ttft_ns is None:
        request.ttft_ns = first_us * 1000
    if event.kind == "answer" and request.ttft_answer_ns is None:
        request.ttft_answer_ns = first_us * 1000
    if request.last_offset_us is not None:
        request.gaps_us.append(first_us - request.last_offset_us)
    request.gaps_us.extend(later - earlier for earlier, later in pairwise(event.offsets_us))
    request.last_offset_us = event.offsets_us[-1]
    request.last_ns = event.t
    tokens = len(event.offsets_us)
    if event.tokens:
        tokens = max(0, event.tokens[-1] - (request.tokens_stated or 0))
        request.tokens_stated = event.tokens[-1]
    request.chunks += len(event.offsets_us)
    request.recent.append((event.t, tokens))
    state.token_rate.append(event.t, _rate_of_all(state, event.t, tokens))
    _keep_text(state, request, event.kind, "".join(event.texts))
    return ("stream",)


def _rate_of_all(state: SessionState, t: int, tokens: int) -> float:
    """Take a batch of any request, and return tokens per second over the last two seconds, all streams together."""
    recent = state.recent_tokens
    recent.append((t, tokens))
    state.recent_sum += tokens
    while len(recent) > 2 and t - recent[0][0] > RATE_WINDOW_NS:  # noqa: PLR2004 - a rate needs two points
        state.recent_sum -= recent.popleft()[1]
    span = t - recent[0][0]
    # The tokens of the first batch came in the time before it.
    return (state.recent_sum - recent[0][1]) * 1e9 / span if span >= LEAST_SPAN_NS else math.nan


def _keep_text(state: SessionState, request: Request, kind: ev.TextKind, text: str) -> None:
    request.pieces.append((kind, text))
    request.characters += len(text)
    state.kept_characters += len(text)
    while state.kept_characters > KEPT_TEXT and len(state.kept_texts) > 1:
        oldest = state.requests[state.kept_texts.popleft()]
        state.kept_characters -= oldest.characters
        oldest.pieces, oldest.characters, oldest.text_dropped = [], 0, True


RATE_WINDOW_NS = 2_000_000_000
"""Over how long a live rate is taken."""

LEAST_SPAN_NS = 200_000_000
"""Batches of several streams that come together within less than this say nothing of a rate."""


def live_rate(request: Request, window_ns: int = RATE_WINDOW_NS) -> float:
    """Return tokens per second over the last `window_ns` of a request that streams; NaN before two batches came.

    An estimate for the eye: a chunk counts as one token where the server does not say more.
    """
    if len(request.recent) < 2:  # noqa: PLR2004 - a rate needs two points
        return math.nan
    end = request.recent[-1][0]
    start = request.recent[0][0]
    tokens = 0
    for t, count in reversed(request.recent):
        if end - t > window_ns:
            start = t
            break
        tokens += count
    else:
        tokens -= request.recent[0][1]
    return tokens * 1e9 / (end - start) if end > start else math.nan


@_folds(ev.RequestFinished)
def _request_finished(state: SessionState, event: ev.RequestFinished) -> Sections:
    request = _request(state, event.request)
    request.job, request.warmup, request.status = event.job, event.warmup, event.status
    request.finish_reason, request.usage, request.figures = event.finish_reason, event.usage, event.figures
    request.problem, request.finished_ns = event.problem, event.t
    if event.figures.itl_p99_ns is not None and not event.warmup:
        state.request_series.setdefault("itl_p99", Series()).append(event.t, event.figures.itl_p99_ns)
    state.use.end(request.id, event.t, event.figures.tokens)
    # What only served the live view would pile up with thousands of requests.
    request.recent.clear()
    request.gaps_us.clear()
    _job(state, event.job).changes += 1
    if request.id in state.active_requests:
        state.active_requests.remove(request.id)
    if not state.active_requests:
        state.token_rate.append(event.t, math.nan)
        state.recent_tokens.clear()
        state.recent_sum = 0
    return "stream", "results", "queue"


@_folds(ev.AnswerScored)
def _answer_scored(state: SessionState, event: ev.AnswerScored) -> Sections:
    job = _job(state, event.job)
    job.scores.append(event)
    job.changes += 1
    return ("results",)


@_folds(ev.StepFinished)
def _step_finished(state: SessionState, event: ev.StepFinished) -> Sections:
    job = _job(state, event.job)
    job.steps.append(event)
    job.changes += 1
    return ("results",)


@_folds(ev.CapacityFound)
def _capacity_found(state: SessionState, event: ev.CapacityFound) -> Sections:
    job = _job(state, event.job)
    job.capacity = event
    job.changes += 1
    return ("results",)


@_folds(ev.IntervalRecorded)
def _interval_recorded(state: SessionState, event: ev.IntervalRecorded) -> Sections:
    _job(state, event.job).intervals.append(event)
    return ("results",)


@_folds(ev.ContextTried)
def _context_tried(state: SessionState, event: ev.ContextTried) -> Sections:
    job = _job(state, event.job)
    job.contexts.append(event)
    job.changes += 1
    return ("results",)


@_folds(ev.VerdictReached)
def _verdict_reached(state: SessionState, event: ev.VerdictReached) -> Sections:
    job = _job(state, event.job)
    job.verdict = event
    job.changes += 1
    return ("results",)


@_folds(ev.SampleTaken)
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
    known = _settle(state, state.use.take(event.t, event.values, event.missing))
    if state.use.slowed is not None:
        state.request_series.setdefault("slowed_by_heat", Series()).append(*state.use.slowed)
        note_heat(state.heat_spans, state.now_ns, slowed=bool(state.use.slowed[1]))
        state.use.slowed = None
    return ("hardware", "results") if known else ("hardware",)


def _settle(state: SessionState, used: Iterable[tuple[str, RequestUse]]) -> bool:
    """Give requests what the samples said of them; return whether there were any."""
    known = False
    for name, use in used:
        request = _request(state, name)
        request.use, known = use, True
        _job(state, request.job).changes += 1
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


@_folds(ev.SelfMeasured)
def _self_measured(state: SessionState, event: ev.SelfMeasured) -> Sections:
    state.own_use = event
    return ("self",)


@_folds(ev.ViewerMeasured)
def _viewer_measured(state: SessionState, event: ev.ViewerMeasured) -> Sections:
    state.viewers[event.pid] = event
    return ("self",)


@_folds(ev.SamplerStarted)
def _sampler_started(state: SessionState, _event: ev.SamplerStarted) -> Sections:
    state.sampler_lost = None
    return ("hardware",)


@_folds(ev.SamplerLost)
def _sampler_lost(state: SessionState, event: ev.SamplerLost) -> Sections:
    state.sampler_lost = event.reason
    for series in state.readings.values():
        series.append(event.t, math.nan)
    return ("hardware",)


@_folds(ev.AlertRaised)
def _alert_raised(state: SessionState, event: ev.AlertRaised) -> Sections:
    state.alerts.append(event)
    if event.code == ev.CLIENT_BOUND and event.job in state.jobs:
        state.jobs[event.job].client_bound = event.text
        state.jobs[event.job].changes += 1
        return "alerts", "results"
    return ("alerts",)


@_folds(ev.MarkerPlaced)
def _marker_placed(state: SessionState, event: ev.MarkerPlaced) -> Sections:
    state.markers.append(event)
    return "alerts", "hardware"


@_folds(ev.QueuePaused)
def _queue_paused(state: SessionState, _event: ev.QueuePaused) -> Sections:
    state.paused = True
    return ("queue",)


@_folds(ev.QueueResumed)
def _queue_resumed(state: SessionState, _event: ev.QueueResumed) -> Sections:
    state.paused = False
    return ("queue",)
