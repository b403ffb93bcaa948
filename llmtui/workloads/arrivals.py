"""When the requests of an open loop are due: evenly, or at random as independent users come."""

import random
from collections.abc import Iterator
from typing import Literal


def due_times(start_ns: int, rate: float, arrivals: Literal["constant", "poisson"], seed: int) -> Iterator[int]:
    """Yield the moments (ns) at which requests are due from `start_ns` on, `rate` a second on average, without end.

    Poisson arrivals have independent exponential gaps; the same seed gives the same moments.
    """
    draw = random.Random(seed)  # noqa: S311 - repeatable arrivals, not a secret
    at = 0.0
    while True:
        yield start_ns + round(at * 1e9)
        at += 1 / rate if arrivals == "constant" else draw.expovariate(rate)
