"""The waits between arrivals, one per token: percentiles and spread, without a list as long as the tokens."""

import math
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate


class Gaps:
    """A sample in which each wait counts as often as it has tokens: a wait for n tokens is n gaps of an n-th each.

    Args:
        waits: Pairs of a wait and the tokens that came at its end; less than one token counts as one.
    """

    def __init__(self, waits: Iterable[tuple[float, float]]) -> None:
        pairs = sorted((wait / max(tokens, 1), max(1, round(tokens))) for wait, tokens in waits)
        self._values = [value for value, _ in pairs]
        self._weights = [weight for _, weight in pairs]
        self._ends = list(accumulate(self._weights))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @property
    def largest(self) -> float | None:
        """The longest gap."""
        return self._values[-1] if self._values else None

    def percentile(self, share: float) -> float | None:
        """Return the percentile `share` (0 to 100) by the definition of `statistics.percentile`."""
        if not self._values:
            return None
        place = (len(self) - 1) * share / 100
        below = self._at(math.floor(place))
        return below + (self._at(math.ceil(place)) - below) * (place - math.floor(place))

    def variation(self) -> float | None:
        """Return the standard deviation over the mean (sample SD, n - 1); None below two gaps or for a mean of zero."""
        count = len(self)
        total = math.fsum(v * w for v, w in zip(self._values, self._weights, strict=True))
        mean = total / count if count > 1 else 0.0
        if mean <= 0:
            return None
        squares = math.fsum(w * (v - mean) ** 2 for v, w in zip(self._values, self._weights, strict=True))
        return math.sqrt(squares / (count - 1)) / mean

    def _at(self, rank: int) -> float:
        return self._values[bisect_right(self._ends, rank)]
