"""What the scored answers of a session say: right answers by category, and what a coarser quantisation costs."""

import re
from typing import Any, NamedTuple

from llmtui.events import AnswerScored
from llmtui.metrics.inference.intervals import Interval, paired_share_difference, share_interval
from llmtui.metrics.statistics import Missing
from llmtui.state.result_columns import CRITERION_WORDS
from llmtui.state.session import Job, SessionState
from llmtui.summaries.summary import Summary

_QUANTIZATION = re.compile(
    r"(?<![a-z0-9])(?:i?q(?P<q>[1-8])(?:_[a-z0-9]+)*|tq(?P<tq>[12])_0|(?:b?f|fp|int)(?P<f>4|8|16|32)|mxfp(?P<mx>4)"
    r"|(?P<b>[2-8])-?bit|awq|gptq)(?![a-z0-9])",
    re.IGNORECASE,
)
_NO_MATTER = frozenset({"name", "pass_marks"})
"""Parameters that change nothing of what a model is asked."""


class CategoryScore(NamedTuple):
    """Right answers of a category; `mark` in percent, `passed` None while the job has not asked everything."""

    category: str
    right: int
    asked: int
    interval: Interval | Missing
    mark: float | None
    passed: bool | None


class Degradation(NamedTuple):
    """A job against the one with the finest quantisation: the same `questions`, shares and their difference (0 to 1).

    `difference` is this one's share less that of the job `best`.
    """

    best: Job
    questions: int
    share: float
    best_share: float
    difference: Interval | Missing


def category_scores(job: Job) -> list[CategoryScore]:
    """Return the scores of a job by category, in the order in which they were asked."""
    marks: Any = job.plan.parameters.get("pass_marks") if job.plan else None
    groups: dict[str, list[AnswerScored]] = {}
    for score in _by_task(job).values():
        groups.setdefault(score.category, []).append(score)
    found = []
    for category, scores in groups.items():
        right, asked = sum(score.passed for score in scores), len(scores)
        mark = marks.get(category) if isinstance(marks, dict) else None
        mark = mark if isinstance(mark, int | float) else None
        passed = 100 * right >= mark * asked if mark is not None and job.status == "done" else None
        found.append(CategoryScore(category, right, asked, share_interval(right, asked), mark, passed))
    return found


def summarize_job(state: SessionState, job: Job) -> Summary | None:
    """Return the right answers by category, and in the details each answer that was wrong; None before the first."""
    scores = category_scores(job)
    if not scores:
        return None
    right, asked = sum(score.right for score in scores), sum(score.asked for score in scores)
    lines = [f"answers: {right} of {asked} right"]
    lines += [f"  {CRITERION_WORDS[score.passed]:<10} {_category_text(score)}" for score in scores]
    worse = degradation(state, job)
    if worse is not None:
        lines.append(f"  {_degradation_text(worse)}")
    wrong = [score for score in _by_task(job).values() if not score.passed]
    return Summary(tuple(lines), details=tuple(f"  wrong: {each.task}: {each.detail}" for each in wrong))


def degradation(state: SessionState, job: Job) -> Degradation | None:
    """Return how a job does against the finest quantisation of its model, None where there is no such job."""
    own = _bits(job)
    finer = [
        other
        for other in state.jobs.values()
        if other.status == job.status == "done" and own is not None and (_bits(other) or 0) > own and _kin(other, job)
    ]
    if not finer:
        return None
    # The first of the best, and of its iterations the one beside this one.
    best = max(finer, key=lambda other: (_bits(other) or 0, _iteration(other) == _iteration(job)))
    mine, its = _by_task(job), _by_task(best)
    pairs = [(mine[task].passed, its[task].passed) for task in mine if task in its]
    if not pairs:
        return None
    table = [pairs.count(outcome) for outcome in ((True, True), (True, False), (False, True), (False, False))]
    share, best_share = ((table[0] + alone) / len(pairs) for alone in table[1:3])
    return Degradation(best, len(pairs), share, best_share, paired_share_difference(*table))


def family(model: str, quantization: str | None) -> str:
    """Return a model's name without its quantisation: the same for `smol-Q4_K_M.gguf` and `smol-f16.gguf`."""
    name = model.casefold().removesuffix(".gguf")
    if quantization:
        name = name.replace(quantization.casefold(), " ")
    return "-".join(part for part in re.split(r"[^a-z0-9.]+", _QUANTIZATION.sub(" ", name)) if part)


def _by_task(job: Job) -> dict[str, AnswerScored]:
    return {score.task: score for score in job.scores}


def _category_text(score: CategoryScore) -> str:
    text = f"{score.category}: {score.right} of {score.asked} right, {100 * score.right / score.asked:.0f} %"
    if isinstance(score.interval, Interval):
        text += f" (95 % interval {100 * score.interval.low:.0f} to {100 * score.interval.high:.0f} %)"
    return text if score.mark is None else f"{text}, pass mark {score.mark:g} %"


def _degradation_text(worse: Degradation) -> str:
    plan = worse.best.plan
    name = (plan.quantization or plan.model) if plan else ""
    points = 100 * (worse.share - worse.best_share)
    text = (
        f"against {name} ({worse.best.id}) on the same {worse.questions} questions: {100 * worse.share:.0f} % right "
        f"instead of {100 * worse.best_share:.0f} %, {points:+.0f} points"
    )
    if isinstance(worse.difference, Missing):
        return text
    low, high = worse.difference.low, worse.difference.high
    text += f" (95 % interval {100 * low:+.0f} to {100 * high:+.0f})"
    return text if low > 0 or high < 0 else f"{text}; so few questions show no difference"


def _bits(job: Job) -> int | None:
    """Return how many bits a weight has by the name of the quantisation; None where that does not say it."""
    if job.plan is None:
        return None
    for text in (job.plan.quantization or "", job.plan.model):
        found = _QUANTIZATION.search(text)
        digits = next((digits for digits in found.groups() if digits), None) if found else None
        if digits is not None:
            return int(digits)
    return None


def _iteration(job: Job) -> int:
    return job.plan.iteration if job.plan else 0


def _kin(one: Job, other: Job) -> bool:
    """Whether two jobs asked models of one family the same questions in the same way."""
    if one.plan is None or other.plan is None or not one.scores:
        return False
    asked = [{k: v for k, v in plan.parameters.items() if k not in _NO_MATTER} for plan in (one.plan, other.plan)]
    names = [family(plan.model, plan.quantization) for plan in (one.plan, other.plan)]
    return names[0] == names[1] != "" and one.plan.kind == other.plan.kind and asked[0] == asked[1]
