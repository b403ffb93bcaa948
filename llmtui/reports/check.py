"""Rules such as `decode<-5%`, judged by comparisons: whether a session got worse than its baselines. Pure."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from llmtui import wording
from llmtui.metrics.inference.comparison import BOOTSTRAP_FROM, LEAST_TO_TELL, Ratio
from llmtui.metrics.inference.intervals import LEVEL
from llmtui.reports.compare import ComparisonReport, Row
from llmtui.reports.rules import Rule

Outcome = Literal["regression", "kept", "can't tell", "not compared"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a rule says of one row of the comparison with one baseline, with the sentence that has its figures."""

    row: Row
    outcome: Outcome
    sentence: str
    against: str


@dataclass(frozen=True, slots=True)
class RowResult:
    """What a rule says of one workload, held against every baseline.

    It is a regression only where the session is worse than each of them: one lucky session is no standard, and so no
    correction for several comparisons is needed.
    """

    title: str
    judgements: tuple[Judgement, ...]

    @property
    def outcome(self) -> Outcome:
        """The mildest of the judgements; those that were not compared do not count beside others."""
        found = {judgement.outcome for judgement in self.judgements}
        order: tuple[Outcome, ...] = ("kept", "can't tell", "regression")
        return next((outcome for outcome in order if outcome in found), "not compared")


class RuleResult(NamedTuple):
    """A rule and what it came to. `reason` says why it was compared nowhere; else it is None."""

    rule: Rule
    rows: tuple[RowResult, ...]
    reason: str | None

    @property
    def judgements(self) -> list[Judgement]:
        """All judgements of all rows."""
        return [judgement for row in self.rows for judgement in row.judgements]

    @property
    def outcome(self) -> Outcome:
        """The gravest of the rows; a rule that was compared nowhere is "not compared"."""
        found = {row.outcome for row in self.rows}
        order: tuple[Outcome, ...] = ("regression", "can't tell", "kept")
        return next((outcome for outcome in order if outcome in found), "not compared")


def judge_rules(reports: Sequence[ComparisonReport], rules: Sequence[Rule]) -> list[RuleResult]:
    """Judge each rule by the rows of its figure. Each comparison has its baseline first, and the session second."""
    return [_judge_rule(reports, rule) for rule in rules]


def exit_code(results: Sequence[RuleResult], *, strict: bool = False) -> int:
    """Return 1 for a regression, and with `strict` where nobody can tell; 2 for a rule compared nowhere; else 0."""
    outcomes = {result.outcome for result in results}
    every = {row.outcome for result in results for row in result.rows}
    if "regression" in outcomes or (strict and "can't tell" in every):
        return 1
    return 2 if "not compared" in outcomes or not results else 0


def _judge_rule(reports: Sequence[ComparisonReport], rule: Rule) -> RuleResult:
    groups: dict[Hashable, list[Judgement]] = {}
    for report in reports:
        for row in report.rows:
            if row.figure.name == rule.figure.name:
                key = (row.pair.second.title, row.pair.second.setup)
                groups.setdefault(key, []).append(_judge(row, rule, report.names[0]))
    rows = tuple(RowResult(_title(group[0].row), tuple(group)) for group in groups.values())
    if any(row.outcome != "not compared" for row in rows):
        return RuleResult(rule, rows, None)
    missing = (judgement.row.missing for row in rows for judgement in row.judgements)
    return RuleResult(rule, rows, next((why for why in missing if why), "no workload is in both sessions"))


def _title(row: Row) -> str:
    return f"`{row.pair.second.title}` on {row.pair.second.setup.model}"


def _judge(row: Row, rule: Rule, against: str) -> Judgement:
    outcome, sentence = _judged(row, rule)
    return Judgement(row, outcome, sentence, against)


def _judged(row: Row, rule: Rule) -> tuple[Outcome, str]:
    title = _title(row)
    ratio, fewest = row.comparison.ratio, min(row.comparison.first.count, row.comparison.second.count)
    if row.missing is not None:
        return "not compared", f"{title}: {row.missing}"
    text, first, second = row.figure.text, row.comparison.first, row.comparison.second
    unit = f" {row.figure.unit}" if row.figure.unit == "tokens/s" else ""
    values = f"{title}: {text(first.median)} -> {text(second.median)}{unit}"
    counts = f"{first.count} and {second.count} {row.comparison.unit}s"
    if ratio is None:
        return "can't tell", f"{values}, {counts}: {row.comparison.reason or 'there is no ratio'}"
    figures = f"{values}, {_change_text(ratio)}, {counts}"
    if row.unjudged is not None and row.figure.better is not None:
        return "can't tell", f"{figures}: {row.unjudged}"
    if fewest < LEAST_TO_TELL:
        return "can't tell", f"{figures}: fewer than {LEAST_TO_TELL} of a side never convince"
    outcome = _outcome(ratio, rule)
    help_text = ": the interval holds the bound; more iterations narrow it" if outcome == "can't tell" else ""
    return outcome, figures + help_text


def _outcome(ratio: Ratio, rule: Rule) -> Outcome:
    low, high = ratio.interval.low, ratio.interval.high
    if high < rule.bound if rule.below else low > rule.bound:
        return "regression"
    return "kept" if (low >= rule.bound if rule.below else high <= rule.bound) else "can't tell"


def _change_text(ratio: Ratio) -> str:
    value, low, high = (f"{(part - 1) * 100:+.1f}" for part in (ratio.value, ratio.interval.low, ratio.interval.high))
    return f"{value} % ({low} to {high} %)"


def check_text(
    results: Sequence[RuleResult], reports: Sequence[ComparisonReport], unlike: Sequence[str] = ()
) -> list[str]:
    """Return a line for each rule and row, what stands between the sides, and how the figures are to be read.

    `unlike` are sentences on how the machines and servers differ.
    """
    lines = []
    for result in results:
        for row in result.rows:
            lines += _row_lines(result.rule, row, several=len(reports) > 1)
        if not result.rows:
            lines.append(f"{result.rule.text}: not compared: {result.reason}")
    notes = [*unlike, *(note for report in reports for note in report.notes)]
    lines += [f"note: {note}" for note in dict.fromkeys(notes)]
    refused = [sentence for report in reports for sentence in report.refused]
    lines += [f"not compared: {sentence}" for sentence in dict.fromkeys(refused)]
    lines += _footnotes([judged for result in results for judged in result.judgements], several=len(reports) > 1)
    return [wording.visible(line) for line in lines]


def _row_lines(rule: Rule, row: RowResult, *, several: bool) -> list[str]:
    if not several:
        return [f"{rule.text}: {judged.outcome}: {judged.sentence}" for judged in row.judgements]
    each = [f"  against {judged.against}: {judged.outcome}: {judged.sentence}" for judged in row.judgements]
    return [f"{rule.text}: {row.outcome}: {row.title}, held against {len(row.judgements)} baselines", *each]


def _footnotes(judgements: Sequence[Judgement], *, several: bool) -> Iterator[str]:
    compared = [judged.row.comparison for judged in judgements if judged.row.comparison.ratio is not None]
    if compared:
        yield (
            f"a -> b: medians. change: of the medians from {BOOTSTRAP_FROM} values a side on, of the geometric means "
            f"below, with its {LEVEL * 100:g} % interval, which must lie wholly beyond the bound for a regression."
        )
    if several:
        yield "Of several baselines each is asked: a regression is only what is worse than every one of them."
    if any(comparison.unit == "request" for comparison in compared):
        yield (
            f"A side with fewer than {LEAST_TO_TELL} runs counts requests, which are more alike than runs: "
            f"--set iterations={LEAST_TO_TELL} or more makes the verdict surer."
        )
    if any(judged.outcome == "regression" for judged in judgements):
        yield "Two sessions also differ by what else the machine did; the variants of one suite take turns instead."


def check_data(
    results: Sequence[RuleResult], reports: Sequence[ComparisonReport], code: int, unlike: Sequence[str] = ()
) -> dict[str, object]:
    """Return the check as plain data."""
    return {
        "against": [report.names[0] for report in reports],
        "session": reports[0].names[1],
        "exit_code": code,
        "rules": [
            {
                "rule": result.rule.text,
                "outcome": result.outcome,
                "reason": result.reason,
                "rows": [
                    {
                        "title": row.title,
                        "outcome": row.outcome,
                        "against": [_judgement_data(judged) for judged in row.judgements],
                    }
                    for row in result.rows
                ],
            }
            for result in results
        ],
        "notes": list(dict.fromkeys([*unlike, *(note for report in reports for note in report.notes)])),
        "not_compared": list(dict.fromkeys(sentence for report in reports for sentence in report.refused)),
    }


def _judgement_data(judged: Judgement) -> dict[str, object]:
    comparison, pair = judged.row.comparison, judged.row.pair
    ratio = comparison.ratio if judged.row.missing is None else None
    return {
        "baseline": judged.against,
        "workload": pair.first.workload,
        "load": pair.first.load,
        "model": pair.second.setup.model,
        "outcome": judged.outcome,
        "a": comparison.first.median,
        "b": comparison.second.median,
        "unit": judged.row.figure.unit,
        "ratio": ratio.value if ratio else None,
        "ratio_low": ratio.interval.low if ratio else None,
        "ratio_high": ratio.interval.high if ratio else None,
        "text": judged.sentence,
    }
