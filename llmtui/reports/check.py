"""Rules such as `decode<-5%`, judged against a comparison: whether a session got worse than its baseline. Pure."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from llmtui import wording
from llmtui.metrics.comparison import BOOTSTRAP_FROM, LEAST_TO_TELL, Ratio
from llmtui.metrics.intervals import LEVEL
from llmtui.reports.compare import ComparisonReport, Row
from llmtui.reports.compared_figures import FIGURES, NAMES, ComparedFigure

Outcome = Literal["regression", "kept", "can't tell", "not compared"]

_RULE = re.compile(r"\s*(?P<figure>[a-z0-9]+)\s*(?P<sign>[<>])\s*(?P<percent>[+-]?\d+(?:\.\d+)?)\s*%\s*", re.ASCII)


class RuleError(Exception):
    """A text that is no rule: one sentence that says how one is written."""


class Rule(NamedTuple):
    """Fails when the ratio to the baseline lies beyond `bound`: below it where `below`, else above it."""

    text: str
    figure: ComparedFigure
    below: bool
    bound: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a rule says of one row of the comparison, with the sentence that has its figures."""

    row: Row
    outcome: Outcome
    sentence: str


class RuleResult(NamedTuple):
    """A rule and what it came to. `reason` says why it was compared nowhere; else it is None."""

    rule: Rule
    judgements: tuple[Judgement, ...]
    reason: str | None

    @property
    def outcome(self) -> Outcome:
        """The gravest of the judgements; a rule that was compared nowhere is "not compared"."""
        found = {judgement.outcome for judgement in self.judgements}
        order: tuple[Outcome, ...] = ("regression", "can't tell", "kept")
        return next((outcome for outcome in order if outcome in found), "not compared")


def parse_rule(text: str) -> Rule:
    """Return the rule that `text` writes. Raises `RuleError`."""
    found = _RULE.fullmatch(text)
    if found is None:
        raise RuleError(
            f"`{wording.visible(text)}` is no rule; write a figure and a bound, such as decode<-5% or ttft>10%"
        )
    figure = next((figure for figure in FIGURES if figure.name == found["figure"]), None)
    if figure is None:
        raise RuleError(f"`{found['figure']}` is no figure; there are {', '.join(NAMES)}")
    bound = 1 + float(found["percent"]) / 100
    if not 0 < bound < math.inf:
        raise RuleError(f"`{text.strip()}` can't be: no figure changes by -100 % or less")
    return Rule(f"{figure.name}{found['sign']}{found['percent']}%", figure, found["sign"] == "<", bound)


def judge_rules(report: ComparisonReport, rules: Sequence[Rule]) -> list[RuleResult]:
    """Judge each rule by the rows of its figure. The comparison has the baseline first."""
    return [_judge_rule(report, rule) for rule in rules]


def exit_code(results: Sequence[RuleResult], *, strict: bool = False) -> int:
    """Return 1 for a regression, and with `strict` where nobody can tell; 2 for a rule compared nowhere; else 0."""
    outcomes = {result.outcome for result in results}
    every = {judgement.outcome for result in results for judgement in result.judgements}
    if "regression" in outcomes or (strict and "can't tell" in every):
        return 1
    return 2 if "not compared" in outcomes or not results else 0


def _judge_rule(report: ComparisonReport, rule: Rule) -> RuleResult:
    rows = [row for row in report.rows if row.figure.name == rule.figure.name]
    judgements = tuple(_judge(row, rule) for row in rows)
    compared = any(judgement.outcome != "not compared" for judgement in judgements)
    reason = None if compared else next((row.missing for row in rows if row.missing), "no workload is in both sessions")
    return RuleResult(rule, judgements, reason)


def _judge(row: Row, rule: Rule) -> Judgement:
    title = f"`{row.pair.first.title}` on {row.pair.second.setup.model}"
    ratio, fewest = row.comparison.ratio, min(row.comparison.first.count, row.comparison.second.count)
    if row.missing is not None:
        return Judgement(row, "not compared", f"{title}: {row.missing}")
    text, first, second = row.figure.text, row.comparison.first, row.comparison.second
    unit = f" {row.figure.unit}" if row.figure.unit == "tokens/s" else ""
    values = f"{title}: {text(first.median)} -> {text(second.median)}{unit}"
    counts = f"{first.count} and {second.count} {row.comparison.unit}s"
    if ratio is None:
        return Judgement(row, "can't tell", f"{values}, {counts}: {row.comparison.reason or 'there is no ratio'}")
    figures = f"{values}, {_change_text(ratio)}, {counts}"
    if row.unjudged is not None and row.figure.better is not None:
        return Judgement(row, "can't tell", f"{figures}: {row.unjudged}")
    if fewest < LEAST_TO_TELL:
        return Judgement(row, "can't tell", f"{figures}: fewer than {LEAST_TO_TELL} of a side never convince")
    outcome = _outcome(ratio, rule)
    help_text = ": the interval holds the bound; more iterations narrow it" if outcome == "can't tell" else ""
    return Judgement(row, outcome, figures + help_text)


def _outcome(ratio: Ratio, rule: Rule) -> Outcome:
    low, high = ratio.interval.low, ratio.interval.high
    if high < rule.bound if rule.below else low > rule.bound:
        return "regression"
    return "kept" if (low >= rule.bound if rule.below else high <= rule.bound) else "can't tell"


def _change_text(ratio: Ratio) -> str:
    value, low, high = (f"{(part - 1) * 100:+.1f}" for part in (ratio.value, ratio.interval.low, ratio.interval.high))
    return f"{value} % ({low} to {high} %)"


def check_text(results: Sequence[RuleResult], report: ComparisonReport) -> list[str]:
    """Return a line for each rule and row, what stands between the sides, and how the figures are to be read."""
    lines = []
    for result in results:
        lines += [f"{result.rule.text}: {judged.outcome}: {judged.sentence}" for judged in result.judgements]
        if not result.judgements:
            lines.append(f"{result.rule.text}: not compared: {result.reason}")
    lines += [f"note: {note}" for note in report.notes]
    lines += [f"not compared: {sentence}" for sentence in report.refused]
    lines += _footnotes([judged for result in results for judged in result.judgements])
    return [wording.visible(line) for line in lines]


def _footnotes(judgements: Sequence[Judgement]) -> Iterator[str]:
    compared = [judged.row.comparison for judged in judgements if judged.row.comparison.ratio is not None]
    if compared:
        yield (
            f"a -> b: medians. change: of the medians from {BOOTSTRAP_FROM} values a side on, of the geometric means "
            f"below, with its {LEVEL * 100:g} % interval, which must lie wholly beyond the bound for a regression."
        )
    if any(comparison.unit == "request" for comparison in compared):
        yield (
            f"A side with fewer than {LEAST_TO_TELL} runs counts requests, which are more alike than runs: "
            f"--set iterations={LEAST_TO_TELL} or more makes the verdict surer."
        )
    if any(judged.outcome == "regression" for judged in judgements):
        yield "Two sessions also differ by what else the machine did; the variants of one suite take turns instead."


def check_data(results: Sequence[RuleResult], report: ComparisonReport, code: int) -> dict[str, object]:
    """Return the check as plain data."""
    return {
        "against": report.names[0],
        "session": report.names[1],
        "exit_code": code,
        "rules": [
            {
                "rule": result.rule.text,
                "outcome": result.outcome,
                "reason": result.reason,
                "rows": [_judgement_data(judged) for judged in result.judgements],
            }
            for result in results
        ],
        "notes": list(report.notes),
        "not_compared": list(report.refused),
    }


def _judgement_data(judged: Judgement) -> dict[str, object]:
    comparison, pair = judged.row.comparison, judged.row.pair
    ratio = comparison.ratio if judged.row.missing is None else None
    return {
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
