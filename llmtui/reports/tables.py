"""The results as a table of words, for the terminal without a screen."""

from collections.abc import Sequence

from llmtui import wording
from llmtui.state.result_columns import cells, columns_for, load_text, verdict_lines
from llmtui.state.results import JobResult, StepResult
from llmtui.text_table import Fit, render

MOST_NAMED = 6
"""So many jobs that ended for one reason are named each."""


FIT = Fit(
    spare=("quant", "memory", "J/tok", "heat", "tokens", "prefill", "ITL p99", "variant", "model"),
    whole=("job",),
    wrapped=("workload", "variant", "point", "heat", "status"),
)


def results_text(results: Sequence[JobResult], width: int | None = None) -> list[str]:
    """Return the table of results with the footnotes that it needs, and a table for each load.

    No table is wider than `width`; None is any width.
    """
    if not results:
        return ["no job ran"]
    columns = columns_for(results)
    rows = [cells(result, columns) for result in results]
    numbers = [column.title for column in columns if column.number]
    lines = render([column.title for column in columns], rows, numbers, width=width, fit=FIT)
    lines.append("TTFT and ITL: median over requests. prefill, decode: tokens/s. tokens: count and its basis.")
    if any(not result.itl_p99_carried for result in results):
        lines.append("* rests on fewer than 100 gaps in one request")
    lines += _loads_text(results, width)
    sharing = _sharing(results)
    for result in results:
        lines += [f"{result.job}: {line}" if place == 0 else line for place, line in enumerate(verdict_lines(result))]
        if result.capacity:
            lines.append(f"{result.job}: {wording.visible(result.capacity)}")
        if result.client_bound:
            lines.append(f"{result.job}: {wording.visible(result.client_bound)}")
        if result.reason and result.job in sharing[result.reason][:1]:
            lines.append(f"{_named(sharing[result.reason])}: {wording.visible(result.reason)}")
    return lines


def _sharing(results: Sequence[JobResult]) -> dict[str, list[str]]:
    """Return by each reason the jobs that ended for it."""
    sharing: dict[str, list[str]] = {}
    for result in results:
        if result.reason:
            sharing.setdefault(result.reason, []).append(result.job)
    return sharing


def _named(jobs: Sequence[str]) -> str:
    return ", ".join(jobs) if len(jobs) <= MOST_NAMED else f"{jobs[0]} and {len(jobs) - 1} others up to {jobs[-1]}"


STEP_HEADINGS = (
    *("job", "load", "requests", "failed", "tok/s", "req/s", "good/s", "TTFT p50", "TTFT p99"),
    *("ITL p50", "ITL p99", "E2E p50", "E2E p99", "in flight"),
)
STEP_FIT = Fit(spare=("in flight", "E2E p50", "req/s", "ITL p50", "failed", "requests", "TTFT p50"))


def step_cells(job: str, step: StepResult) -> tuple[str, ...]:
    """Return one text for each of `STEP_HEADINGS`; `*` marks a percentile that too few requests stand behind."""
    finished = step.finished
    spreads = (step.ttft.p50, step.ttft.p99, step.itl.p50, step.itl.p99, step.e2e.p50, step.e2e.p99)
    return (
        job,
        load_text(finished.load),
        str(finished.requests),
        str(finished.failed),
        wording.rate(finished.token_rate),
        wording.number(finished.request_rate),
        wording.number(finished.goodput),
        *(f"{wording.duration(share.value)}{'' if share.carried or share.value is None else '*'}" for share in spreads),
        wording.number(finished.in_flight),
    )


def _loads_text(results: Sequence[JobResult], width: int | None) -> list[str]:
    steps = [step_cells(result.job, step) for result in results for step in result.steps]
    if not steps:
        return []
    notes = [
        f"{result.job} {load_text(step.finished.load)}: {wording.visible(note)}"
        for result in results
        for step in result.steps
        for note in step.finished.notes
    ]
    foot = "Under load TTFT and E2E count from the moment a request was due; ITL is the mean of each request."
    table = render(STEP_HEADINGS, steps, STEP_HEADINGS[1:], width=width, fit=STEP_FIT)
    return ["", *table, foot, *notes]
