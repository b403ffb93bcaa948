"""The levels of a load: which there are, and how much each asks for."""

import msgspec

from llmtui.events import OfferedLoad
from llmtui.suites.grid import sides_of
from llmtui.suites.schema import Load, Suite
from llmtui.suites.variants import varied

LEAST_REQUESTS = 8
REQUESTS_PER_STREAM = 4
SECONDS_OF_RATE = 20
"""How much a level asks for when the suite says neither `requests` nor `duration_s`."""

OPEN_LOOP_STREAMS = 4
"""How many requests an embedded server takes at once when the load is a rate and the suite does not say more."""


def levels_of(spec: Load) -> list[OfferedLoad]:
    """Return the levels that a suite lists, in its order; none for a search, which finds its own."""
    if spec.search is not None:
        return []
    concurrency = (spec.concurrency,) if isinstance(spec.concurrency, int) else spec.concurrency
    rate = (spec.rate,) if isinstance(spec.rate, int | float) else spec.rate
    return [
        *(OfferedLoad(concurrency=count) for count in concurrency),
        *(OfferedLoad(rate=float(per_second), arrivals=spec.arrivals) for per_second in rate),
    ]


def requests_of(spec: Load, level: OfferedLoad) -> int:
    """Return how many requests end a level; 0 when its duration does."""
    if spec.requests is not None:
        return spec.requests
    if spec.duration_s is not None:
        return 0
    if level.concurrency is not None:
        return max(LEAST_REQUESTS, REQUESTS_PER_STREAM * level.concurrency)
    return max(LEAST_REQUESTS, round((level.rate or 0) * SECONDS_OF_RATE))


def at_level(spec: Load, level: OfferedLoad) -> Load:
    """Return `spec` with this level alone."""
    if level.concurrency is not None:
        return msgspec.structs.replace(spec, concurrency=(level.concurrency,), rate=())
    return msgspec.structs.replace(spec, concurrency=(), rate=(level.rate or 0.0,))


def parallel_of(suite: Suite) -> int:
    """Return how many requests an embedded server must take at once for `suite` and all that it compares."""
    loads = [workload for workload in suite.workloads if isinstance(workload, Load)]
    changed = [varied(load, side) for load in loads for side in sides_of(suite)]
    return max((_most_at_once(load) for load in (*loads, *changed)), default=1)


def _most_at_once(spec: Load) -> int:
    if spec.search is not None:
        return round(spec.search.highest) if spec.search.over == "concurrency" else OPEN_LOOP_STREAMS
    return max((level.concurrency or OPEN_LOOP_STREAMS for level in levels_of(spec)), default=1)
