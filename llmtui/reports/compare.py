"""Two sides compared, figure by figure: rows, the sentences beside them, and both as text. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from llmtui import wording
from llmtui.metrics.inference.comparison import (
    BOOTSTRAP_FROM,
    LEAST_TO_TELL,
    MOST_MORE,
    Comparison,
    compare,
    least_to_tell,
)
from llmtui.metrics.inference.intervals import LEVEL, MARGIN
from llmtui.reports.caveats import caveats, unlike_lengths
from llmtui.reports.compared_figures import FIGURES, ComparedFigure
from llmtui.reports.differing import Side
from llmtui.reports.pairing import Letters, Pair, pair_up
from llmtui.text_table import Fit, render

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

    `names` are the sides as they were asked for, `letters` stand for them; `apart` says that they are two sessions.
    `level` is that of each interval.
    """

    names: tuple[str, str]
    letters: Letters
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    refused: tuple[str, ...]
    margin: float
    level: float
    apart: bool


def compare_sides(
    first: Side,
    second: Side,
    *,
    figures: Collection[str] = (),
    margin: float = MARGIN,
    level: float = LEVEL,
) -> ComparisonReport:
    """Compare two sides in the named `figures` (none: all); `margin` is a share, 0.03 for 3 %.

    A figure that no side has is left out, unless it was asked for. With several sides `level` is that of each interval,
    as `family_level` gives it.
    """
    letters = first.letter, second.letter
    pairing = pair_up(first.samples, second.samples, letters)
    wanted = [figure for figure in FIGURES if not figures or figure.name in figures]
    rows: list[Row] = []
    notes: list[str] = []
    for pair in pairing.pairs:
        own = [_row(pair, figure, margin, level, letters) for figure in wanted]
        rows += [row for row in own if figures or _has_values(row)]
        notes += caveats(pair, letters)
    notes += [note for row in rows for note in _outlier_notes(row, letters)]
    return ComparisonReport(
        names=(first.name, second.name),
        letters=letters,
        rows=tuple(rows),
        notes=tuple(dict.fromkeys(notes)),
        refused=pairing.refused,
        margin=margin,
        level=level,
        apart=first.state is not second.state,
    )


def _row(pair: Pair, figure: ComparedFigure, margin: float, level: float, letters: Letters) -> Row:
    better = figure.better or "lower"
    comparison = compare(
        figure.values(pair.first), figure.values(pair.second), better=better, margin=margin, level=level
    )
    unjudged = "not judged" if figure.better is None else None
    if figure.name == "e2e" and (lengths := unlike_lengths(pair, margin, letters)):
        unjudged = f"not judged: {lengths}"
    return Row(pair, figure, comparison, _missing(pair, figure, comparison, letters), unjudged)


def _has_values(row: Row) -> bool:
    return row.comparison.first.count > 0 or row.comparison.second.count > 0


def _missing(pair: Pair, figure: ComparedFigure, comparison: Comparison, letters: Letters) -> str | None:
    for letter, sample, summary in zip(letters, pair[:2], (comparison.first, comparison.second), strict=True):
        if summary.count == 0:
            return f"not in {letter}: {figure.missing(sample)}"
    if figure.name == "memory":
        whose = {run.result.peak_memory_of for sample in (pair.first, pair.second) for run in sample.runs}
        if len(whose - {None}) > 1:
            return "memory of the server in one run and of the whole machine in another"
    return None


def _outlier_notes(row: Row, letters: Letters) -> Iterator[str]:
    title = f"`{row.pair.first.title}` {row.figure.title}"
    sides = (
        (letters[0], row.comparison.first, row.comparison.first_outliers),
        (letters[1], row.comparison.second, row.comparison.second_outliers),
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


def report_text(report: ComparisonReport, width: int | None = None) -> list[str]:
    """Return a table for each two setups, at most `width` wide, and the sentences that belong to them."""
    a, b = report.letters
    interval = f"{_percent(report.level)} interval"
    headings = ("workload", "figure", a, "n", b, "n ", f"{b}/{a}", interval, "p", "verdict")
    fit = Fit(spare=("p", "n", "n "), whole=("figure",), wrapped=("workload", interval, "verdict"))
    numbers = frozenset({a, "n", b, "n ", f"{b}/{a}", "p"})
    lines: list[str] = []
    for setups, group in groupby(report.rows, key=lambda row: (row.pair.first.setup, row.pair.second.setup)):
        sides = zip(report.letters, report.names, setups, strict=True)
        lines += [*(wording.visible(f"{side}: {name}, {setup}") for side, name, setup in sides), ""]
        rows = [_cells(row, report.margin) for row in group]
        lines += [*render(headings, rows, numbers, width=width, fit=fit), ""]
    lines += [wording.visible(f"note: {note}") for note in report.notes]
    lines += [wording.visible(f"not compared: {sentence}") for sentence in report.refused]
    return lines


def _percent(share: float) -> str:
    return f"{share * 100:.4g} %"


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


def footnotes(reports: Sequence[ComparisonReport]) -> Iterator[str]:
    """Yield how to read the columns of all these tables, which have the first side in common."""
    judged = [row for report in reports for row in report.rows if row.judged]
    if not judged:
        return
    first, level = reports[0], reports[0].level
    a, others = first.letters[0], ", ".join(report.letters[1] for report in reports)
    ratio = f"{others}/{a}" if len(reports) == 1 else f"ratios to {a}"
    margin = f"{first.margin * 100:g} %"
    values = f"of the medians from {BOOTSTRAP_FROM} values a side on, of the geometric means below"
    yield f"{a}, {others}: medians. {ratio}: {values}."
    yield f"p: Mann-Whitney. same: the whole interval lies within {margin}."
    if len(reports) > 1:
        yield (
            f"{len(reports)} sides are held against {a}: each interval is one of {_percent(level)}, and p has to be at "
            f"most {1 - level:.2g} (Bonferroni), so that all verdicts on a figure hold together with {_percent(LEVEL)}."
        )
    if any(row.comparison.unit == "request" for row in judged):
        yield f"n counts runs, or single requests where a side has fewer than {LEAST_TO_TELL} runs."
    if any(row.comparison.more is not None for row in judged):
        least = least_to_tell(level)
        yield f"run k more: so many runs of each side make a verdict likely; fewer than {least} never convince."
        yield "To have more, run the suite with a larger --set iterations=N, or press `r` on its rows."
    if any(report.apart for report in reports) and any(
        row.comparison.verdict in {"faster", "slower"} for row in judged
    ):
        yield "Two sessions also differ by what else the machine did; the variants of one suite take turns instead."
    if len(judged) >= MANY:
        chance = 20 * len(reports)
        yield f"{len(judged)} figures were judged; of equal ones about 1 in {chance} comes out different by chance."
