"""Whether llmtui itself may be in the figures: its processor time and the lag of its loop against bounds."""

from collections.abc import Sequence

from llmtui.metrics.statistics import percentile

LEAST_LAGS = 50
"""How many lags a p99 needs before a job may be flagged for it: five seconds of a run."""

LEAST_SECONDS = 4.0
"""How long a job must have run before its share of a core means anything."""


def client_bound_reason(
    cpu_seconds: float, seconds: float, lags_ns: Sequence[int], *, most_cpu: float, most_lag_ms: float
) -> str | None:
    """Return a sentence when the engine used more than `most_cpu` percent of a core over a job, or lagged too much."""
    if seconds >= LEAST_SECONDS and cpu_seconds / seconds * 100 > most_cpu:
        return (
            f"llmtui itself used {cpu_seconds / seconds * 100:.0f} % of a core (limit {most_cpu:g} %): its own work "
            "may be in these figures; take fewer streams, or measure from another machine"
        )
    lag = percentile(lags_ns, 99) if len(lags_ns) >= LEAST_LAGS else None
    if lag is not None and lag > most_lag_ms * 1e6:
        return (
            f"llmtui's own loop was {lag / 1e6:.0f} ms late at p99 (limit {most_lag_ms:g} ms): moments may be stamped "
            "late by as much; leave a core free, or measure from another machine"
        )
    return None
