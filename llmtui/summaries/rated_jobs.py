"""From the jobs of sessions to what ratings and advice go by: the figures of each job, and of each model that ran."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from llmtui.metrics.advice import Candidate
from llmtui.metrics.inference.intervals import Interval, share_interval
from llmtui.metrics.rating_tables import THRESHOLDS
from llmtui.metrics.ratings import Kept, Rating, rate
from llmtui.metrics.statistics import coefficient_of_variation, finite, median
from llmtui.metrics.work_pace import Piece, taken_ns, work_pace
from llmtui.state.results import job_result
from llmtui.state.session import Job, SessionState
from llmtui.summaries.answered import requests_of
from llmtui.summaries.long_context import context_rows, usable_contexts
from llmtui.summaries.quality import category_scores

RATE_KINDS = ("interactive", "student", "generate", "report", "batch", "quality")
"""Kinds of jobs that send one request after another, those whose decode rate speaks best for a model first."""

Figures = dict[str, float]


class RatedJob(NamedTuple):
    """A job that has ended and has thresholds, with its rating and the figures by which it was rated."""

    job: Job
    rating: Rating
    figures: Figures


def rated_jobs(state: SessionState) -> list[RatedJob]:
    """Return the jobs of a session that can be rated; those of a grid are the surface's."""
    return [rated for job in state.jobs.values() if (rated := rated_job(state, job)) is not None]


def rated_job(state: SessionState, job: Job) -> RatedJob | None:
    """Return a job with its rating; None for one that has not ended, asked for nothing, or has no thresholds."""
    plan = job.plan
    if plan is None or plan.kind not in THRESHOLDS or plan.point or job.status not in {"done", "failed"}:
        return None
    if not requests_of(state, job):
        return None
    figures = job_figures(state, job)
    if job.status == "failed":
        return RatedJob(job, rate((), (job.reason or "nobody said why").rstrip(".")), figures)
    kept = []
    for threshold in THRESHOLDS[plan.kind]:
        if threshold.sense == "share" and threshold.figure not in figures and figures:
            continue  # a category that was not asked for
        limit = _parameter(plan.parameters, threshold.parameter)
        kept.append(Kept(threshold, figures.get(threshold.figure), limit, "no answer has this figure"))
    return RatedJob(job, rate(kept), figures)


def job_figures(state: SessionState, job: Job) -> Figures:
    """Return what a job measured, by the names of the tables; what is unknown is left out."""
    kind = job.plan.kind if job.plan else ""
    found: dict[str, float | None] = {}
    if kind == "interactive":
        found = _reading_along(state, job)
    elif kind == "long_context":
        found = _contexts(state, job)
    elif kind == "batch":
        found = _pile(state, job)
    elif kind == "quality":
        found = _answers(job)
    result = job_result(state, job)
    if kind in RATE_KINDS:
        found["decode_rate"] = result.decode_rate
        found["ttft_s"] = None if result.ttft_ns is None else result.ttft_ns / 1e9
    found["memory"] = peak_memory(state, job)[0]
    heats = [peak for key, peak in job.peaks.items() if key == "cpu.temperature" or _is_gpu_heat(key)]
    found["temperature"] = max(heats, default=None)
    return {name: value for name, value in found.items() if value is not None}


def candidates(states: Sequence[SessionState]) -> list[Candidate]:
    """Return the models that these sessions measured, each with its figures; of several jobs the last one counts.

    A rating is the worst of its kind. Two machines, servers or variants make two candidates.
    """
    found: dict[tuple[str, str, str], list[tuple[SessionState, Job]]] = {}
    for state in states:
        for job in state.jobs.values():
            if job.plan is not None and not job.plan.point and job.status in {"done", "failed"} and job.requests:
                found.setdefault((_name(job), job.plan.target, _machine(state)), []).append((state, job))
    targets, machines = len({target for _, target, _ in found}) > 1, len({machine for _, _, machine in found}) > 1
    return [
        _candidate(f"{name}{f' at {target}' if targets else ''}{f' on {machine}' if machines else ''}", jobs)
        for (name, target, machine), jobs in found.items()
    ]


def _name(job: Job) -> str:
    assert job.plan is not None
    quantization = f" {job.plan.quantization}" if job.plan.quantization else ""
    variant = f" ({job.plan.variant})" if job.plan.variant else ""
    return f"{job.plan.model}{quantization}{variant}"


def _machine(state: SessionState) -> str:
    hardware = state.header.hardware if state.header else None
    if hardware is None:
        return "an unknown machine"
    return hardware.hostname or hardware.cpu_model or "an unknown machine"


def _candidate(name: str, jobs: Sequence[tuple[SessionState, Job]]) -> Candidate:
    figures: Figures = {}
    ratings: dict[str, Rating] = {}
    right: Interval | None = None
    memory: float | None = None
    memory_of: str | None = None
    for state, job in _by_weight(jobs):
        assert job.plan is not None
        figures |= {
            key: value for key, value in job_figures(state, job).items() if key not in {"memory", "temperature"}
        }
        rated = rated_job(state, job)
        if rated is not None:
            before = ratings.get(job.plan.kind)
            ratings[job.plan.kind] = rated.rating if before is None else _worse(before, rated.rating)
        if job.plan.kind == "quality" and job.status == "done":
            right = _share(job)[1]
        peak, of = peak_memory(state, job)
        if peak is not None and (memory is None or peak > memory):
            memory, memory_of = peak, of
    heats = [heat for state, job in jobs if (heat := job_figures(state, job).get("temperature")) is not None]
    if heats:
        figures["temperature"] = max(heats)
    if memory is not None:
        figures["memory"] = memory
    return Candidate(name, figures, {}, ratings, right, memory_of)


def peak_memory(state: SessionState, job: Job) -> tuple[float | None, str | None]:
    """Return the most memory that a job took, and whose it is; that of the server on a GPU of its own counts too."""
    result = job_result(state, job)
    peak, of, on_gpu = result.peak_memory, result.peak_memory_of, job.peaks.get("server.memory.gpu")
    gpus = state.header.hardware.gpus if state.header else ()
    if peak is None or of != "server" or not on_gpu or any(gpu.unified for gpu in gpus):
        return peak, of
    return peak + on_gpu, "server and GPU"


def _by_weight(jobs: Sequence[tuple[SessionState, Job]]) -> list[tuple[SessionState, Job]]:
    """Return the jobs so that the one whose figure counts comes last: a failed one has none to give."""

    def weight(item: tuple[SessionState, Job]) -> tuple[bool, int]:
        plan = item[1].plan
        kind = plan.kind if plan else ""
        return item[1].status == "done", -RATE_KINDS.index(kind) if kind in RATE_KINDS else -len(RATE_KINDS)

    return sorted(jobs, key=weight)


_ORDER = ("excellent", "good", "acceptable", None, "poor", "failed")


def _worse(one: Rating, other: Rating) -> Rating:
    return max(one, other, key=lambda rating: _ORDER.index(rating.level))


def _reading_along(state: SessionState, job: Job) -> dict[str, float | None]:
    """Return the worst of the answers, as the workload judges by it: whoever waits is not helped by the others."""
    done = [request.figures for request in requests_of(state, job) if request.status == "done" and request.figures]
    waits = [figures.ttft_ns for figures in done]
    rates = [figures.decode_rate for figures in done]
    complete = done and None not in waits and None not in rates
    paces = finite(figures.tpot_ns for figures in done)
    return {
        "slowest_ttft_s": max(finite(waits)) / 1e9 if complete else None,
        "slowest_rate": min(finite(rates)) if complete else None,
        "variation": coefficient_of_variation(paces),
        "interactive_rate": median(finite(rates)),
    }


def _contexts(state: SessionState, job: Job) -> dict[str, float | None]:
    rows, usable = context_rows(state, job), usable_contexts(state, job)
    times = [row.loading_ns for row in rows]
    loading = usable[-1].loading_ns if usable else None
    return {
        "longest_loading_s": max(finite(times)) / 1e9 if times and None not in times else None,
        "usable_context": float(usable[-1].size) if usable else None,
        "loading_s": None if loading is None else loading / 1e9,
        "decode_rate": usable[-1].decode_rate if usable else None,
    }


def _pile(state: SessionState, job: Job) -> dict[str, float | None]:
    pieces: list[Piece] = []
    for request in requests_of(state, job):
        if request.status == "done" and request.figures is not None:
            taken = taken_ns(request.figures, request.sent_ns, request.finished_ns)
            pieces += [] if taken is None else [Piece(taken, request.figures)]
    pace = work_pace(pieces)
    return {"variation": pace.variation, "documents_hour": pace.an_hour}


def _answers(job: Job) -> dict[str, float | None]:
    if job.status != "done":
        return {}
    shares: dict[str, float | None] = {
        f"right_{score.category}": 100 * score.right / score.asked for score in category_scores(job) if score.asked
    }
    share = _share(job)[0]
    return {**shares, "right_share": share}


def _share(job: Job) -> tuple[float | None, Interval | None]:
    """Return the share of right answers in percent, and its interval."""
    scores = category_scores(job)
    right, asked = sum(score.right for score in scores), sum(score.asked for score in scores)
    interval = share_interval(right, asked)
    if not asked or not isinstance(interval, Interval):
        return None, None
    return 100 * right / asked, Interval(100 * interval.low, 100 * interval.high, interval.level)


def _parameter(parameters: dict[str, Any], path: str) -> float | None:
    value: Any = parameters
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _is_gpu_heat(key: str) -> bool:
    return key.startswith("gpu.") and key.endswith(".temperature")
