"""Where the warm-up ends: the place in a sequence of values from which on it scatters around one level."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean

from llmtui.metrics.inference.distributions import student_quantile
from llmtui.metrics.inference.intervals import MARGIN
from llmtui.metrics.inference.outliers import robust_spread
from llmtui.metrics.inference.ranks import midranks
from llmtui.metrics.statistics import median

LEAST = 10
"""With fewer values a warm-up can't be told from scatter."""

SPIKE = 7.0
"""Robust standard deviations, as seen from the second half, to which values farther off are brought in."""

CHANCE_OF_CUT = 0.001
"""How often a place in pure scatter may be taken for the end of a warm-up, if it was the only one looked at."""

CHANCE = 0.01
"""How often values that stay level may be taken for drifting ones."""


@dataclass(frozen=True, slots=True)
class SteadyState:
    """`start` is the place (from 0) of the first value of the steady state; None has its reason.

    A value that is None or no number keeps its place and says nothing.
    """

    start: int | None
    reason: str | None = None


def steady_state(values: Sequence[float | None]) -> SteadyState:
    """Return where the steady state of a sequence in its order of time begins; 0 means that nothing has to be cut.

    1. A cut counts when the mean of what it takes differs from the mean of the rest by more than the margin and beyond
       chance, by Student's t with the scatter of the rest; in pure scatter some cut always looks better than none.
    2. Of these cuts that one is taken which makes the marginal standard error Σ(x - mean)² / n² of the rest least
       (MSER; White, An effective truncation heuristic for bias reduction in simulation output, Simulation 69, 1997).
       Lone spikes are brought in to seven robust standard deviations before.
    3. What is left has to be level: no rank correlation with time (Spearman, at 1 %) together with medians of its
       halves that differ by more than the margin. Else the sequence never settles, and neither does one whose cut lies
       beyond its first half.
    """
    known = [(place, value) for place, value in enumerate(values) if value is not None and math.isfinite(value)]
    if len(known) < LEAST:
        return SteadyState(None, f"{len(known)} values are too few to see a warm-up; {LEAST} or more show one")
    numbers = _over_largest([value for _place, value in known])
    latest = len(numbers) // 2
    cut = _best_cut(_without_spikes(numbers))
    if cut >= latest:
        return SteadyState(None, "the values never settle: the warm-up takes up the first half, or more")
    if _drifts(numbers[cut:]):
        return SteadyState(None, "the values never settle: they drift to the end")
    return SteadyState(known[cut][0] if cut else 0)


def _over_largest(numbers: list[float]) -> list[float]:
    largest = max(map(abs, numbers))
    # The inverse of the smallest numbers is beyond the largest one.
    return [number / largest for number in numbers] if largest > 0 else numbers


def _without_spikes(numbers: list[float]) -> list[float]:
    """Bring in what lies farther off than `SPIKE`; whether a warm-up is long matters, not how high it was."""
    spread = robust_spread(numbers[len(numbers) // 2 :])
    if spread is None:
        return numbers
    reach = SPIKE * spread.deviation
    return [min(max(number, spread.middle - reach), spread.middle + reach) for number in numbers]


def _best_cut(numbers: list[float]) -> int:
    """Return how many values to cut for the least marginal standard error of the others, 0 where no cut counts."""
    middle = fmean(numbers)
    centred = [number - middle for number in reversed(numbers)]
    sums = list(accumulate(centred))
    squares = list(accumulate(value * value for value in centred))
    best, least = 0, squares[-1] / len(numbers) ** 2
    for cut in range(1, len(numbers) - LEAST // 2 + 1):
        left = len(numbers) - cut
        mean = sums[left - 1] / left
        scatter = max(0.0, squares[left - 1] - mean * sums[left - 1])
        difference = abs((sums[-1] - sums[left - 1]) / cut - mean)
        error = math.sqrt(scatter / (left - 1) * (1 / cut + 1 / left))
        by_chance = student_quantile(1 - CHANCE_OF_CUT / 2, left - 1) * error
        if scatter / left**2 < least and difference > max(by_chance, MARGIN * abs(mean + middle)):
            best, least = cut, scatter / left**2
    return best


def _drifts(numbers: Sequence[float]) -> bool:
    half = len(numbers) // 2
    early, late = median(numbers[:half]), median(numbers[-half:])
    if early is None or late is None or abs(late - early) <= MARGIN * max(abs(early), abs(late)):
        return False
    ranks = midranks(numbers)
    middle = (len(ranks) + 1) / 2
    together = sum((rank - middle) * (place - middle) for place, rank in enumerate(ranks, start=1))
    of_values = sum((rank - middle) ** 2 for rank in ranks)
    of_places = sum((place - middle) ** 2 for place in range(1, len(ranks) + 1))
    if of_values == 0:
        return False
    correlation = together / math.sqrt(of_values * of_places)
    degrees = len(ranks) - 2
    scatter = max(0.0, 1 - correlation**2)
    # t = r √(degrees / (1 - r²)), without the division.
    return abs(correlation) * math.sqrt(degrees) > student_quantile(1 - CHANCE / 2, degrees) * math.sqrt(scatter)
