"""What a server did under load: rates and goodput over a window, from the requests that ran in it.

All moments are nanoseconds on one clock. Latencies under load count from the moment at which a request was *due*, so
that a server (or a client) that falls behind can't hide it by sending late: no coordinated omission.
"""

from collections.abc import Sequence
from typing import NamedTuple

LEAST_SHARE = 0.25
"""Of the time in which a closed loop held its load, what has to be left behind a warm-up that nobody asked for."""


class LoadedRequest(NamedTuple):
    """One request under load. `arrivals` are the moments of its chunks; `tokens` is spread evenly over them.

    `ttft_ns` and `e2e_ns` count from `sent_ns`; `itl_ns` is the mean time between its tokens.
    """

    due_ns: int
    sent_ns: int | None
    ended_ns: int
    done: bool
    ttft_ns: float | None = None
    itl_ns: float | None = None
    e2e_ns: float | None = None
    tokens: int | None = None
    arrivals: Sequence[int] = ()

    @property
    def delay_ns(self) -> int:
        """How much later than due it was sent."""
        return max(0, (self.sent_ns if self.sent_ns is not None else self.ended_ns) - self.due_ns)


class Objective(NamedTuple):
    """An SLO: limits in ns, None where there is none, and the share of the requests that must keep them all."""

    ttft_ns: float | None
    itl_ns: float | None
    e2e_ns: float | None
    share: float


class Window(NamedTuple):
    """The time in which a load is measured, and what a reader should know of how it was chosen."""

    start_ns: int
    end_ns: int
    notes: tuple[str, ...] = ()


class LoadFigures(NamedTuple):
    """What a window shows; rates are per second, None for a window without length or a rate nobody can know."""

    requests: int
    failed: int
    good: int | None
    kept_slo: bool | None
    token_rate: float | None
    request_rate: float | None
    goodput: float | None
    in_flight: float | None


def closed_window(  # noqa: PLR0917 - four moments and a count
    first_answers: Sequence[int], began_ns: int, fell_ns: int, warmup_ns: int | None, cooldown_ns: int, streams: int
) -> Window:
    """Return the window of a closed loop that held its load from `began_ns` until it fell at `fell_ns`.

    Without a `warmup_ns` it begins when each of `streams` has had its first answer (`first_answers`): before that the
    streams are in step, as they never are again. What is left has to be `LEAST_SHARE` of the time: the rates of a
    moment would be those of chance.
    """
    end = fell_ns - cooldown_ns
    if warmup_ns is not None:
        return _window(began_ns + warmup_ns, end, began_ns, fell_ns)
    start = max(first_answers, default=end)
    if len(first_answers) < streams or end - start < max(1, LEAST_SHARE * (fell_ns - began_ns)):
        note = "too few requests to leave a warm-up out: ask for more `requests` or a longer `duration_s`"
        return Window(began_ns, fell_ns, (note,))
    return Window(start, end)


def open_window(began_ns: int, fell_ns: int, warmup_ns: int | None, cooldown_ns: int) -> Window:
    """Return the window of an open loop; without a `warmup_ns` the first tenth is left out."""
    start = began_ns + (warmup_ns if warmup_ns is not None else (fell_ns - began_ns) // 10)
    return _window(start, fell_ns - cooldown_ns, began_ns, fell_ns)


def _window(start: int, end: int, began: int, fell: int) -> Window:
    if start < end:
        return Window(start, end)
    return Window(began, max(began, fell), ("warm-up and cool-down took the whole step, so nothing was left out",))


def measure_window(requests: Sequence[LoadedRequest], window: Window, objective: Objective | None) -> LoadFigures:
    """Return what `window` shows. Counted are the requests due in it, even those that ended after it."""
    start, end = window.start_ns, window.end_ns
    counted = [request for request in requests if start <= request.due_ns <= end]
    good = [request for request in counted if objective is not None and keeps(request, objective)]
    seconds = (end - start) / 1e9
    ended = [request for request in requests if request.done and start < request.ended_ns <= end]
    rates = seconds > 0
    return LoadFigures(
        requests=len(counted),
        failed=sum(not request.done for request in counted),
        good=len(good) if objective is not None else None,
        kept_slo=len(good) >= objective.share * len(counted) if objective is not None and counted else None,
        token_rate=_tokens_within(requests, start, end) / seconds if rates else None,
        request_rate=len(ended) / seconds if rates else None,
        goodput=sum(keeps(request, objective) for request in ended) / seconds if rates and objective else None,
        in_flight=sum(_overlap(request, start, end) for request in requests) / (end - start) if rates else None,
    )


def keeps(request: LoadedRequest, objective: Objective) -> bool:
    """Whether a request kept every limit; one that failed, or lacks the figure that is limited, did not."""
    if not request.done:
        return False
    pairs = (
        (_from_due(request, request.ttft_ns), objective.ttft_ns),
        (request.itl_ns, objective.itl_ns),
        (_from_due(request, request.e2e_ns), objective.e2e_ns),
    )
    return all(limit is None or (value is not None and value <= limit) for value, limit in pairs)


def _from_due(request: LoadedRequest, value: float | None) -> float | None:
    return None if value is None else value + request.delay_ns


def _tokens_within(requests: Sequence[LoadedRequest], start: int, end: int) -> float:
    total = 0.0
    for request in requests:
        if request.arrivals and request.tokens:
            within = sum(start < at <= end for at in request.arrivals)
            total += request.tokens * within / len(request.arrivals)
    return total


def _overlap(request: LoadedRequest, start: int, end: int) -> int:
    begin = request.sent_ns if request.sent_ns is not None else request.due_ns
    return max(0, min(request.ended_ns, end) - max(begin, start))
