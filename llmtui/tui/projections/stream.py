"""The stream pane: the text that is new since the last look, and the figures of the request that streams."""

from typing import NamedTuple

from llmtui import wording
from llmtui.metrics.statistics import median
from llmtui.state.live_rate import live_rate
from llmtui.state.session import Request, SessionState

TOLD_AGAIN = 2000
"""Pieces of text that are shown anew after a jump."""

PROMPT_SHOWN = 200
"""Characters of a prompt that stand above its answer."""


class Cursor(NamedTuple):
    """How far the text was shown: which request is followed, how many of its pieces, and how many requests were seen.

    With several streams at once only one is followed, or none of them could be read.
    """

    followed: str | None = None
    pieces: int = 0
    seen: int = 0


def new_text(state: SessionState, cursor: Cursor) -> tuple[list[tuple[str, str]], Cursor]:
    """Return the pieces (kind, text) that came since `cursor`, and the cursor after them.

    Requests that came one after another are all told; of those that ran beside the followed one only the next that
    began after its end is.
    """
    names = list(state.requests)
    told: list[tuple[str, str]] = []
    while True:
        if cursor.followed is None:
            if cursor.seen >= len(names):
                return told, cursor
            cursor = Cursor(names[cursor.seen], 0, cursor.seen + 1)
            told.append(("heading", f"{_heading(state, state.requests[names[cursor.seen - 1]])}\n"))
        request = state.requests[cursor.followed or ""]
        told += request.pieces[cursor.pieces :]
        cursor = cursor._replace(pieces=len(request.pieces))
        if request.status == "running":
            return told, cursor
        told.append(("heading", f"\n{_ending(request)}\n"))
        cursor = Cursor(None, 0, _after(state, names, request, cursor.seen))


def late_cursor(state: SessionState, most: int = TOLD_AGAIN) -> Cursor:
    """Return a cursor from which at most about `most` pieces are told: after a jump nobody reads the whole hour."""
    names, pieces = list(state.requests), 0
    for place in range(len(names) - 1, -1, -1):
        held = len(state.requests[names[place]].pieces)
        if pieces + held > most:
            return Cursor(names[place], held - (most - pieces), place + 1)
        pieces += held
    return Cursor()


def _after(state: SessionState, names: list[str], ended: Request, seen: int) -> int:
    """Return the place of the first request that began when `ended` was over; else of the newest that still runs."""
    end = ended.finished_ns or 0
    for place in range(seen, len(names)):
        if state.requests[names[place]].started_ns >= end:
            return place
    running = [place for place in range(seen, len(names)) if state.requests[names[place]].status == "running"]
    return running[-1] if running else len(names)


def _heading(state: SessionState, request: Request) -> str:
    job = state.jobs.get(request.job)
    name = f"{job.plan.workload} #{job.plan.iteration}" if job and job.plan else request.job
    prompt = request.messages[-1][1] if request.messages else ""
    what = "warm-up" if request.warmup else request.id
    shown = wording.visible(prompt)
    return f"{what} {name}: {shown if len(shown) <= PROMPT_SHOWN else f'{shown[:PROMPT_SHOWN]} ...'}"


def _ending(request: Request) -> str:
    if request.problem is not None:
        return f"{request.status}: {wording.visible(request.problem)}"
    figures = request.figures
    if figures is None:
        return request.status
    tokens = wording.NOTHING if figures.tokens is None else figures.tokens
    return f"{tokens} tokens, {wording.rate(figures.decode_rate)} tok/s"


def stream_line(state: SessionState) -> str:
    """Return the figures of the request that streams, or of the last one. `~` marks an estimate while it runs."""
    name = state.active_requests[-1] if state.active_requests else state.last_request
    if name is None:
        return "no request yet"
    request = state.requests[name]
    if len(state.active_requests) > 1:
        return _streams_line(state)
    parts = [name, f"TTFT {wording.duration(request.ttft_ns)}"]
    if request.ttft_answer_ns is not None and request.ttft_answer_ns != request.ttft_ns:
        parts.append(f"answer {wording.duration(request.ttft_answer_ns)}")
    if request.status == "running":
        gap = median(request.gaps_us)
        parts.append(f"{_about(wording.rate(live_rate(request)))} tok/s")
        parts.append(f"ITL {_about(wording.duration(None if gap is None else gap * 1000))}")
        parts.append(f"{request.tokens_stated or request.chunks} tokens")
    elif request.figures is not None:
        figures = request.figures
        parts.append(f"{wording.rate(figures.decode_rate)} tok/s")
        parts.append(f"ITL {wording.duration(figures.itl_p50_ns)}")
        tokens = wording.NOTHING if figures.tokens is None else figures.tokens
        parts.append(f"{tokens} tokens ({figures.tokens_basis or 'no count'})")
    return "  ".join(parts)


def _about(figure: str) -> str:
    """Mark an estimate; what is unknown is no estimate."""
    return figure if figure == wording.NOTHING else f"~{figure}"


def _streams_line(state: SessionState) -> str:
    """Return the figures of several streams together."""
    running = [state.requests[name] for name in state.active_requests]
    parts = [f"{len(running)} streams", f"{_about(wording.rate(state.token_rate.last()))} tok/s in all"]
    ttft = median([request.ttft_ns for request in running if request.ttft_ns is not None])
    parts.append(f"TTFT {_about(wording.duration(ttft))}")
    waiting = sum(request.ttft_ns is None for request in running)
    if waiting:
        parts.append(f"{waiting} without a token yet")
    return "  ".join(parts)
