"""Ends of axes that people can read."""

import math


def round_up(value: float) -> float:
    """Return the next number above `value` that is 1, 2 or 5 times a power of ten; 1 for what is not above zero."""
    if not 0 < value < math.inf:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in (1, 2, 5, 10) if step * power >= value), value)
