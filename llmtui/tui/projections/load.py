"""A load by its levels: throughput, TTFT and ITL beside one another, as figures and as bars."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from llmtui import wording
from llmtui.state.result_columns import load_text
from llmtui.state.results import JobResult, StepResult, job_results
from llmtui.state.session import SessionState
from llmtui.tui.glyphs import Glyphs

BAR = 14
"""How many characters the longest bar has."""

EIGHTHS = " ▏▎▍▌▋▊▉█"


class _Figure(NamedTuple):
    title: str
    value: Callable[[StepResult], float | None]
    text: Callable[[float | None], str]


FIGURES = (
    _Figure("tok/s in all", lambda step: step.finished.token_rate, wording.rate),
    _Figure("TTFT p50", lambda step: step.ttft.median, wording.duration),
    _Figure("ITL p50", lambda step: step.itl.median, wording.duration),
    _Figure("answers/s", lambda step: step.finished.request_rate, wording.number),
)


def load_lines(state: SessionState, result: JobResult, glyphs: Glyphs) -> list[str]:
    """Return every level of the load to which `result` belongs, also those that other jobs of the sweep held."""
    steps = [step for other in job_results(state) if _kin(other) == _kin(result) for step in other.steps]
    if not steps:
        return []
    steps.sort(key=lambda step: (step.finished.load.concurrency or 0, step.finished.load.rate or 0.0))
    return ["by load:", *_bars(steps, glyphs), "", *_all_figures(steps)]


def _kin(result: JobResult) -> tuple[object, ...]:
    return result.target, result.model, result.workload, result.variant


def _bars(steps: Sequence[StepResult], glyphs: Glyphs) -> Iterator[str]:
    highest = [max((figure.value(step) or 0.0 for step in steps), default=0.0) for figure in FIGURES]
    yield " " * 9 + "".join(f"{figure.title:<{BAR + 10}}" for figure in FIGURES).rstrip()
    for step in steps:
        cells = []
        for figure, most in zip(FIGURES, highest, strict=True):
            value = figure.value(step)
            cells.append(f"{figure.text(value):>8} {bar(value, most, glyphs):<{BAR}} ")
        yield f"  {load_text(step.finished.load):<7}{''.join(cells).rstrip()}"


def bar(value: float | None, most: float, glyphs: Glyphs) -> str:
    """Return a bar as long as `value` is large, `BAR` characters for `most`."""
    if value is None or value <= 0 or most <= 0:
        return ""
    if glyphs.tier == "ascii":
        return "#" * max(1, round(value / most * BAR))
    eighths = max(1, round(value / most * BAR * 8))
    return EIGHTHS[8] * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def _all_figures(steps: Sequence[StepResult]) -> Iterator[str]:
    """Yield every figure of each level; `*` marks a percentile that too few requests stand behind."""
    for step in steps:
        done = step.finished
        good = "" if done.good is None else f", {done.good} kept the SLO ({wording.number(done.goodput)}/s)"
        yield f"  {load_text(done.load)}: {done.requests} requests, {done.failed} failed{good}"
        for title, summary in (("TTFT", step.ttft), ("ITL", step.itl), ("E2E", step.e2e)):
            shares = "  ".join(
                f"p{share.share:g} {wording.duration(share.value)}{'' if share.carried else '*'}"
                for share in summary.percentiles
                if share.value is not None
            )
            yield f"    {title:<5}{shares or 'nothing was measured'}"
        yield from (f"    {note}" for note in done.notes)
