"""Ends of axes that people can read."""

import math
from collections.abc import Sequence

COARSE = (1.0, 2.0, 5.0, 10.0)
"""Steps for an axis that should change seldom while values come."""

FINE = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
"""Steps for an axis whose values are all known."""


def round_up(value: float, steps: Sequence[float] = COARSE) -> float:
    """Return the next number above `value` that is one of `steps` times a power of ten; 1 for none above zero."""
    if not 0 < value < math.inf:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in steps if step * power >= value), value)
