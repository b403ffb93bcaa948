"""The decode rate of spans of time, from the arrivals of many requests: what a long run is recorded by."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple


class Arrived(NamedTuple):
    """The chunks of one request: their moments (ns, in order), and the tokens of each on average."""

    arrivals: Sequence[int]
    tokens_per_chunk: float


class IntervalRate(NamedTuple):
    """What came in a span: tokens in all, and tokens/s while decoding; None without two chunks of a request in it."""

    tokens: int
    decode_rate: float | None


def rate_within(requests: Sequence[Arrived], start: int, end: int) -> IntervalRate:
    """Return the rate in [start, end), from gaps between chunks that lie wholly in it.

    Prefill and waiting are in no such gap, so the rate of a machine that slows down is all that changes it. With
    several streams it is the mean rate of a stream.
    """
    arrived = gaps = 0.0
    span = 0
    for request in requests:
        within = [at for at in request.arrivals if start <= at < end]
        arrived += len(within) * request.tokens_per_chunk
        gaps += max(0, len(within) - 1) * request.tokens_per_chunk
        span += sum(later - earlier for earlier, later in pairwise(within))
    return IntervalRate(round(arrived), gaps * 1e9 / span if span > 0 else None)


def spread_within(
    samples: Sequence[tuple[int, Mapping[str, float]]], start: int, end: int
) -> dict[str, tuple[float, float, float]]:
    """Return (least, mean, greatest) of each figure over the samples (t, values) in [start, end)."""
    values: dict[str, list[float]] = {}
    for t, readings in samples:
        if start <= t < end:
            for key, value in readings.items():
                values.setdefault(key, []).append(value)
    return {key: (min(found), sum(found) / len(found), max(found)) for key, found in values.items()}
