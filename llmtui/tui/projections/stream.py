"""The stream pane: the text that is new since the last look, and the figures of the request that streams."""

from typing import NamedTuple

from llmtui import wording
from llmtui.metrics.statistics import median
from llmtui.state.reducer import live_rate
from llmtui.state.session import Request, SessionState


class Cursor(NamedTuple):
    """How far the text was shown: requests begun, and pieces of each that still streams."""

    requests: int = 0
    pieces: tuple[tuple[str, int], ...] = ()


def new_text(state: SessionState, cursor: Cursor) -> tuple[list[tuple[str, str]], Cursor]:
    """Return the pieces (kind, text) that came since `cursor`, and the cursor after them."""
    seen = dict(cursor.pieces)
    names = list(state.requests)
    pieces: list[tuple[str, str]] = []
    for name in [*seen, *names[cursor.requests :]]:
        request = state.requests[name]
        if name not in seen:
            pieces.append(("heading", f"{_heading(state, request)}\n"))
            seen[name] = 0
        pieces += request.pieces[seen[name] :]
        seen[name] = len(request.pieces)
        if request.status != "running":
            pieces.append(("heading", f"\n{_ending(request)}\n"))
            del seen[name]
    return pieces, Cursor(len(names), tuple(seen.items()))


def _heading(state: SessionState, request: Request) -> str:
    job = state.jobs.get(request.job)
    name = f"{job.plan.workload} #{job.plan.iteration}" if job and job.plan else request.job
    prompt = request.messages[-1][1] if request.messages else ""
    what = "warm-up" if request.warmup else request.id
    return f"{what} {name}: {wording.visible(prompt)[:200]}"


def _ending(request: Request) -> str:
    if request.problem is not None:
        return f"{request.status}: {wording.visible(request.problem)}"
    figures = request.figures
    if figures is None:
        return request.status
    return f"{figures.tokens} tokens, {wording.rate(figures.decode_rate)} tok/s"


def stream_line(state: SessionState) -> str:
    """Return the figures of the request that streams, or of the last one. `~` marks an estimate while it runs."""
    name = state.active_requests[-1] if state.active_requests else state.last_request
    if name is None:
        return "no request yet"
    request = state.requests[name]
    parts = [name, f"TTFT {wording.duration(request.ttft_ns)}"]
    if request.ttft_answer_ns is not None and request.ttft_answer_ns != request.ttft_ns:
        parts.append(f"answer {wording.duration(request.ttft_answer_ns)}")
    if request.status == "running":
        parts.append(f"~{wording.rate(live_rate(request))} tok/s")
        gap = median(request.gaps_us)
        parts.append(f"ITL ~{wording.duration(None if gap is None else gap * 1000)}")
        parts.append(f"{request.tokens_stated or request.chunks} tokens")
    elif request.figures is not None:
        figures = request.figures
        parts.append(f"{wording.rate(figures.decode_rate)} tok/s")
        parts.append(f"ITL {wording.duration(figures.itl_p50_ns)}")
        parts.append(f"{wording.NOTHING if figures.tokens is None else figures.tokens} tokens ({figures.tokens_basis})")
    return "  ".join(parts)
