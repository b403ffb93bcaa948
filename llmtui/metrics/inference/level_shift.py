"""Where a series of figures, in order of time, went from one level to another, in either direction."""

import random
from collections.abc import Sequence
from itertools import accumulate

from llmtui.metrics.inference.intervals import LEVEL, MARGIN
from llmtui.metrics.inference.ranks import midranks
from llmtui.metrics.statistics import median

LEAST = 8
"""With fewer values no split of them is rare enough: 4 against 4 come out perfectly split in 1 of 35 orders."""

LEAST_OF_A_LEVEL = 3
"""A level has so many values; fewer are outliers."""

ORDERS = 2000
SEED = 20_261


def level_shifts(values: Sequence[float], *, margin: float = MARGIN, level: float = LEVEL) -> list[int]:
    """Return the places of the first values of new levels, in order; values that are no numbers are not allowed.

    Each is the split at which the ranks of both parts differ most (Pettitt, A non-parametric approach to the
    change-point problem, Applied Statistics 28, 1979). It counts when at most 1 - `level` of the seeded random orders
    of the same values have so clear a split anywhere, and when the medians of both parts differ by more than `margin`;
    then each part is searched in turn. So of series without a change about 1 in 20 seems to have one.
    """
    found = _split(list(values), margin, 1 - level)
    if found is None:
        return []
    before = level_shifts(values[:found], margin=margin, level=level)
    after = level_shifts(values[found:], margin=margin, level=level)
    return [*before, found, *(found + place for place in after)]


def _split(values: list[float], margin: float, chance: float) -> int | None:
    if len(values) < LEAST or min(values) == max(values):
        return None
    ranks = midranks(values)
    clearness, place = _clearest(ranks)
    if not _differ(values[:place], values[place:], margin):
        return None
    draw = random.Random(SEED)  # noqa: S311 - repeatable figures, no secret
    most = int(chance * (ORDERS + 1)) - 1
    as_clear = 0
    for _ in range(ORDERS):
        draw.shuffle(ranks)
        as_clear += _clearest(ranks)[0] >= clearness
        if as_clear > most:
            return None
    return place


def _clearest(ranks: Sequence[float]) -> tuple[float, int]:
    """Return how clear the clearest split is, and its place: |Σ(rank - mean rank)| of the first part."""
    mean = (len(ranks) + 1) / 2
    sums = list(accumulate(rank - mean for rank in ranks))
    places = range(LEAST_OF_A_LEVEL, len(ranks) - LEAST_OF_A_LEVEL + 1)
    return max((abs(sums[place - 1]), place) for place in places)


def _differ(before: Sequence[float], after: Sequence[float], margin: float) -> bool:
    a, b = median(before), median(after)
    if a is None or b is None:
        return False
    return abs(b - a) > margin * min(abs(a), abs(b))
