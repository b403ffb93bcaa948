"""The figures by which the points of a grid are told apart: one value for each job, and which way is better."""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from llmtui import wording
from llmtui.state.results import JobResult, job_result
from llmtui.state.session import Job, SessionState


class SweptFigure(NamedTuple):
    """A figure: `of` finds its value in a row of results, `key` is its name where the row says why it is missing."""

    name: str
    title: str
    unit: str
    better: Literal["higher", "lower"]
    key: str
    text: Callable[[float | None], str]
    of: Callable[[JobResult], float | None]

    def value(self, state: SessionState, job: Job) -> float | None:
        """Return the job's value; that of answers is the share of right ones in percent."""
        return _right(job) if self.name == "right" else self.of(job_result(state, job))

    def missing(self, state: SessionState, job: Job) -> str:
        """Return why a job has no value."""
        if job.status != "done":
            return job.reason or f"the job is {job.status}"
        return job_result(state, job).missing.get(self.key, "it was not measured")


def _right(job: Job) -> float | None:
    if not job.scores:
        return None
    return 100 * sum(score.passed for score in job.scores) / len(job.scores)


_ALL = (
    SweptFigure("decode_rate", "decode", "tok/s", "higher", "decode_rate", wording.rate, lambda r: r.decode_rate),
    SweptFigure("prefill_rate", "prefill", "tok/s", "higher", "prefill_rate", wording.rate, lambda r: r.prefill_rate),
    SweptFigure("token_rate", "total", "tok/s", "higher", "token_rate", wording.rate, lambda r: r.token_rate),
    SweptFigure("ttft", "TTFT", "", "lower", "ttft_ns", wording.duration, lambda r: r.ttft_ns),
    SweptFigure("itl", "ITL p50", "", "lower", "itl_p50_ns", wording.duration, lambda r: r.itl_p50_ns),
    SweptFigure("e2e", "E2E", "", "lower", "e2e_ns", wording.duration, lambda r: r.e2e_ns),
    SweptFigure("load", "load", "", "lower", "load_ns", wording.duration, lambda r: r.load_ns),
    SweptFigure("memory", "memory", "", "lower", "peak_memory", wording.size, lambda r: r.peak_memory),
    SweptFigure("energy", "energy", "J/tok", "lower", "joules_per_token", wording.number, lambda r: r.joules_per_token),
    SweptFigure("right", "right answers", "%", "higher", "scores", wording.number, lambda _r: None),
)
FIGURES: Mapping[str, SweptFigure] = {figure.name: figure for figure in _ALL}
"""By the name with which a suite chooses them as `best`."""
