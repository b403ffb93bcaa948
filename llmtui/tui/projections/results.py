"""The results pane: one row for each job that started, and the whole story of one of them."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from llmtui import wording
from llmtui.state.origins import origin_text
from llmtui.state.points import value_text
from llmtui.state.result_columns import ResultColumn, cells, columns_for, verdict_lines
from llmtui.state.results import JobResult, job_result, job_results
from llmtui.state.session import SessionState
from llmtui.summaries.registry import job_summary_lines, rating_lines, session_advice
from llmtui.summaries.summary import summary_text
from llmtui.tui.glyphs import Glyphs
from llmtui.tui.projections.load import load_lines
from llmtui.tui.projections.queue import TONES
from llmtui.tui.widgets.rows import Column, Row

COLUMNS = tuple(Column(column.title, column.number) for column in columns_for(()))
"""The columns while no job has started."""


_SHORT = frozenset({"ttft", "itl", "tpot", "e2e"})
_IN_WORDS = {"connect_ns": "time to connect", "joules_per_token": "energy a token", "load_ns": "load time"}


def figure_name(field: str) -> str:
    """Return how people call the figure that a log has as `field`: `itl_p99_ns` is "ITL p99"."""
    words = field.removesuffix("_ns").split("_")
    return _IN_WORDS.get(field) or " ".join(word.upper() if word in _SHORT else word for word in words)


class ResultsView(NamedTuple):
    """The table: its columns, and a row for each job that started."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def results_view(state: SessionState, glyphs: Glyphs) -> ResultsView:
    """Return the rows in the order of the queue, under the columns that they need."""
    results = job_results(state)
    columns = columns_for(results)
    return ResultsView(
        tuple(Column(column.title, column.number) for column in columns),
        tuple(_row(result, columns, glyphs) for result in results),
    )


def _row(result: JobResult, columns: list[ResultColumn], glyphs: Glyphs) -> Row:
    glyph = glyphs.skipped if result.status == "cancelled" else getattr(glyphs, result.status)
    texts = (
        f"{glyph} {text}" if column.title == "status" else text
        for column, text in zip(columns, cells(result, columns), strict=True)
    )
    return Row(result.job, tuple(texts), "warn" if result.client_bound else TONES[result.status])


def result_details(state: SessionState, name: str, glyphs: Glyphs) -> list[str]:
    """Return all that is known of one job, a line each: figures with their sources, reasons for what is missing."""
    job = state.jobs.get(name)
    if job is None:
        return [f"there is no job {name}"]
    result = job_result(state, job)
    lines = [f"{name}  {result.workload} #{result.iteration}  {result.status}"]
    origin = "" if job.plan is None else origin_text(state.header, job.plan)
    lines += [text for text in (origin, result.reason) if text]
    lines += [sentence for sentence in (result.client_bound, result.capacity) if sentence is not None]
    lines += ["", *verdict_lines(result)] if result.verdict else []
    lines += ["", *_figures(result), ""]
    summary = job_summary_lines(state, job, whole=True)
    lines += [*summary, ""] if summary else []
    rating = rating_lines(state, job)
    lines += [*rating, ""] if rating else []
    lines += [*load_lines(state, result, glyphs), ""] if result.steps else []
    if result.missing:
        lines += ["missing:", *(f"  {figure_name(name)}: {reason}" for name, reason in result.missing.items()), ""]
    if result.notes:
        lines += ["notes:", *(f"  {note}" for note in result.notes), ""]
    if job.plan is not None:
        lines += ["parameters:", *_parameters(job.plan.parameters)]
    advice = session_advice(state) if rating else None
    lines += ["", "all jobs of this session:", *summary_text(advice)] if advice else []
    return [wording.visible(line) for line in lines]


def _parameters(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Yield each parameter as it would stand in a suite; those of several values have a line for each."""
    for key, value in parameters.items():
        if isinstance(value, list | tuple) and any(isinstance(one, str) and " " in one for one in value):
            yield f"  {key}:"
            yield from (f"    {number}. {value_text(one)}" for number, one in enumerate(value, start=1))
        else:
            yield f"  {key}: {wording.NOTHING if value is None else value_text(value)}"


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
    if result.joules_per_token is not None:
        yield f"energy      {wording.number(result.joules_per_token)} J a token ({result.energy_source})"
    if result.heat.keys() - {"unknown"}:
        counts = ", ".join(f"{count} {tag}" for tag, count in result.heat.items())
        clean = f"TTFT {wording.duration(result.clean_ttft_ns)}, decode {wording.rate(result.clean_rate)} tok/s"
        yield f"heat        {counts} requests; the clean ones alone: {clean}"
    of = f"of the {result.peak_memory_of}" if result.peak_memory_of else ""
    yield f"peak memory {wording.size(result.peak_memory)} {of}"
