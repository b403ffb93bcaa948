"""How far a figure may be from the truth, in one place, each bound with its reason."""

import msgspec

MS = 1_000_000


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of a self-test; times in nanoseconds."""

    stamp_p99_ns: int = 1 * MS
    """From a send to the stamp of its arrival. Models stream a token every 5 to 100 ms, so 1 ms is 20 % of the shortest
    gap and 1 % of a common one, and a gap, as a difference of two stamps, loses what is constant in it."""

    early_ns: int = 100_000
    """By how much a stamp may lie before its send. The kernel stamps by the wall clock; to bring that to the monotonic
    one takes a reading of both clocks, between which an interrupt may come. No effect comes earlier than its cause."""

    gap_p99_ns: int = 1 * MS
    """Of a gap between two arrivals: it is the difference of two stamps, each of which keeps its own bound."""

    ttft_p99_ns: int = 1 * MS
    """TTFT is 10 ms at the least, so 1 ms is 10 % of the shortest and below 1 % of a common one."""

    rate_percent: float = 1.0
    """Runs of the same model on the same machine differ by more than this."""

    at_once_ttft_ns: int = 20 * MS
    """For the last of 64 requests that start together: a client that writes them one by one needs 0.3 ms for each."""
