"""Folds of requests and their tokens."""

import math
from itertools import pairwise

from llmtui import events as ev
from llmtui.state.folds.folding import NOTHING, Sections, folds, job_of, request_of
from llmtui.state.live_rate import LEAST_SPAN_NS, RATE_WINDOW_NS
from llmtui.state.series import Series
from llmtui.state.session import KEPT_TEXT, Request, SessionState


@folds(ev.RequestStarted)
def _request_started(state: SessionState, event: ev.RequestStarted) -> Sections:
    request = state.requests.setdefault(event.request, Request(event.request, event.job))
    request.job, request.model, request.warmup = event.job, event.model, event.warmup
    request.target = event.target
    request.messages, request.started_ns, request.step = event.messages, event.t, event.step
    request.task, request.category = event.task, event.category
    job_of(state, event.job).requests.append(request.id)
    if request.status == "running" and request.id not in state.active_requests:
        state.active_requests.append(request.id)
    state.last_request = request.id
    state.kept_texts.append(request.id)
    return "stream", "queue"


@folds(ev.RequestSent)
def _request_sent(state: SessionState, event: ev.RequestSent) -> Sections:
    request = request_of(state, event.request)
    request.sent_ns = event.t
    job = state.jobs.get(request.job)
    if job is not None and job.asked is None and not request.warmup:
        job.asked = event
    if request.status == "running":
        state.use.begin(request.id, event.t)
    return ("stream",)


@folds(ev.TokensReceived)
def _tokens_received(state: SessionState, event: ev.TokensReceived) -> Sections:
    request = request_of(state, event.request)
    if not event.offsets_us:
        return NOTHING
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


@folds(ev.RequestFinished)
def _request_finished(state: SessionState, event: ev.RequestFinished) -> Sections:
    request = request_of(state, event.request)
    request.job, request.warmup, request.status = event.job, event.warmup, event.status
    request.finish_reason, request.usage, request.figures = event.finish_reason, event.usage, event.figures
    request.problem, request.finished_ns = event.problem, event.t
    if event.figures.itl_p99_ns is not None and not event.warmup:
        state.request_series.setdefault("itl_p99", Series()).append(event.t, event.figures.itl_p99_ns)
    state.use.end(request.id, event.t, event.figures.tokens)
    # What only served the live view would pile up with thousands of requests.
    request.recent.clear()
    request.gaps_us.clear()
    job_of(state, event.job).changes += 1
    if request.id in state.active_requests:
        state.active_requests.remove(request.id)
    if not state.active_requests:
        state.token_rate.append(event.t, math.nan)
        state.recent_tokens.clear()
        state.recent_sum = 0
    return "stream", "results", "queue"
