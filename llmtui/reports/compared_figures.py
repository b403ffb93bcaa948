"""The figures that can be compared: where each is found in a run, which way is better, and how it is told. Pure."""

from collections.abc import Callable
from typing import NamedTuple

from llmtui import wording
from llmtui.events import Figures
from llmtui.metrics.inference.comparison import Better, Runs
from llmtui.reports.pairing import Run, Sample
from llmtui.state.results import StepResult


class ComparedFigure(NamedTuple):
    """A figure under the `name` by which it is asked for.

    `key` is its name in `Figures.missing`; `of_request` and `of_step` find it, `text` tells it. `better` None: it is
    shown and not judged. `words` tell its verdicts "faster" and "slower".
    """

    name: str
    title: str
    unit: str
    key: str
    of_request: Callable[[Figures], float | None] | None
    of_step: Callable[[StepResult], float | None] | None
    better: Better | None
    text: Callable[[float | None], str]
    words: tuple[str, str] = ("faster", "slower")

    def values(self, sample: Sample) -> Runs:
        """Return the values of a sample, run by run; a run under load has one."""
        return [self._of_run(run) for run in sample.runs]

    def _of_run(self, run: Run) -> list[float | None]:
        if self.name == "memory":
            # One job that held several levels has one peak for all of them.
            return [run.result.peak_memory] if len(run.result.steps) <= 1 else []
        if run.step is not None:
            return [self.of_step(run.step)] if self.of_step else []
        return [self.of_request(figures) for figures in run.figures] if self.of_request else []

    def missing(self, sample: Sample) -> str:
        """Return why a sample has no value of this figure."""
        if self.name == "memory" and any(len(run.result.steps) > 1 for run in sample.runs):
            return "one job held several levels, and its peak is of all of them"
        reasons = (run.result.missing.get(self.key) for run in sample.runs)
        return next((reason for reason in reasons if reason), "it was not measured")


FIGURES = (
    ComparedFigure(
        "ttft", "TTFT", "ns", "ttft_ns", lambda f: f.ttft_ns, lambda s: s.ttft.median, "lower", wording.duration
    ),
    ComparedFigure(
        "decode",
        "decode",
        "tokens/s",
        "decode_rate",
        lambda f: f.decode_rate,
        lambda s: s.decode_rate.median,
        "higher",
        wording.rate,
    ),
    ComparedFigure(
        "prefill", "prefill", "tokens/s", "prefill_rate", lambda f: f.prefill_rate, None, "higher", wording.rate
    ),
    ComparedFigure(
        "itl", "ITL p50", "ns", "itl_p50_ns", lambda f: f.itl_p50_ns, lambda s: s.itl.median, "lower", wording.duration
    ),
    ComparedFigure("e2e", "E2E", "ns", "e2e_ns", lambda f: f.e2e_ns, lambda s: s.e2e.median, "lower", wording.duration),
    ComparedFigure(
        "total", "total", "tokens/s", "token_rate", None, lambda s: s.finished.token_rate, "higher", wording.rate
    ),
    ComparedFigure("tokens", "tokens", "tokens", "tokens", lambda f: f.tokens, None, None, wording.number),
    ComparedFigure(
        "memory",
        "memory",
        "bytes",
        "peak_memory",
        None,
        None,
        "lower",
        wording.size,
        ("less", "more"),
    ),
)
"""All of them, in the order of the table. `total` is of all streams together, under load only."""

NAMES = tuple(figure.name for figure in FIGURES)
