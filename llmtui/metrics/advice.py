"""Which of the models that were measured fits which use, and why. Pure; a model without the figure is never chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from llmtui.metrics.inference.intervals import Interval
from llmtui.metrics.rating_tables import TITLES, USES, Use
from llmtui.metrics.ratings import Rating, value_text

GB = 1e9
NOT_ALIKE = "of one model it is the server's, of another that of the whole machine, or one of them is on a GPU"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model as it was measured. `figures` are by the names of `rating_tables.TITLES`; `missing` says why one is not.

    `ratings` are by the kind of job, `right` is the interval of the right answers in percent, `memory_of` says whose
    memory it is.
    """

    name: str
    figures: Mapping[str, float] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    ratings: Mapping[str, Rating] = field(default_factory=dict)
    right: Interval | None = None
    memory_of: str | None = None

    def why_not(self, figure: str) -> str:
        """Return why a figure is not there."""
        return self.missing.get(figure, "not measured")


class Recommendation(NamedTuple):
    """What is recommended for a use: a model, or none; the reason; and why each other one was passed over.

    Of a use for which nothing was `measured` the reason is the command that would.
    """

    use: str
    model: str | None
    reason: str
    others: tuple[str, ...] = ()
    measured: bool = True


def efficiency(candidate: Candidate) -> float | None:
    """Return tokens/s x tokens of usable context / GB of memory; None where one of them was not measured."""
    rate, context, memory = (candidate.figures.get(name) for name in ("decode_rate", "usable_context", "memory"))
    return rate * context / (memory / GB) if rate is not None and context is not None and memory else None


def cost_benefit(candidates: Sequence[Candidate]) -> dict[str, float | str]:
    """Return for each model quality x performance / memory, the best one 100; or the reason why it has none.

    Quality is the share of right answers, performance the decode rate in tokens/s. It compares models, so a model alone
    has none, and memory is compared only where it is that of the same thing.
    """
    raw: dict[str, float | str] = {}
    for candidate in candidates:
        values = {name: candidate.figures.get(name) for name in ("right_share", "decode_rate", "memory")}
        absent = [name for name, value in values.items() if value is None]
        if absent:
            raw[candidate.name] = f"{TITLES[absent[0]]}: {candidate.why_not(absent[0])}"
        else:
            right, rate, memory = (value or 0.0 for value in values.values())
            raw[candidate.name] = right * rate / memory if memory > 0 else "memory: it reads as zero"
    known = {name: value for name, value in raw.items() if isinstance(value, float)}
    of = {candidate.memory_of for candidate in candidates if candidate.name in known}
    best = max(known.values(), default=0.0)
    reason = _why_not_comparable(len(known), len(of), best)
    if reason is not None:
        return {name: reason if name in known else value for name, value in raw.items()}
    return {name: value if isinstance(value, str) else 100 * value / best for name, value in raw.items()}


def recommendations(candidates: Sequence[Candidate]) -> list[Recommendation]:
    """Return for each use the model that fits it best."""
    benefits = cost_benefit(candidates)
    return [_recommend(use, candidates, benefits) for use in USES]


def _why_not_comparable(count: int, kinds_of_memory: int, best: float) -> str | None:
    if count < 2:  # noqa: PLR2004 - it compares
        return "it compares models, and needs two that have all its figures"
    if kinds_of_memory > 1:
        return "the memory is not that of the same thing: " + NOT_ALIKE
    return "no model gave a right answer" if best <= 0 else None


def _recommend(use: Use, candidates: Sequence[Candidate], benefits: Mapping[str, float | str]) -> Recommendation:
    fit: list[tuple[float, Candidate]] = []
    others: list[str] = []
    for candidate in candidates:
        value: float | str | None = candidate.figures.get(use.figure)
        if use.figure == "cost_benefit":
            value = benefits[candidate.name]
        rating = candidate.ratings.get(use.kind) if use.kind else None
        if value is None or isinstance(value, str):
            others.append(f"{candidate.name}: not considered, {value or candidate.why_not(use.figure)}")
        elif use.kind is not None and (rating is None or not rating.recommendable):
            level = f"{rating.level}: {rating.sentence}" if rating and rating.level else "not rated"
            level = f"not rated: {rating.sentence}" if rating and not rating.level else level
            others.append(f"{candidate.name}: {level}")
        else:
            fit.append((value, candidate))
    if not fit:
        if use.kind is None:
            return Recommendation(use.name, None, f"no model can be put first by {TITLES[use.figure]}", tuple(others))
        if any(use.kind in candidate.ratings for candidate in candidates):
            return Recommendation(use.name, None, "none of those measured is fit for it", tuple(others))
        return Recommendation(use.name, None, use.how, measured=False)
    fit.sort(key=lambda item: (-item[0], item[1].figures.get(use.then, float("inf"))))
    return _chosen(use, fit, others)


def _chosen(use: Use, fit: Sequence[tuple[float, Candidate]], others: Sequence[str]) -> Recommendation:
    value, best = fit[0]
    reason = f"{value_text(use.figure, value)} {TITLES[use.figure]}"
    rating = best.ratings.get(use.kind) if use.kind else None
    if rating is not None:
        reason += f", rated {rating.level}"
    if len(fit) == 1:
        reason += ", the only one measured" if not others else ", the only one that is fit for it"
    else:
        second_value, second = fit[1]
        reason += f"; next is {second.name} with {value_text(use.figure, second_value)}"
        if second_value == value:
            reason += f", which {_equal(use, best, second)}"
        elif use.figure == "right_share" and _overlap(best.right, second.right):
            reason += ", so few questions show no difference"
    return Recommendation(use.name, best.name, reason, tuple(others))


def _equal(use: Use, best: Candidate, second: Candidate) -> str:
    first, next_best = (candidate.figures.get(use.then) for candidate in (best, second))
    if first is None or next_best is None or first == next_best:
        return "is as good"
    return f"has the greater {TITLES[use.then]}"


def _overlap(one: Interval | None, other: Interval | None) -> bool:
    return one is None or other is None or (one.low <= other.high and other.low <= one.high)
