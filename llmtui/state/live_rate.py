"""The rate of a request while it runs: an estimate for the eye."""

import math

from llmtui.state.session import Request

RATE_WINDOW_NS = 2_000_000_000
"""Over how long a live rate is taken."""

LEAST_SPAN_NS = 200_000_000
"""Batches of several streams that come together within less than this say nothing of a rate."""


def live_rate(request: Request, window_ns: int = RATE_WINDOW_NS) -> float:
    """Return tokens per second over the last `window_ns` of a request that streams; NaN before two batches came.

    An estimate for the eye: a chunk counts as one token where the server does not say more.
    """
    if len(request.recent) < 2:  # noqa: PLR2004 - a rate needs two points
        return math.nan
    end = request.recent[-1][0]
    start = request.recent[0][0]
    tokens = 0
    for t, count in reversed(request.recent):
        if end - t > window_ns:
            start = t
            break
        tokens += count
    else:
        tokens -= request.recent[0][1]
    return tokens * 1e9 / (end - start) if end > start else math.nan
