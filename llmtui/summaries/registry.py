"""Which kind of workload has which summary; each is loaded when it is first needed."""

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module

from llmtui.state.session import Job, SessionState
from llmtui.summaries.summary import Summary, summary_text

JobSummary = Callable[[SessionState, Job], Summary | None]
SessionSummary = Callable[[SessionState, list[Job]], Summary | None]

KINDS_OF_JOB: dict[str, str] = {
    "quality": "quality",
    "compare-models": "compare_models",
    "student": "student",
    "interactive": "interactive",
    "batch": "batch",
    "consistency": "consistency",
    "long_context": "long_context",
    "refactor": "refactor",
}
"""The module in this package whose `summarize_job(state, job)` speaks for one job of a kind."""

KINDS_OF_SESSION: dict[str, str] = {"compare-models": "compare_models", "report": "report"}
"""The module in this package whose `summarize_jobs(state, jobs)` speaks for all jobs of a kind together."""

RATED = frozenset({"interactive", "long_context", "batch", "quality"})
"""The kinds of jobs that have thresholds to be rated by; the tables of ratings say which."""


def job_summary(state: SessionState, job: Job) -> Summary | None:
    """Return what a job has to say beside its row of results; None where its kind says no more."""
    module = KINDS_OF_JOB.get(job.plan.kind) if job.plan else None
    if module is None:
        return None
    summarize: JobSummary = _loaded(module, "summarize_job")
    return summarize(state, job)


def session_summaries(state: SessionState) -> Iterator[Summary]:
    """Yield what all jobs of each kind have to say together."""
    kinds = dict.fromkeys(job.plan.kind for job in state.jobs.values() if job.plan)
    for kind in kinds:
        if kind in KINDS_OF_SESSION:
            jobs = [job for job in state.jobs.values() if job.plan and job.plan.kind == kind]
            summarize: SessionSummary = _loaded(KINDS_OF_SESSION[kind], "summarize_jobs")
            summary = summarize(state, jobs)
            if summary is not None:
                yield summary
    if any(job.plan is not None and job.plan.point for job in state.jobs.values()):
        # Only a session with a grid needs all that a surface does.
        from llmtui.summaries.sweep import summarize_sweep  # noqa: PLC0415

        yield from summarize_sweep(state)
    advice = session_advice(state)
    if advice is not None:
        yield advice


def rating_lines(state: SessionState, job: Job) -> list[str]:
    """Return the rating of a job and its figures in plain words; empty for one that can't be rated."""
    if not _is_rated(job):
        return []
    from llmtui.summaries.advice import job_rating_lines  # noqa: PLC0415

    return job_rating_lines(state, job)


def session_advice(state: SessionState) -> Summary | None:
    """Return ratings and advice of the session so far; None where there is nothing to rate."""
    if not any(map(_is_rated, state.jobs.values())):
        return None
    # Only a session with something to rate needs the tables of ratings.
    from llmtui.summaries.advice import summarize_session  # noqa: PLC0415

    return summarize_session(state)


def _is_rated(job: Job) -> bool:
    return job.plan is not None and job.plan.kind in RATED and job.status in {"done", "failed"}


def job_summary_lines(state: SessionState, job: Job, *, whole: bool = False, width: int | None = None) -> list[str]:
    """Return the summary of a job as lines; empty where it has none. No table is wider than `width`; None: any width.

    The `whole` one of a job whose kind speaks of all jobs together, or of a point of a grid, has what is said of them.
    """
    summary = job_summary(state, job)
    lines = list(summary_text(summary, whole=whole, width=width)) if summary else []
    if not whole or job.plan is None:
        return lines
    speaks = job.plan.point or (job.plan.kind in KINDS_OF_SESSION and job.plan.kind not in KINDS_OF_JOB)
    together = session_summaries(state) if speaks else ()
    return [*lines, *(line for one in together for line in ("", *summary_text(one, width=width)))]


def all_summary_lines(state: SessionState, width: int | None = None) -> list[str]:
    """Return the summaries of all jobs, each begun with the job's name, and those of the kinds.

    No table is wider than `width`; None is any width.
    """
    lines: list[str] = []
    for job in state.jobs.values():
        own = job_summary_lines(state, job, width=width)
        lines += ["", f"{job.id}: {own[0]}", *own[1:]] if own else []
    for summary in session_summaries(state):
        lines += ["", *summary_text(summary, width=width)]
    return lines


@cache
def _loaded(module: str, name: str) -> Callable[..., Summary | None]:
    found: Callable[..., Summary | None] = getattr(import_module(f"llmtui.summaries.{module}"), name)
    return found
