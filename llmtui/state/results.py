"""One row of results per job, folded from its measured requests; warm-up requests stay out."""

from collections.abc import Sequence
from dataclasses import dataclass

from llmtui.events import Figures, TokenBasis
from llmtui.metrics.statistics import carries, median
from llmtui.state.session import Job, JobState, Request, SessionState

BASES: tuple[TokenBasis, ...] = ("server", "tokenizer", "chunks", "estimated")
"""Best first; a row shows the worst basis among its requests."""


@dataclass(frozen=True, slots=True)
class JobResult:
    """A job's row. Latencies in ns, rates in tokens/s, memory in bytes; medians over `requests` finished requests.

    `missing` says for each absent figure why; `notes` holds what a reader should know of the others.
    """

    job: str
    status: JobState
    model: str
    quantization: str | None
    target: str
    workload: str
    iteration: int
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
    tokens: int | None
    tokens_basis: TokenBasis | None
    load_ns: int | None
    peak_memory: float | None
    peak_memory_of: str | None
    reason: str | None
    missing: dict[str, str]
    notes: tuple[str, ...]


def job_results(state: SessionState) -> list[JobResult]:
    """Return the rows of all jobs that started, in the order of the queue."""
    return [job_result(state, job) for job in state.jobs.values() if job.started_ns is not None or job.reason]


def job_result(state: SessionState, job: Job) -> JobResult:
    """Return the row of one job."""
    requests = [state.requests[name] for name in job.requests if name in state.requests]
    measured = [request for request in requests if not request.warmup]
    done = [request for request in measured if request.status == "done" and request.figures is not None]
    figures = [request.figures for request in done if request.figures is not None]
    plan = job.plan
    peak, peak_of = _peak_memory(job)
    missing = _missing(measured, figures)
    if peak is None:
        missing["peak_memory"] = "no memory reading fell into this job"
    tokens = [figure.tokens for figure in figures if figure.tokens is not None]
    return JobResult(
        job=job.id,
        status=job.status,
        model=plan.model if plan else "",
        quantization=plan.quantization if plan else None,
        target=plan.target if plan else "",
        workload=plan.workload if plan else "",
        iteration=plan.iteration if plan else 0,
        requests=len(done),
        failed=sum(request.status == "failed" for request in measured),
        ttft_ns=_median_of(figures, "ttft_ns"),
        ttft_answer_ns=_median_of(figures, "ttft_answer_ns"),
        prefill_rate=_median_of(figures, "prefill_rate"),
        decode_rate=_median_of(figures, "decode_rate"),
        server_decode_rate=_median_of(figures, "server_decode_rate"),
        tpot_ns=_median_of(figures, "tpot_ns"),
        itl_p50_ns=_median_of(figures, "itl_p50_ns"),
        itl_p99_ns=_median_of(figures, "itl_p99_ns"),
        itl_p99_carried=all(carries(figure.itl_count, 99) for figure in figures),
        e2e_ns=_median_of(figures, "e2e_ns"),
        tokens=sum(tokens) if tokens else None,
        tokens_basis=_worst_basis(figures),
        load_ns=job.load_ns,
        peak_memory=peak,
        peak_memory_of=peak_of,
        reason=job.reason,
        missing=missing,
        notes=tuple(dict.fromkeys(note for figure in figures for note in figure.notes)),
    )


def _median_of(figures: Sequence[Figures], name: str) -> float | None:
    return median([value for value in (getattr(figure, name) for figure in figures) if value is not None])


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
