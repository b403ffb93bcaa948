"""Two sides compared, figure by figure: rows, the sentences beside them, and both as text. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import groupby

from llmtui import wording
from llmtui.metrics.comparison import BOOTSTRAP_FROM, LEAST_TO_TELL, MOST_MORE, Comparison, compare
from llmtui.metrics.intervals import MARGIN
from llmtui.reports.caveats import caveats, unlike_lengths, unlike_servers, unlike_sessions
from llmtui.reports.compared_figures import FIGURES, ComparedFigure
from llmtui.reports.pairing import Pair, Pairing
from llmtui.state.session import SessionState
from llmtui.text_table import render

HEADINGS = ("workload", "figure", "A", "n", "B", "n ", "B/A", "95 % interval", "p", "verdict")
NUMBERS = frozenset({"A", "n", "B", "n ", "B/A", "p"})
MANY = 5
"""From so many judged figures on, the table says that some differ by chance."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one pair. `missing` says which side does not have it, `unjudged` why it has no verdict."""

    pair: Pair
    figure: ComparedFigure
    comparison: Comparison
    missing: str | None = None
    unjudged: str | None = None

    @property
    def judged(self) -> bool:
        """Whether the row has a verdict, be it that nobody can tell."""
        return self.missing is None and self.unjudged is None

    @property
    def slower(self) -> bool:
        """Whether the second side is slower; to take more memory is another matter."""
        return self.judged and self.comparison.verdict == "slower" and "slower" in self.figure.words


@dataclass(frozen=True, slots=True)
class ComparisonReport:
    """All rows, and the sentences that a reader should know: `notes` of what is in them, `refused` of what is not.

    `names` are the sides as they were asked for; `apart` says that they are two sessions.
    """

    names: tuple[str, str]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    refused: tuple[str, ...]
    margin: float
    apart: bool


def compare_sessions(
    first: SessionState,
    second: SessionState,
    pairing: Pairing,
    *,
    names: tuple[str, str],
    figures: Collection[str] = (),
    margin: float = MARGIN,
) -> ComparisonReport:
    """Compare the pairs of two sessions in the named `figures` (none: all); `margin` is a share, 0.03 for 3 %.

    A figure that no side has is left out, unless it was asked for.
    """
    wanted = [figure for figure in FIGURES if not figures or figure.name in figures]
    rows = []
    notes = [] if first is second else unlike_sessions(first, second)
    notes += unlike_servers(first, second, pairing.pairs)
    for pair in pairing.pairs:
        own = [_row(pair, figure, margin) for figure in wanted]
        rows += [row for row in own if figures or _has_values(row)]
        notes += caveats(pair)
    notes += [note for row in rows for note in _outlier_notes(row)]
    return ComparisonReport(
        names, tuple(rows), tuple(dict.fromkeys(notes)), pairing.refused, margin, apart=first is not second
    )


def _row(pair: Pair, figure: ComparedFigure, margin: float) -> Row:
    comparison = compare(
        figure.values(pair.first), figure.values(pair.second), better=figure.better or "lower", margin=margin
    )
    unjudged = "not judged" if figure.better is None else None
    if figure.name == "e2e" and (lengths := unlike_lengths(pair, margin)):
        unjudged = f"not judged: {lengths}"
    return Row(pair, figure, comparison, _missing(pair, figure, comparison), unjudged)


def _has_values(row: Row) -> bool:
    return row.comparison.first.count > 0 or row.comparison.second.count > 0


def _missing(pair: Pair, figure: ComparedFigure, comparison: Comparison) -> str | None:
    for name, sample, summary in (("A", pair.first, comparison.first), ("B", pair.second, comparison.second)):
        if summary.count == 0:
            return f"not in {name}: {figure.missing(sample)}"
    if figure.name == "memory":
        whose = {run.result.peak_memory_of for sample in (pair.first, pair.second) for run in sample.runs}
        if len(whose - {None}) > 1:
            return "memory of the server in one run and of the whole machine in another"
    return None


def _outlier_notes(row: Row) -> Iterator[str]:
    title = f"`{row.pair.first.title}` {row.figure.title}"
    sides = (
        ("A", row.comparison.first, row.comparison.first_outliers),
        ("B", row.comparison.second, row.comparison.second_outliers),
    )
    for name, summary, outliers in sides:
        if outliers:
            values = ", ".join(row.figure.text(outlier.value) for outlier in outliers[:3])
            more = f" and {len(outliers) - 3} more" if len(outliers) > 3 else ""  # noqa: PLR2004 - three are shown
            yield f"{title}: {len(outliers)} of {summary.count} in {name} far off ({values}{more}), none left out"


def verdict_text(row: Row, margin: float) -> str:
    """Return the verdict of a row in words."""
    comparison = row.comparison
    if row.missing is not None:
        return row.missing
    if row.unjudged is not None:
        return row.unjudged
    if comparison.verdict == "same":
        return f"same within {margin * 100:g} %"
    if comparison.verdict == "can't tell":
        return f"can't tell: {_what_would_help(comparison)}"
    return row.figure.words[0 if comparison.verdict == "faster" else 1]


def _what_would_help(comparison: Comparison) -> str:
    if comparison.more is not None:
        return f"run {comparison.more} more"
    if comparison.ratio is None and comparison.reason is not None:
        return comparison.reason
    return f"it takes more than {MOST_MORE} runs more"


def report_text(report: ComparisonReport) -> list[str]:
    """Return a table for each two setups, the sentences that belong to them, and how to read the columns."""
    lines: list[str] = []
    for setups, group in groupby(report.rows, key=lambda row: (row.pair.first.setup, row.pair.second.setup)):
        sides = zip(("A", "B"), report.names, setups, strict=True)
        lines += [*(wording.visible(f"{side}: {name}, {setup}") for side, name, setup in sides), ""]
        lines += [*render(HEADINGS, [_cells(row, report.margin) for row in group], NUMBERS), ""]
    lines += [wording.visible(f"note: {note}") for note in report.notes]
    lines += [wording.visible(f"not compared: {sentence}") for sentence in report.refused]
    return [*lines, *_footnotes(report)]


def _cells(row: Row, margin: float) -> tuple[str, ...]:
    comparison, text = row.comparison, row.figure.text
    ratio = comparison.ratio if row.missing is None else None
    return (
        row.pair.first.title,
        row.figure.title,
        text(comparison.first.median),
        str(comparison.first.count),
        text(comparison.second.median),
        str(comparison.second.count),
        wording.NOTHING if ratio is None else f"{ratio.value:.3f}",
        wording.NOTHING if ratio is None else f"{ratio.interval.low:.3f} to {ratio.interval.high:.3f}",
        wording.NOTHING if comparison.p is None or row.missing else _p_text(comparison.p),
        verdict_text(row, margin),
    )


def _p_text(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"  # noqa: PLR2004 - three digits are shown


def _footnotes(report: ComparisonReport) -> Iterator[str]:
    judged = [row for row in report.rows if row.judged]
    if not judged:
        return
    margin = f"{report.margin * 100:g} %"
    yield f"A, B: medians. B/A: of the medians from {BOOTSTRAP_FROM} values a side on, of the geometric means below."
    yield f"p: Mann-Whitney. same: the whole interval lies within {margin}."
    if any(row.comparison.unit == "request" for row in judged):
        yield f"n counts runs, or single requests where a side has fewer than {LEAST_TO_TELL} runs."
    more = [row.comparison.more for row in judged if row.comparison.more is not None]
    if more:
        yield f"run k more: so many runs of each side make a verdict likely; fewer than {LEAST_TO_TELL} never convince."
        yield "To have more, run the suite with a larger --set iterations=N, or press `r` on its rows."
    if report.apart and any(row.comparison.verdict in {"faster", "slower"} for row in judged):
        yield "Two sessions also differ by what else the machine did; the variants of one suite take turns instead."
    if len(judged) >= MANY:
        yield f"{len(judged)} figures were judged; of equal ones about 1 in 20 comes out different by chance."
