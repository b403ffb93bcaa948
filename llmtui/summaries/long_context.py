"""What a run over growing contexts says: a row for each size that was measured, and why the others were not."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from llmtui import wording
from llmtui.events import ContextTried, Figures
from llmtui.state.request_use import RequestUse
from llmtui.state.session import Job, Request, SessionState
from llmtui.summaries.summary import Summary, Table

BAR = 30
"""Characters of the longest bar of a chart."""

_GPU = re.compile(r"gpu\.\d+\.memory\.used")


class ContextRow(NamedTuple):
    """A context that was measured: times in ns, rates in tokens/s, memory in bytes; None where it is not known.

    `load_ns` is the loading of the model with such a window, None where the server has one window for all sizes;
    `decode_rate` is that of the first answer, else of the second. `found` are the facts that were found, of `asked`.
    """

    size: int
    prompt_tokens: int | None
    load_ns: int | None
    ttft_ns: int | None
    prefill_rate: float | None
    follow_up_ns: int | None
    cached_tokens: int | None
    decode_rate: float | None
    server_memory: float | None
    gpu_memory: float | None
    swapped_in: float | None
    ran_out: str | None
    found: int
    asked: int

    @property
    def loading_ns(self) -> int | None:
        """Loading and reading together: the time until the context can be used."""
        return None if self.ttft_ns is None else self.ttft_ns + (self.load_ns or 0)


def context_rows(state: SessionState, job: Job) -> list[ContextRow]:
    """Return the contexts that a job measured, the smallest first."""
    return [_row(state, job, tried) for tried in job.contexts if tried.outcome == "measured"]


def usable_contexts(state: SessionState, job: Job) -> list[ContextRow]:
    """Return the contexts that were loaded in time and fitted into the memory."""
    most_s = job.plan.parameters.get("max_load_s") if job.plan else None
    limit_ns = most_s * 1e9 if isinstance(most_s, int | float) else None
    return [
        row
        for row in context_rows(state, job)
        if row.loading_ns is not None and (limit_ns is None or row.loading_ns <= limit_ns) and row.ran_out is None
    ]


def summarize_job(state: SessionState, job: Job) -> Summary | None:
    """Return the table by size, what was not measured and why, and in the details two charts; None before the first."""
    if not job.contexts:
        return None
    rows = context_rows(state, job)
    lines = [_headline(state, job, rows)]
    lines += [f"  {line}" for line in _left_out(job.contexts)]
    lines += [f"  {line}" for line in _notes(job.contexts, rows)]
    charts = (
        *_chart("first token by context", [(row.size, row.ttft_ns, wording.duration(row.ttft_ns)) for row in rows]),
        *_chart("decode, tokens/s", [(row.size, row.decode_rate, wording.rate(row.decode_rate)) for row in rows]),
    )
    answers = tuple(f"  {each.task} tokens, {each.category}: {each.detail}" for each in job.scores)
    return Summary(
        tuple(lines), (_table(rows),) if rows else (), (*charts, *(("answers:",) if answers else ()), *answers)
    )


def _row(state: SessionState, job: Job, tried: ContextTried) -> ContextRow:
    asked = [state.requests.get(name) for name in tried.requests]
    first, second = [*asked, None, None][:2]
    figures, later = (_figures(request) for request in (first, second))
    uses = [request.use for request in (first, second) if request is not None and request.use is not None]
    scores = [score for score in job.scores if score.request in tried.requests]
    return ContextRow(
        size=tried.size,
        prompt_tokens=figures.prompt_tokens,
        load_ns=tried.load_ns,
        ttft_ns=figures.ttft_ns,
        prefill_rate=figures.prefill_rate,
        follow_up_ns=later.ttft_ns,
        cached_tokens=second.usage.cached_tokens if second is not None and second.usage is not None else None,
        decode_rate=later.decode_rate if figures.decode_rate is None else figures.decode_rate,
        server_memory=_peak(uses, ("server.memory.private", "server.memory.file")),
        gpu_memory=_gpu_memory(uses),
        swapped_in=tried.swapped_in,
        ran_out=tried.ran_out,
        found=sum(score.passed for score in scores),
        asked=len(scores),
    )


def _figures(request: Request | None) -> Figures:
    return (request.figures if request is not None else None) or Figures()


def _peak(uses: Iterable[RequestUse], keys: tuple[str, ...]) -> float | None:
    """Return the greatest sum of the peaks of `keys` over the requests; None where the first of them was not read."""
    sums = []
    for use in uses:
        peaks = [use.figures[key].peak if key in use.figures else None for key in keys]
        if peaks[0] is not None:
            sums.append(sum(peak or 0.0 for peak in peaks))
    return max(sums, default=None)


def _gpu_memory(uses: list[RequestUse]) -> float | None:
    own = _peak(uses, ("server.memory.gpu",))
    if own is not None:
        return own
    keys = tuple(sorted({key for use in uses for key in use.figures if _GPU.fullmatch(key)}))
    return _peak(uses, keys) if keys else None


def _headline(state: SessionState, job: Job, rows: list[ContextRow]) -> str:
    usable = usable_contexts(state, job)
    trained = next((tried.trained for tried in job.contexts if tried.trained is not None), None)
    made_for = f"; the model was trained for {trained}" if trained is not None else ""
    if not rows:
        return f"contexts: none was measured{made_for}"
    if not usable:
        return f"contexts: none of those measured is usable{made_for}"
    return f"contexts: usable up to {usable[-1].size} tokens{made_for}"


def _left_out(contexts: Iterable[ContextTried]) -> Iterator[str]:
    """Yield which sizes were not measured, those with one reason together."""
    groups: dict[tuple[str, str], list[int]] = {}
    for tried in contexts:
        if tried.outcome != "measured":
            groups.setdefault((tried.outcome, tried.reason or "nobody said why"), []).append(tried.size)
    for (outcome, reason), sizes in groups.items():
        yield f"{outcome}: {', '.join(map(str, sizes))}: {reason}"


def _notes(contexts: Iterable[ContextTried], rows: list[ContextRow]) -> Iterator[str]:
    measured = [tried for tried in contexts if tried.outcome == "measured"]
    if not rows:
        return
    yield f"facts found: {sum(row.found for row in rows)} of {sum(row.asked for row in rows)}"
    yield "the row of results has the medians over all these requests; the table tells them apart"
    if any(tried.basis == "estimated" for tried in measured):
        yield "this server counts no tokens for others: the texts' lengths are estimates, `prompt` is its own count"
    else:
        yield "the texts are as long as the server's tokenizer counts, with room left for template and answers"
    for tried in measured:
        yield from (f"{tried.size}: {reason}" for reason in (tried.reason, tried.ran_out) if reason)


HEADINGS = (
    "context", "prompt", "load", "first token", "prefill", "follow-up", "cached", "decode", "server", "GPU",
    "swapped in", "found",
)  # fmt: skip


def _table(rows: list[ContextRow]) -> Table:
    wanted = [
        heading
        for heading in HEADINGS
        if (heading != "load" or any(row.load_ns is not None for row in rows))
        and (heading != "GPU" or any(row.gpu_memory is not None for row in rows))
    ]
    cells = tuple(tuple(_cells(row)[heading] for heading in wanted) for row in rows)
    title = "prefill, decode: tokens/s. follow-up: first token of a second question, the text being in the cache."
    return Table(tuple(wanted), cells, tuple(wanted), title)


def _cells(row: ContextRow) -> dict[str, str]:
    return {
        "context": str(row.size),
        "prompt": _count(row.prompt_tokens),
        "load": wording.duration(row.load_ns),
        "first token": wording.duration(row.ttft_ns),
        "prefill": wording.rate(row.prefill_rate),
        "follow-up": wording.duration(row.follow_up_ns),
        "cached": _count(row.cached_tokens),
        "decode": wording.rate(row.decode_rate),
        "server": wording.size(row.server_memory),
        "GPU": wording.size(row.gpu_memory),
        "swapped in": wording.size(row.swapped_in),
        "found": f"{row.found} of {row.asked}",
    }


def _count(value: int | None) -> str:
    return wording.NOTHING if value is None else str(value)


def _chart(title: str, points: list[tuple[int, float | None, str]]) -> Iterator[str]:
    """Yield a bar for each size, as long as its share of the greatest value; nothing where there is but one."""
    known = [value for _, value, _ in points if value is not None and value > 0]
    if len(known) < 2:  # noqa: PLR2004 - one bar compares with nothing
        return
    yield f"{title}:"
    for size, value, text in points:
        bar = "#" * max(1, round(BAR * value / max(known))) if value else ""
        yield f"  {size:>7}  {bar:<{BAR}}  {text}"
