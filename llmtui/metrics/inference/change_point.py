"""Where in a sequence the level fell."""

import math
from collections.abc import Sequence

from llmtui.metrics.statistics import mean_and_sd, median

REACH = 2
"""Each value is taken as the median of itself and so many on either side: a lone spike vanishes, a step stays."""


def change_point(values: Sequence[float]) -> int | None:
    """Return the place of the first value after the most likely fall of the level; None where nothing falls.

    That is the split for which the means of both parts differ most, against their error: the maximum likelihood for one
    step in even scatter (Hawkins, Testing a sequence of observations for a shift in location, JASA 72, 1977), after a
    running median of five. Of a steady drift it is about the middle.
    """
    count = len(values)
    smooth = [median(values[max(0, place - REACH) : place + REACH + 1]) or 0.0 for place in range(count)]
    mean, _ = mean_and_sd(smooth)
    best, clearest, above = None, 0.0, 0.0
    for place, value in enumerate(smooth[:-1], start=1):
        above += value - (mean or 0.0)
        clearness = above / math.sqrt(place * (count - place))
        # Rounding leaves something of sums that should be zero; a split where nothing falls is none.
        if clearness > clearest and smooth[place - 1] > smooth[place]:
            best, clearest = place, clearness
    return best
