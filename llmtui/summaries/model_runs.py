"""What each model did in the jobs that compare models: one run for each job and each of its models."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from llmtui.events import ModelFinished, ModelPlace, ModelUnloaded, TokenBasis
from llmtui.metrics.statistics import median
from llmtui.state.session import Job, Request, SessionState

KIND = "compare-models"


class ModelRun(NamedTuple):
    """One model in one job. Times in ns since the session's origin, durations in ns, rates in tokens/s.

    `status` is that of the model, not of its job; `problem` says what kept it from `done`, `failed_after_ns` how long
    it went on before: from its first prompt, or from the begin of its load where it never came to a prompt. `ttft_ns`,
    `decode_rate` and `e2e_ns` are medians over the answers, `tokens` their sum, by `tokens_basis`. `unloaded` is what
    became of it in memory; None where nobody tried.
    """

    job: Job
    place: ModelPlace
    status: str
    problem: str | None
    failed_after_ns: int | None
    load_ns: int | None
    load_known: bool
    asked_ns: int | None
    ended_ns: int | None
    ttft_ns: float | None
    decode_rate: float | None
    e2e_ns: float | None
    tokens: int | None
    tokens_basis: TokenBasis | None
    requests: tuple[Request, ...]
    unloaded: ModelUnloaded | None

    @property
    def answered(self) -> bool:
        """Whether there is one whole answer at least."""
        return any(request.status == "done" for request in self.requests)


def model_runs(state: SessionState, jobs: Sequence[Job]) -> list[ModelRun]:
    """Return the runs of those jobs that have begun, or ended without beginning."""
    return [run for job in jobs if job.started_ns is not None or job.reason for run in _runs_of(state, job)]


def none_answered(state: SessionState) -> bool:
    """Whether models were compared, and not one of them gave a whole answer."""
    jobs = [job for job in state.jobs.values() if job.plan is not None and job.plan.kind == KIND]
    runs = model_runs(state, jobs)
    return any(run.status == "failed" for run in runs) and not any(run.answered for run in runs)


def _runs_of(state: SessionState, job: Job) -> Iterator[ModelRun]:
    plan = job.plan
    if plan is None:
        return
    asked = [state.requests[name] for name in job.requests if name in state.requests]
    for place in plan.models:
        at = place.target, place.model
        requests = tuple(
            request for request in asked if not request.warmup and (request.target or plan.target, request.model) == at
        )
        ended = next((event for event in job.ended if (event.target, event.model) == at), None)
        loaded = next((event for event in job.loaded if (event.target, event.model) == at), None)
        unloaded = [event for event in job.unloaded if (event.target, event.model) == at]
        figures = [r.figures for r in requests if r.status == "done" and r.figures is not None]
        tokens = [figure.tokens for figure in figures if figure.tokens is not None]
        bases = [figure.tokens_basis for figure in figures if figure.tokens_basis is not None]
        yield ModelRun(
            job=job,
            place=place,
            status=ended.status if ended else job.status,
            problem=ended.problem if ended else job.reason,
            failed_after_ns=_failed_after(ended),
            load_ns=loaded.load_ns if loaded else None,
            load_known=loaded is not None,
            asked_ns=ended.asked if ended else next((request.started_ns for request in requests), None),
            ended_ns=ended.t if ended and ended.t > ended.start else None,
            ttft_ns=median([figure.ttft_ns for figure in figures if figure.ttft_ns is not None]),
            decode_rate=median([figure.decode_rate for figure in figures if figure.decode_rate is not None]),
            e2e_ns=median([figure.e2e_ns for figure in figures if figure.e2e_ns is not None]),
            tokens=sum(tokens) if tokens else None,
            tokens_basis=max(bases, key=_BASES.index, default=None),
            requests=requests,
            unloaded=unloaded[-1] if unloaded else None,
        )


_BASES: tuple[TokenBasis, ...] = ("server", "tokenizer", "chunks", "estimated")
"""Best first; a run shows the worst basis among its answers."""


def _failed_after(ended: ModelFinished | None) -> int | None:
    if ended is None or ended.status == "done":
        return None
    # Nothing at all was tried with a model that its server does not have.
    return ended.t - (ended.start if ended.asked is None else ended.asked) or None
