"""Two or more sides compared with the first of them: what differs, all side by side, then each in full. Pure."""

from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass

from llmtui import wording
from llmtui.metrics.inference.comparison import family_level
from llmtui.metrics.inference.intervals import LEVEL, MARGIN
from llmtui.reports.compare import ComparisonReport, Row, compare_sides, footnotes, report_text
from llmtui.reports.compare_data import report_data
from llmtui.reports.differing import Difference, Side, differences
from llmtui.text_table import Fit, render

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""What the sides are called; there can't be more of them."""

_MARKS = {"can't tell": "?", "same": "="}


@dataclass(frozen=True, slots=True)
class Comparisons:
    """The sides with the baseline first, all that differs between them, and each other side against the baseline."""

    sides: tuple[Side, ...]
    differing: tuple[Difference, ...]
    reports: tuple[ComparisonReport, ...]

    @property
    def level(self) -> float:
        """The level of each interval."""
        return self.reports[0].level if self.reports else LEVEL

    @property
    def anything(self) -> bool:
        """Whether any figure stands on two sides."""
        return any(row.missing is None for report in self.reports for row in report.rows)

    @property
    def slower(self) -> bool:
        """Whether any side is slower than the baseline in any figure."""
        return any(row.slower for report in self.reports for row in report.rows)


def compare_all(sides: Sequence[Side], *, figures: Collection[str] = (), margin: float = MARGIN) -> Comparisons:
    """Compare every side with the first. Intervals and p are corrected for how many others there are (Bonferroni)."""
    base, *others = sides
    level = family_level(len(others))
    reports = tuple(compare_sides(base, other, figures=figures, margin=margin, level=level) for other in others)
    return Comparisons(tuple(sides), tuple(differences(sides)), reports)


def comparisons_text(found: Comparisons, width: int | None = None) -> list[str]:
    """Return what differs, the sides beside each other where there are more than two, and a table for each of them.

    No table is wider than `width`; None is any width.
    """
    lines: list[str] = []
    several = len(found.sides) > 2  # noqa: PLR2004 - two sides stand side by side in their table
    if several:
        lines += [wording.visible(f"{side.letter}: {side.name}") for side in found.sides]
        lines[0] += "  (baseline)"
        lines.append("")
    letters = [side.letter for side in found.sides]
    if found.differing:
        rows = [(difference.fact, *difference.texts) for difference in found.differing]
        lines += [*render(("differs", *letters), rows, width=width, fit=Fit(wrapped=("differs", *letters))), ""]
    if several:
        lines += [*_side_by_side(found, width), ""]
    for report in found.reports:
        if several:
            lines += [f"{report.letters[1]} against {report.letters[0]}", ""]
        lines += [*report_text(report, width), *([""] if several else [])]
    return [*lines, *footnotes(found.reports)]


def _side_by_side(found: Comparisons, width: int | None) -> list[str]:
    keys: dict[Hashable, None] = {}
    cells: dict[tuple[Hashable, str], Row] = {}
    for report in found.reports:
        for row in report.rows:
            key: Hashable = (row.pair.first.title, row.pair.first.setup, row.figure)
            keys[key] = None
            cells[key, report.letters[1]] = row
    others = [side.letter for side in found.sides[1:]]
    rows = []
    for key in keys:
        own = [cells.get((key, letter)) for letter in others]
        known = next(row for row in own if row is not None)
        base = known.figure.text(known.comparison.first.median)
        rows.append((known.pair.first.title, known.figure.title, base, *(_cell(row) for row in own)))
    if not rows:
        return ["no workload was run on the baseline and on another side"]
    base_letter = found.sides[0].letter
    headings = ("workload", "figure", base_letter, *others)
    lines = render(headings, rows, {base_letter}, width=width, fit=Fit(wrapped=tuple(others)))
    words = {row.comparison.verdict for row in cells.values() if row.judged}
    legend = [f"{mark} {word}" for word, mark in _MARKS.items() if word in words]
    return [*lines, *([f"medians. {', '.join(legend)}"] if legend else ["medians"])]


def _cell(row: Row | None) -> str:
    if row is None or row.missing is not None:
        return wording.NOTHING
    text = row.figure.text(row.comparison.second.median)
    if not row.judged:
        return text
    ratio = row.comparison.ratio
    change = f" {(ratio.value - 1) * 100:+.1f} %" if ratio is not None else ""
    return f"{text}{change} {_word(row)}"


def _word(row: Row) -> str:
    verdict = row.comparison.verdict
    return _MARKS.get(verdict) or row.figure.words[0 if verdict == "faster" else 1]


def comparisons_data(found: Comparisons) -> dict[str, object]:
    """Return it all as plain data."""
    return {
        "sides": [{"letter": side.letter, "name": side.name} for side in found.sides],
        "baseline": found.sides[0].name,
        "level": LEVEL,
        "level_of_each": found.level,
        "differences": [{"fact": fact, **dict(_by_letter(found.sides, texts))} for fact, texts in found.differing],
        "comparisons": [report_data(report) for report in found.reports],
    }


def _by_letter(sides: Sequence[Side], texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield from ((side.letter, text) for side, text in zip(sides, texts, strict=True))
