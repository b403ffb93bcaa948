"""The sides of a report: the runs of each variant, their figures, and how each compares with the first. Pure."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from llmtui import wording
from llmtui.metrics.inference.comparison import Better, Comparison, compare
from llmtui.metrics.statistics import Summary, summarize
from llmtui.state.results import JobResult, job_result
from llmtui.state.session import Job, SessionState

NANOSECONDS = 1e9


class ReportFigure(NamedTuple):
    """A figure of a run. `better` None: it is shown and not judged; `key` is its name where a row says why not."""

    name: str
    title: str
    unit: str
    better: Better | None
    key: str
    of: Callable[[Job, JobResult], float | None]
    text: Callable[[float | None], str]


class Side(NamedTuple):
    """One variant: its jobs that ran, and for each figure one value for each of them that is done, None where missing.

    `waiting` jobs are still to come.
    """

    name: str
    target: str
    model: str
    quantization: str | None
    jobs: tuple[Job, ...]
    waiting: int
    values: dict[str, tuple[float | None, ...]]
    missing: dict[str, str]

    def summary(self, figure: ReportFigure) -> Summary:
        """Return what the values of a figure say of themselves."""
        return summarize(self.values[figure.name])

    def total(self, name: str) -> float | None:
        """Return the sum over all runs; None where no run has the figure."""
        known = [value for value in self.values[name] if value is not None]
        return sum(known) if known else None


class Tuning(NamedTuple):
    """A baseline and the variants that were tuned, of one workload. `title` names it."""

    title: str
    baseline: Side
    tuned: tuple[Side, ...]

    @property
    def sides(self) -> tuple[Side, ...]:
        """All sides, the baseline first."""
        return self.baseline, *self.tuned


def compare_side(tuning: Tuning, side: Side, figure: ReportFigure) -> Comparison:
    """Return how `side` differs from the baseline in a figure; each run counts as one value."""
    first, second = ([(value,) for value in one.values[figure.name]] for one in (tuning.baseline, side))
    return compare(first, second, better=figure.better or "lower")


def tunings(state: SessionState, jobs: Sequence[Job], names: Sequence[str]) -> list[Tuning]:
    """Return the comparisons that these jobs make; `names` are the variants in the order of the suite.

    A variant that ran on several targets or models is compared place by place. The points of a grid are told elsewhere.
    """
    found = []
    jobs = [job for job in jobs if job.plan and not job.plan.point]
    for workload in dict.fromkeys(job.plan.workload for job in jobs if job.plan):
        own = [job for job in jobs if job.plan and job.plan.workload == workload]
        sides = [_sides(state, own, name) for name in (*names, None)]
        sides = [places for places in sides if places]
        for number in range(max(map(len, sides), default=0)):
            row = [places[min(number, len(places) - 1)] for places in sides]
            found.append(Tuning(workload, row[0], tuple(row[1:])))
    return found


def _sides(state: SessionState, jobs: Sequence[Job], variant: str | None) -> list[Side]:
    groups: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        if job.plan is not None and job.plan.variant == variant:
            groups.setdefault((job.plan.target, job.plan.model), []).append(job)
    return [_side(state, group, variant or "report") for group in groups.values()]


def _side(state: SessionState, jobs: Sequence[Job], name: str) -> Side:
    ran = tuple(job for job in jobs if job.status not in {"queued", "running"})
    results = [(job, job_result(state, job)) for job in ran if job.status == "done"]
    plan = jobs[0].plan
    assert plan is not None
    values = {figure.name: tuple(figure.of(job, result) for job, result in results) for figure in FIGURES}
    reasons = {
        figure.name: next((r.missing[figure.key] for _job, r in results if figure.key in r.missing), figure.key)
        for figure in FIGURES
        if all(value is None for value in values[figure.name])
    }
    missing = {name: _REASONS.get(reason, reason) for name, reason in reasons.items()}
    return Side(name, plan.target, plan.model, plan.quantization, ran, len(jobs) - len(ran), values, missing)


def _throughput(_job: Job, result: JobResult) -> float | None:
    """Return the tokens of the answer by the whole time from the request to its end, prompt evaluation included."""
    if result.tokens is None or not result.e2e_ns or result.requests != 1:
        return None
    return result.tokens * NANOSECONDS / result.e2e_ns


def _words(job: Job, _result: JobResult) -> float | None:
    return job.scores[-1].parts.get("words") if job.scores else None


_REASONS = {
    "load_ns": "no run had to load the model",
    "words": "no answer was counted",
    "throughput": "it needs a count of tokens and the end of the answer",
}

FIGURES: tuple[ReportFigure, ...] = (
    ReportFigure("ttft", "TTFT", "ns", "lower", "ttft_ns", lambda _j, r: r.ttft_ns, wording.duration),
    ReportFigure("throughput", "throughput", "tokens/s", "higher", "throughput", _throughput, wording.rate),
    ReportFigure(
        "prefill", "prompt evaluation", "tokens/s", "higher", "prefill_rate", lambda _j, r: r.prefill_rate, wording.rate
    ),
    ReportFigure(
        "decode", "generation", "tokens/s", "higher", "decode_rate", lambda _j, r: r.decode_rate, wording.rate
    ),
    ReportFigure("load", "load time", "ns", "lower", "load_ns", lambda j, _r: j.load_ns, wording.duration),
    ReportFigure("e2e", "total time", "ns", None, "e2e_ns", lambda _j, r: r.e2e_ns, wording.duration),
    ReportFigure("tokens", "tokens", "tokens", None, "tokens", lambda _j, r: r.tokens, wording.number),
    ReportFigure("words", "words", "words", None, "words", _words, wording.number),
)
"""In the order of the tables. The total time grows with the length of the answer, so it is not judged."""
