"""What the runs of a report say: baseline against tuned, figure by figure, and how long the answers were."""

from collections.abc import Iterator

from llmtui import wording
from llmtui.documents import DocumentError
from llmtui.metrics.inference.comparison import BOOTSTRAP_FROM, LEAST_TO_TELL, Comparison
from llmtui.metrics.inference.intervals import MARGIN
from llmtui.metrics.statistics import Summary as Statistics
from llmtui.state.session import Job, SessionState
from llmtui.suites.reading import read_suite
from llmtui.summaries.report_sides import FIGURES, ReportFigure, Side, Tuning, compare_side, tunings
from llmtui.summaries.summary import Summary, Table
from llmtui.text_table import Fit

LEGEND = (
    "throughput, prompt evaluation, generation: tokens/s; throughput: tokens of the answer by the total time",
    f"change, interval: of the medians from {BOOTSTRAP_FROM} runs a side on, of the geometric means below",
)

TOLD = frozenset({"option-without-effect", "stays-loaded"})
"""The codes of alerts that say what a server did not do as it was asked to."""


def summarize_jobs(state: SessionState, jobs: list[Job]) -> Summary | None:
    """Return the comparison of each variant with the first; None before a run has ended."""
    found = [tuning for tuning in tunings(state, jobs, variant_order(state)) if any(s.jobs for s in tuning.sides)]
    if not found:
        return None
    lines = [line for tuning in found for line in tuning_lines(tuning)]
    lines += notes(state, [job for tuning in found for side in tuning.sides for job in side.jobs])
    lines += LEGEND[: 2 if any(tuning.tuned for tuning in found) else 1]
    return Summary(tuple(lines), tuple(table for tuning in found for table in tuning_tables(tuning)))


def variant_order(state: SessionState) -> list[str]:
    """Return the variants in the order of the suite; those that the queue has beside them come last."""
    run = dict.fromkeys(job.plan.variant for job in state.jobs.values() if job.plan and job.plan.variant)
    named: list[str] = []
    if state.header is not None:
        try:
            suite = read_suite(state.header.suite, "the suite", state.header.overrides)
            named = [variant.name for variant in suite.variants]
        except DocumentError:
            pass  # a suite of another version of llmtui may be none any more
    return [*(name for name in named if name in run), *(name for name in run if name not in named)]


def tuning_lines(tuning: Tuning) -> Iterator[str]:
    """Yield a sentence for each side: its runs, how many were as asked, and all tokens together."""
    for side in tuning.sides:
        done = [job for job in side.jobs if job.status == "done"]
        judged = [job for job in done if job.passed is not None]
        told = f"{tuning.title}, {side.name}: {len(done)} of {len(side.jobs) + side.waiting} runs done"
        if judged:
            told += f", {sum(bool(job.passed) for job in judged)} of {len(judged)} reports as asked"
        tokens = side.total("tokens")
        told += f", {wording.NOTHING if tokens is None else f'{tokens:.0f}'} tokens in all"
        yield wording.visible(told)


def notes(state: SessionState, jobs: list[Job]) -> Iterator[str]:
    """Yield what a reader must know of these runs: options without effect, failures, and doubts of the client."""
    names = {job.id for job in jobs}
    told = [alert.text for alert in state.alerts if alert.code in TOLD and alert.job in names]
    for job in jobs:
        if job.status != "done":
            told.append(f"{job.id} {job.status}: {job.reason or 'no reason was given'}")
        for name in job.requests:
            request = state.requests.get(name)
            if request is not None and request.figures is not None and not request.warmup:
                told += [note for note in request.figures.notes if note not in told]
    bound = [job.id for job in jobs if job.client_bound]
    if bound:
        told.append(f"llmtui itself may be in the figures of {', '.join(bound)}: see below the results")
    yield from (f"note: {wording.visible(text)}" for text in dict.fromkeys(told))


def tuning_tables(tuning: Tuning) -> Iterator[Table]:
    """Yield the statistics of each side, and the comparison of each with the baseline."""
    for side in tuning.sides:
        rows = tuple(_statistics(figure, side.summary(figure)) for figure in FIGURES)
        place = f"{side.model} {side.quantization or ''}".rstrip() + f" on {side.target}"
        yield Table(STATISTICS, rows, STATISTICS[1:], wording.visible(f"{tuning.title}, {side.name}: {place}"))
    for side in tuning.tuned:
        rows = tuple(_compared(tuning, side, figure) for figure in FIGURES)
        title = wording.visible(f"{tuning.title}: {side.name} against {tuning.baseline.name}")
        yield Table(COMPARED, rows, COMPARED[1:4], title, Fit(wrapped=COMPARED[4:]))


STATISTICS = ("figure", "mean", "SD", "CV", "least", "most", "n")
COMPARED = ("figure", "baseline", "tuned", "change", "95 % interval", "verdict")


def _statistics(figure: ReportFigure, summary: Statistics) -> tuple[str, ...]:
    return (
        figure.title,
        figure.text(summary.mean),
        figure.text(summary.sd),
        wording.NOTHING if summary.cv is None else f"{100 * summary.cv:.1f} %",
        figure.text(summary.least),
        figure.text(summary.most),
        str(summary.count),
    )


def _compared(tuning: Tuning, side: Side, figure: ReportFigure) -> tuple[str, ...]:
    comparison = compare_side(tuning, side, figure)
    ratio = comparison.ratio
    interval = wording.NOTHING
    if ratio is not None:
        interval = f"{_percent(ratio.interval.low)} to {_percent(ratio.interval.high)}"
    return (
        figure.title,
        figure.text(comparison.first.mean),
        figure.text(comparison.second.mean),
        wording.NOTHING if ratio is None else _percent(ratio.value),
        interval,
        verdict_words(tuning, side, figure, comparison),
    )


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %"


def verdict_words(tuning: Tuning, side: Side, figure: ReportFigure, comparison: Comparison) -> str:
    """Return the verdict of a figure in words, or why there is none."""
    for one in (tuning.baseline, side):
        if figure.name in one.missing:
            return f"not in {one.name}: {one.missing[figure.name]}"
    if figure.better is None:
        return "not judged"
    if comparison.verdict == "same":
        return f"same within {MARGIN * 100:g} %"
    if comparison.verdict != "can't tell":
        return comparison.verdict
    if min(comparison.first.count, comparison.second.count) < LEAST_TO_TELL:
        return f"can't tell: fewer than {LEAST_TO_TELL} runs of a side have it"
    return "can't tell" if comparison.more is None else f"can't tell: run {comparison.more} more"
