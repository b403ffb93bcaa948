"""Folds of requests and their tokens."""

import math
from array import array
from collections.abc import Sequence
from itertools import accumulate, chain, groupby, islice
from operator import attrgetter, sub

from llmtui import events as ev
from llmtui.state.folds.folding import NOTHING, Sections, folds, job_of, request_of
from llmtui.state.live_rate import LEAST_SPAN_NS, RATE_WINDOW_NS
from llmtui.state.series import Series
from llmtui.state.session import KEPT_TEXT, Request, SessionState

_request_name = attrgetter("request")


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
    return fold_tokens(state, (event,))


_Batches = Sequence[tuple[Request, Sequence[ev.TokensReceived]]]
"""Batches with tokens in their order; those of one request that follow each other stand together."""


def fold_tokens(state: SessionState, events: Sequence[ev.TokensReceived]) -> Sections:
    """Fold batches of any requests that follow each other; the outcome is that of folding them one by one."""
    found = []
    for name, group in groupby(events, _request_name):
        request = request_of(state, name)
        batches = [event for event in group if event.offsets_us]
        if batches:
            found.append((request, batches))
            _take_offsets(request, batches)
            _keep_texts(state, request, [(event.kind, "".join(event.texts)) for event in batches])
    if not found:
        return NOTHING
    _take_rates(state, found)
    return ("stream",)


def _take_offsets(request: Request, batches: Sequence[ev.TokensReceived]) -> None:
    """Note when the tokens of batches came."""
    first = batches[0]
    offsets = first.offsets_us if len(batches) == 1 else [*chain.from_iterable([event.offsets_us for event in batches])]
    if request.ttft_ns is None:
        request.ttft_ns = offsets[0] * 1000
    if request.ttft_answer_ns is None:
        first_us = next((event.offsets_us[0] for event in batches if event.kind == "answer"), None)
        request.ttft_answer_ns = None if first_us is None else first_us * 1000
    if request.last_offset_us is not None:
        request.gaps_us.append(offsets[0] - request.last_offset_us)
    if len(offsets) > 1:
        request.gaps_us.extend(map(sub, islice(offsets, 1, None), offsets))
    request.chunks += len(offsets)
    request.last_offset_us = offsets[-1]
    request.last_ns = batches[-1].t


def _take_rates(state: SessionState, found: _Batches) -> None:
    """Note the tokens of each batch, and with each the rate over the last two seconds, all streams together."""
    recent, total = state.recent_tokens, state.recent_sum
    times, rates = [], []
    for request, batches in found:
        for event in batches:
            t = event.t
            tokens = len(event.offsets_us)
            if event.tokens:
                tokens = max(0, event.tokens[-1] - (request.tokens_stated or 0))
                request.tokens_stated = event.tokens[-1]
            count = (t, tokens)
            request.recent.append(count)
            total += tokens
            while len(recent) > 1 and t - recent[0][0] > RATE_WINDOW_NS:
                total -= recent.popleft()[1]
            recent.append(count)
            first_t, first_tokens = recent[0]
            span = t - first_t
            times.append(t)
            # The tokens of the first batch came in the time before it.
            rates.append((total - first_tokens) * 1e9 / span if span >= LEAST_SPAN_NS else math.nan)
    state.recent_sum = total
    state.token_rate.extend(array("q", accumulate(times, max)), array("d", rates))


def _keep_texts(state: SessionState, request: Request, pieces: Sequence[tuple[ev.TextKind, str]]) -> None:
    characters = sum([len(text) for _, text in pieces])
    if len(pieces) > 1 and state.kept_characters + characters > KEPT_TEXT:
        # The text of this very request may be the oldest, and be dropped between two of its pieces.
        for piece in pieces:
            _keep_texts(state, request, (piece,))
        return
    request.pieces.extend(pieces)
    request.characters += characters
    state.kept_characters += characters
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
