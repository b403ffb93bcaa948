"""Which jobs of a session should be run again, and why: those whose figures are not what the machine can do. Pure."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from llmtui import wording
from llmtui.metrics.inference.outliers import outliers, robust_spread
from llmtui.state.results import JobResult, job_result
from llmtui.state.session import Job, SessionState

TAKEN_UP = frozenset({"queued", "running", "done", "failed"})
"""A rerun in one of these states speaks for the job that it repeats; one that was skipped does not."""

NO_SERVER = "had no server"


class BadJob(NamedTuple):
    """A job to run again, and the reason in a few words."""

    job: str
    reason: str


def bad_jobs(state: SessionState) -> list[BadJob]:
    """Return the jobs that failed or lacked their server, were throttled, are client-bound or are outliers, in order.

    An outlier is one by `llmtui.metrics.inference.outliers` among the rates of all iterations of its measurement, which
    takes eight of them. A job that was run again is left out: its rerun is judged in its place.
    """
    plans = [job.plan for job in state.jobs.values() if job.status in TAKEN_UP and job.plan is not None]
    repeated = {plan.rerun_of for plan in plans}
    rows = [job_result(state, job) for job in state.jobs.values() if job.status in {"done", "failed"} or _lacked(job)]
    far = dict(_far_from_the_others(state, rows))
    found = []
    for row in rows:
        reason = NO_SERVER if _lacked(state.jobs[row.job]) else _reason(row) or far.get(row.job)
        if reason is not None and row.job not in repeated:
            found.append(BadJob(row.job, reason))
    return found


def sentence(found: Sequence[BadJob]) -> str:
    """Return the jobs with their reasons in one line."""
    return ", ".join(f"{bad.job} {bad.reason}" for bad in found)


def _lacked(job: Job) -> bool:
    """Whether a job was skipped since its server was gone."""
    return job.status == "skipped" and job.cause == "server gone"


def _reason(row: JobResult) -> str | None:
    throttled = row.heat.get("throttled", 0)
    if row.status == "failed":
        return "failed"
    if throttled:
        return f"throttled in {throttled} of {sum(row.heat.values())} requests"
    return "client-bound" if row.client_bound else None


def _far_from_the_others(state: SessionState, rows: Sequence[JobResult]) -> Iterator[tuple[str, str]]:
    """Yield the outliers among the iterations of each measurement, with the reason."""
    same: dict[tuple[object, ...], list[tuple[str, float]]] = {}
    for row in rows:
        rate = row.decode_rate if row.token_rate is None else row.token_rate
        plan = state.jobs[row.job].plan
        if row.status == "done" and rate is not None and plan is not None:
            point = msgspec.json.encode(plan.point, order="sorted")
            key = (plan.target, plan.model, plan.workload, plan.variant, point, plan.load)
            same.setdefault(key, []).append((row.job, rate))
    for runs in same.values():
        rates = [rate for _, rate in runs]
        spread = robust_spread(rates)
        middle = wording.NOTHING if spread is None else wording.rate(spread.middle)
        for outlier in outliers(rates):
            yield (
                runs[outlier.place][0],
                f"an outlier: {wording.rate(outlier.value)} tok/s, its {len(rates)} runs {middle}",
            )
