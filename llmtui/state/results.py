"""One row of results per job, folded from its measured requests; warm-up requests stay out."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from llmtui.events import Figures, JobState, OfferedLoad, StepFinished, TokenBasis, VerdictReached
from llmtui.metrics.statistics import Summary, carries, median, summarize
from llmtui.state.session import Job, Request, SessionState

BASES: tuple[TokenBasis, ...] = ("server", "tokenizer", "chunks", "estimated")
"""Best first; a row shows the worst basis among its requests."""

SPREADS = ("ttft_ns", "ttft_answer_ns", "e2e_ns", "decode_rate", "prefill_rate", "itl_p50_ns", "itl_p99_ns", "tpot_ns")
"""The figures of which a row knows the whole spread over its requests."""


class StepResult(msgspec.Struct, frozen=True):
    """One level of a load. Latencies (ns) count from the moment at which a request was due; `itl` is the mean of each.

    `finished` has the rates: tokens/s of all streams together, answers/s, and those of them that kept the SLO.
    """

    finished: StepFinished
    ttft: Summary
    itl: Summary
    e2e: Summary
    decode_rate: Summary


class JobResult(msgspec.Struct, frozen=True):
    """A job's row. Latencies in ns, rates in tokens/s, memory in bytes; medians over `requests` finished requests.

    Of a job under load only the requests in the windows of its `steps` are in the figures, and TTFT and E2E count from
    when a request was due. `token_rate` is over all streams of the last step together. `heat` counts the requests by
    their tag, and `clean_*` are the medians of the clean ones alone. `missing` says for each absent
    figure why; `notes` holds what a reader should know of the others.
    """

    job: str
    status: JobState
    model: str
    quantization: str | None
    target: str
    workload: str
    iteration: int
    variant: str | None
    point: dict[str, Any]
    load: OfferedLoad | None
    requests: int
    failed: int
    ttft_ns: float | None
    ttft_answer_ns: float | None
    prefill_rate: float | None
    decode_rate: float | None
    server_decode_rate: float | None
    tpot_ns: float | None
    itl_p50_ns: float | None
    itl_p99_ns: float | None
    itl_p99_carried: bool
    e2e_ns: float | None
    token_rate: float | None
    tokens: int | None
    tokens_basis: TokenBasis | None
    load_ns: int | None
    peak_memory: float | None
    peak_memory_of: str | None
    reason: str | None
    client_bound: str | None
    capacity: str | None
    heat: dict[str, int]
    clean_rate: float | None
    clean_ttft_ns: float | None
    joules_per_token: float | None
    energy_source: str | None
    passed: bool | None
    verdict: VerdictReached | None
    steps: tuple[StepResult, ...]
    spreads: dict[str, Summary]
    missing: dict[str, str]
    notes: tuple[str, ...]


def job_results(state: SessionState) -> list[JobResult]:
    """Return the rows of all jobs that started, in the order of the queue."""
    return [job_result(state, job) for job in state.jobs.values() if job.started_ns is not None or job.reason]


def job_result(state: SessionState, job: Job) -> JobResult:
    """Return the row of one job; it is made anew only when an event has changed it."""
    if job.row is None or job.row[0] != job.changes:
        job.row = job.changes, _make_row(state, job)
    row: JobResult = job.row[1]
    return row


def _make_row(state: SessionState, job: Job) -> JobResult:
    requests = [state.requests[name] for name in job.requests if name in state.requests]
    measured = _measured(job, requests)
    done = [request for request in measured if request.status == "done" and request.figures is not None]
    figures = [_due_figures(request) for request in done]
    spreads = {name: summarize(getattr(figure, name) for figure in figures) for name in SPREADS}
    plan = job.plan
    uses = [request.use for request in done if request.use is not None]
    heat: dict[str, int] = dict(Counter(str(use.heat.tag) for use in uses))
    clean = [_due_figures(request) for request in done if request.use is not None and request.use.heat.tag == "clean"]
    peak, peak_of = _peak_memory(job)
    missing = _missing(measured, figures)
    if peak is None:
        missing["peak_memory"] = "no memory reading fell into this job"
    if uses and all(use.joules_per_token is None for use in uses):
        missing["joules_per_token"] = uses[-1].joules_missing or "unknown"
    tokens = [figure.tokens for figure in figures if figure.tokens is not None]
    steps = tuple(_step_result(step, measured) for step in job.steps)
    notes = [*(note for step in job.steps for note in step.notes), *(note for f in figures for note in f.notes)]
    return JobResult(
        job=job.id,
        status=job.status,
        model=plan.model if plan else "",
        quantization=plan.quantization if plan else None,
        target=plan.target if plan else "",
        workload=plan.workload if plan else "",
        iteration=plan.iteration if plan else 0,
        variant=plan.variant if plan else None,
        point=plan.point if plan else {},
        load=plan.load if plan else None,
        requests=len(done),
        failed=sum(request.status == "failed" for request in measured),
        ttft_ns=spreads["ttft_ns"].median,
        ttft_answer_ns=spreads["ttft_answer_ns"].median,
        prefill_rate=spreads["prefill_rate"].median,
        decode_rate=spreads["decode_rate"].median,
        server_decode_rate=median([f.server_decode_rate for f in figures if f.server_decode_rate is not None]),
        tpot_ns=spreads["tpot_ns"].median,
        itl_p50_ns=spreads["itl_p50_ns"].median,
        itl_p99_ns=spreads["itl_p99_ns"].median,
        itl_p99_carried=all(carries(figure.itl_count, 99) for figure in figures),
        e2e_ns=spreads["e2e_ns"].median,
        token_rate=steps[-1].finished.token_rate if steps else None,
        tokens=sum(tokens) if tokens else None,
        tokens_basis=_worst_basis(figures),
        load_ns=job.load_ns,
        peak_memory=peak,
        peak_memory_of=peak_of,
        reason=job.reason,
        client_bound=job.client_bound,
        capacity=job.capacity.sentence if job.capacity else None,
        heat=heat,
        clean_rate=median([f.decode_rate for f in clean if f.decode_rate is not None]),
        clean_ttft_ns=median([f.ttft_ns for f in clean if f.ttft_ns is not None]),
        joules_per_token=median([use.joules_per_token for use in uses if use.joules_per_token is not None]),
        energy_source=next((use.energy.source for use in uses if use.energy.source), None),
        passed=job.passed,
        verdict=job.verdict,
        steps=steps,
        spreads=spreads,
        missing=missing,
        notes=tuple(dict.fromkeys(notes)),
    )


def _measured(job: Job, requests: Sequence[Request]) -> list[Request]:
    """Return the requests that count: of a load those that were due in a window, as long as there is one."""
    windows = {step.step: (step.window_start, step.window_end) for step in job.steps}
    if not windows:
        return [request for request in requests if not request.warmup]
    return [
        request
        for request in requests
        if not request.warmup and request.step in windows
        if windows[request.step][0] <= request.started_ns <= windows[request.step][1]
    ]


def _due_figures(request: Request) -> Figures:
    """Return the figures with TTFT and E2E counted from when the request was due, which only a load makes matter."""
    figures = request.figures or Figures()
    if not request.step or request.sent_ns is None:
        return figures
    delay = max(0, request.sent_ns - request.started_ns)
    return msgspec.structs.replace(
        figures,
        ttft_ns=None if figures.ttft_ns is None else figures.ttft_ns + delay,
        ttft_answer_ns=None if figures.ttft_answer_ns is None else figures.ttft_answer_ns + delay,
        e2e_ns=None if figures.e2e_ns is None else figures.e2e_ns + delay,
    )


def _step_result(step: StepFinished, measured: Sequence[Request]) -> StepResult:
    own = [request for request in measured if request.step == step.step and request.status == "done"]
    figures = [_due_figures(request) for request in own if request.figures is not None]
    return StepResult(
        finished=step,
        ttft=summarize(figure.ttft_ns for figure in figures),
        itl=summarize(figure.tpot_ns for figure in figures),
        e2e=summarize(figure.e2e_ns for figure in figures),
        decode_rate=summarize(figure.decode_rate for figure in figures),
    )


def _worst_basis(figures: Sequence[Figures]) -> TokenBasis | None:
    bases = [figure.tokens_basis for figure in figures if figure.tokens_basis is not None]
    return max(bases, key=BASES.index, default=None)


def _missing(measured: Sequence[Request], figures: Sequence[Figures]) -> dict[str, str]:
    """Return the first reason given for each figure that no request has."""
    missing: dict[str, str] = {}
    for figure in figures:
        for name, reason in figure.missing.items():
            missing.setdefault(name, reason)
    present = {name for figure in figures for name in figure.__struct_fields__ if getattr(figure, name) is not None}
    missing = {name: reason for name, reason in missing.items() if name not in present}
    if not figures:
        missing["requests"] = "no request finished" if measured else "no measured request began"
    return missing


def _peak_memory(job: Job) -> tuple[float | None, str | None]:
    """Return the largest memory of the server (private plus weights), else of the machine, and which one it is."""
    server = job.peaks.get("server.memory")
    if server is not None:
        return server, "server"
    used = job.peaks.get("ram.used")
    return (used, "machine") if used is not None else (None, None)
