"""The results pane: one row for each job that started, and the whole story of one of them."""

from collections.abc import Iterator

from llmtui import wording
from llmtui.state.results import JobResult, job_result
from llmtui.state.session import SessionState
from llmtui.tui.glyphs import Glyphs
from llmtui.tui.projections.queue import TONES
from llmtui.tui.widgets.rows import Column, Row

COLUMNS = (
    Column("job"),
    Column("workload"),
    Column("TTFT", number=True),
    Column("prefill", number=True),
    Column("decode", number=True),
    Column("ITL p99", number=True),
    Column("tokens", number=True),
    Column("memory", number=True),
    Column("status"),
    Column("model"),
    Column("quant"),
)


def result_rows(state: SessionState, glyphs: Glyphs) -> list[Row]:
    """Return a row for each job that started, in the order of the queue."""
    jobs = [job for job in state.jobs.values() if job.started_ns is not None or job.reason is not None]
    return [_row(job_result(state, job), glyphs) for job in jobs]


def _row(result: JobResult, glyphs: Glyphs) -> Row:
    glyph = glyphs.skipped if result.status == "cancelled" else getattr(glyphs, result.status)
    itl = wording.duration(result.itl_p99_ns)
    cells = (
        result.job,
        f"{result.workload} #{result.iteration}",
        wording.duration(result.ttft_ns),
        wording.rate(result.prefill_rate),
        wording.rate(result.decode_rate),
        itl if result.itl_p99_carried or result.itl_p99_ns is None else f"{itl}*",
        wording.NOTHING if result.tokens is None else f"{result.tokens} {result.tokens_basis}",
        wording.size(result.peak_memory),
        f"{glyph} {result.status}",
        result.model,
        result.quantization or wording.NOTHING,
    )
    return Row(result.job, tuple(wording.visible(cell) for cell in cells), TONES[result.status])


def result_details(state: SessionState, name: str) -> list[str]:
    """Return all that is known of one job, a line each: figures with their sources, reasons for what is missing."""
    job = state.jobs.get(name)
    if job is None:
        return [f"there is no job {name}"]
    result = job_result(state, job)
    lines = [f"{name}  {result.workload} #{result.iteration}  {result.status}"]
    if result.reason:
        lines.append(result.reason)
    lines += ["", *_figures(result), ""]
    if result.missing:
        lines += ["missing:", *(f"  {name}: {reason}" for name, reason in result.missing.items()), ""]
    if result.notes:
        lines += ["notes:", *(f"  {note}" for note in result.notes), ""]
    if job.plan is not None:
        lines += ["parameters:", *(f"  {key}: {value}" for key, value in job.plan.parameters.items())]
    return [wording.visible(line) for line in lines]


def _figures(result: JobResult) -> Iterator[str]:
    yield f"model       {result.model}  {result.quantization or 'quantisation unknown'}  on {result.target}"
    yield f"requests    {result.requests} measured, {result.failed} failed (figures are medians over the measured ones)"
    yield f"TTFT        {wording.duration(result.ttft_ns)}  (answer: {wording.duration(result.ttft_answer_ns)})"
    yield f"prefill     {wording.rate(result.prefill_rate)} tok/s  (the server's clock, cached tokens left out)"
    yield f"decode      {wording.rate(result.decode_rate)} tok/s  (server: {wording.rate(result.server_decode_rate)})"
    yield f"TPOT        {wording.duration(result.tpot_ns)}"
    thin = "" if result.itl_p99_carried else "  * fewer than 100 gaps in one request"
    yield f"ITL         p50 {wording.duration(result.itl_p50_ns)}, p99 {wording.duration(result.itl_p99_ns)}{thin}"
    yield f"E2E         {wording.duration(result.e2e_ns)}"
    count = wording.NOTHING if result.tokens is None else str(result.tokens)
    yield f"tokens      {count} (counted by: {result.tokens_basis})"
    yield f"load        {wording.duration(result.load_ns)}"
    of = f"of the {result.peak_memory_of}" if result.peak_memory_of else ""
    yield f"peak memory {wording.size(result.peak_memory)} {of}"
