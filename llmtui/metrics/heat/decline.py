"""Whether a rate fell in the course of a run: at the end against the start, or in spells, beyond what is scatter.

The values are rates of equal pieces of work (same prompt, same length, same context: else a growing context looks like
a decline), in their order of time. The bounds were chosen by simulation, with scatter that hangs together (AR(1), 0.3):
means that differ by 5 % gave 8 to 24 % false alarms at a coefficient of variation of 6 to 12 %, these rules 1 to 6 %.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

from llmtui import wording
from llmtui.metrics.inference.change_point import change_point
from llmtui.metrics.inference.outliers import MAD_OF_NORMAL
from llmtui.metrics.inference.ranks import mann_whitney
from llmtui.metrics.statistics import Missing, finite, median, median_absolute_deviation

WARM_UP = 2
"""So many values are left out at the start: a cold server is slow, and a cold GPU boosts."""

COMPARED = 10
"""So many values at the start (the baseline) and at the end are compared."""

LEAST = 25
"""With fewer values start and end are too close together, or too few, to be told apart."""

FALL = 0.05
"""The median has to fall by more than this; less matters to nobody."""

CHANCE = 0.01
"""How often values that stay level may be taken for falling ones by the rank test (one-sided)."""

DEEP, DEEP_SHARE = 0.10, 0.20
"""Spells: more than this share of all values lies lower than the baseline by more than 10 % and three deviations."""

SHALLOW = 0.07
"""The live hint looks for values that lie lower than the baseline by more than 7 % and three deviations."""

WINDOW, NEEDED = 5, 3
"""The live hint needs so many low ones of so many values in a row: one hiccup is none."""

MOST_VARIATION = 0.10
"""Above this coefficient of variation a fall of 5 or 10 % drowns in scatter."""

DEVIATIONS = 3.0
"""How many standard deviations below the baseline a value, or at high scatter the last median, has to lie."""

_LEAST_DEVIATION = 0.01
"""Ten values that happen to agree do not prove that a server never varies by 1 %."""

Point = tuple[int, float | None]
"""A moment (ns) and the rate from then on or up to then; None for an unknown one."""

Judgement = Literal["stable", "declined", "too few", "too noisy"]


class Baseline(NamedTuple):
    """The median of the first values after the warm-up, and their robust deviation as a share of it."""

    rate: float
    variation: float

    def below(self, least: float) -> float:
        """Return the value that is lower by more than `least` (a share) and by more than scatter explains."""
        return self.rate * (1 - max(least, DEVIATIONS * max(self.variation, _LEAST_DEVIATION)))


@dataclass(frozen=True, slots=True)
class Decline:
    """Whether a rate fell. `sentence` says it with its figures.

    `first` and `last` are the medians at start and end, `change` is their relative difference (negative: lower), `p`
    belongs to it (Mann-Whitney, one-sided), `low_share` is the share of the values after the baseline that lie deep
    below it, `variation` the coefficient of variation (see `scatter`). All are None where they can't be had.
    `onset_ns` is where the lower values begin, known only for a decline.
    """

    judgement: Judgement
    sentence: str
    first: float | None = None
    last: float | None = None
    change: float | None = None
    p: float | None = None
    low_share: float | None = None
    variation: float | None = None
    onset_ns: int | None = None

    @property
    def declined(self) -> bool | None:
        """Whether the rate fell; None when that can't be judged."""
        return None if self.judgement in ("too few", "too noisy") else self.judgement == "declined"


def baseline(values: Sequence[float]) -> Baseline | None:
    """Return the level from which a decline counts; None with too few values or a level of zero or below."""
    first = values[WARM_UP : WARM_UP + COMPARED]
    middle, distance = median(first), median_absolute_deviation(first)
    if len(first) < COMPARED or middle is None or distance is None or not 0 < middle < math.inf:
        return None
    variation = distance / MAD_OF_NORMAL / middle
    return Baseline(middle, variation) if math.isfinite(variation) else None


def judge_decline(points: Sequence[Point]) -> Decline:
    """Judge a whole run. Unknown values, and those that are no numbers, are left out; never raises."""
    known = [(t, value) for t, value in points if value is not None and math.isfinite(value)]
    values = [value for _, value in known]
    if len(values) < LEAST:
        return Decline("too few", f"{len(values)} rates are too few to see a decline; {LEAST} or more show one")
    base = baseline(values)
    if base is None:
        return Decline("too few", "the rates at the start are zero or below, so there is no level to fall from")
    last = median(values[-COMPARED:])
    test = mann_whitney(values[WARM_UP : WARM_UP + COMPARED], values[-COMPARED:])
    if last is None or isinstance(test, Missing):
        return Decline("too few", "there are no rates at the end")
    change = last / base.rate - 1
    # The test is two-sided; u counts the pairs in which the start is faster.
    p = test.p / 2 if test.u > COMPARED**2 / 2 else 1 - test.p / 2
    deep = [value < base.below(DEEP) for value in values[WARM_UP + COMPARED :]]
    low_share = sum(deep) / len(deep)
    fell = change < -FALL and p < CHANCE
    spells = low_share > DEEP_SHARE
    variation = scatter(values, base)
    noisy = variation > MOST_VARIATION
    if noisy and not (fell and change < -DEVIATIONS * variation):
        judgement: Judgement = "too noisy"
    else:
        judgement = "declined" if fell or spells else "stable"
    place = None
    if judgement == "declined":
        place = change_point(values) if fell else first_low(values, base.below(DEEP))
        place = len(values) - COMPARED if place is None else place
    return Decline(
        judgement,
        _sentence(judgement, base._replace(variation=variation), last, change, low_share, by_level=fell),
        first=base.rate,
        last=last,
        change=change,
        p=p,
        low_share=low_share,
        variation=variation,
        onset_ns=None if place is None else known[place][0],
    )


def scatter(values: Sequence[float], base: Baseline) -> float:
    """Return the robust coefficient of variation: that of the baseline or that between neighbours, if it is larger.

    The differences of neighbours show the scatter of the whole run, wherever its level went (von Neumann 1941; here by
    their median, over √2).
    """
    steps = [abs(later - earlier) for earlier, later in pairwise(values)]
    middle, step = median(values), median(steps)
    if middle is None or step is None or middle <= 0:
        return base.variation
    between = step / MAD_OF_NORMAL / math.sqrt(2) / middle
    return max(base.variation, between) if math.isfinite(between) else base.variation


def first_low(values: Sequence[float], bound: float) -> int | None:
    """Return the place of the first value below `bound` that others soon follow; None where none is below."""
    low = [place for place, value in enumerate(values) if value < bound and place >= WARM_UP + COMPARED]
    for place in low:
        if sum(place <= other < place + WINDOW for other in low) >= NEEDED:
            return place
    return low[0] if low else None


class SlowingHint:
    """The live hint "slowing", one value at a time: three of the last five lie clearly below the run's own baseline.

    On simulated runs the hint comes three values after a step down (median); it is a hint and no verdict.
    """

    def __init__(self) -> None:
        self._first: list[float] = []
        self._base: Baseline | None = None
        self._last: deque[float] = deque(maxlen=WINDOW)

    def add(self, value: float | None) -> bool:
        """Take the next rate and return whether the run slows now. What is no number changes nothing."""
        numbers = finite([value])
        if numbers and len(self._first) < WARM_UP + COMPARED:
            self._first += numbers
            self._base = baseline(self._first)
        elif numbers and self._base is not None:
            self._last.append(numbers[0])
        return self.slowing

    @property
    def slowing(self) -> bool:
        """Whether enough of the last values were low."""
        return self._base is not None and len(self._low(self._base)) >= NEEDED

    @property
    def sentence(self) -> str | None:
        """How far the rate fell, while it is low; else None."""
        low = self._low(self._base) if self._base is not None else []
        rate = median(low)
        if self._base is None or rate is None or len(low) < NEEDED:
            return None
        fall = wording.percent(1 - rate / self._base.rate)
        return f"{rate:.4g} tok/s in {len(low)} of the last {WINDOW} samples, {fall} below {self._base.rate:.4g}"

    def _low(self, base: Baseline) -> list[float]:
        return [value for value in self._last if value < base.below(SHALLOW)]


def _sentence(
    judgement: Judgement, base: Baseline, last: float, change: float, low_share: float, *, by_level: bool
) -> str:
    if judgement == "too noisy":
        varies = f"{wording.percent(base.variation)} (CV), above {wording.percent(MOST_VARIATION)}"
        return (
            f"the rate is too noisy to judge: it varies by {varies}; "
            "longer samples, or a machine that does nothing else, make it steadier"
        )
    figures = f"from {base.rate:.4g} to {last:.4g} tok/s ({wording.percent(change, 1, signed=True)})"
    if judgement == "stable":
        return f"the rate was stable: {figures}"
    if by_level:
        return f"the rate fell {figures}"
    share, deep = wording.percent(low_share), wording.percent(DEEP)
    return f"the rate fell in spells: {share} of the samples lie more than {deep} below {base.rate:.4g} tok/s"
