"""From the arrivals of one request to its figures: TTFT, decode rate, TPOT, ITL, prefill rate, E2E.

Definitions stand in `llmtui.events.Figures`. All moments are nanoseconds on one monotonic clock. Servers state wrong
counts and clocks may jump, so each figure that is there names its source, and each that is not has its reason.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from llmtui.events import Figures, ServerTimings, TokenBasis, Usage
from llmtui.metrics.gaps import Gaps
from llmtui.metrics.statistics import carries
from llmtui.metrics.token_count import (
    CHARACTERS_PER_TOKEN,
    PLAUSIBLE_TOKENS_PER_SECOND,
    Arrival,
    Group,
    count_tokens,
    group,
)

__all__ = ["CHARACTERS_PER_TOKEN", "Arrival", "measure"]

_LARGEST_COUNT = 2**53
_SLACK_NS = 5_000_000
"""The server's own times may exceed the client's by this and a twentieth: they start and end at other moments."""

_FAST = "more than a million tokens a second is no model's rate"


class _Account:
    """Collects the figures of a request: the known ones with their source, the others with their reason."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.missing: dict[str, str] = {}
        self.notes: list[str] = []

    def put(self, name: str, value: float | None, source: str, reason: str) -> None:
        """Enter a figure; `reason` says why it is not there where `value` is None."""
        self.values[name] = value
        if value is None:
            self.missing[name] = reason
        else:
            self.sources[name] = source


def measure(
    sent_ns: int,
    arrivals: Sequence[Arrival],
    *,
    connect_ns: int | None = None,
    usage: Usage | None = None,
    timings: ServerTimings | None = None,
    tokenizer_count: int | None = None,
    finish_reason: str | None = None,
) -> Figures:
    """Return the figures of a request that was sent at `sent_ns`, also of one that was cut short. Never raises."""
    account = _Account()
    forward = all(earlier.at_ns <= later.at_ns for earlier, later in pairwise(arrivals))
    _moments(account, sent_ns, arrivals, forward=forward)
    account.put("connect_ns", *_connect(connect_ns))
    prompt = usage.prompt_tokens if usage else None
    believed = prompt if prompt is not None and 0 <= prompt <= _LARGEST_COUNT else None
    reason = "the server states no count" if prompt is None else "the server's count is below zero or beyond belief"
    account.put("prompt_tokens", believed, "server", reason)
    span_ns = max(arrivals[-1].at_ns - sent_ns, 0) if arrivals else 0
    tokens, basis = count_tokens(arrivals, usage, tokenizer_count, span_ns / 1e9, account.notes)
    _put_tokens(account, tokens, basis)
    groups, itl_basis = group(arrivals if forward else (), tokens, basis, finish_reason, account.notes)
    _decode(account, groups, _why_no_rate(groups, arrivals))
    gaps = Gaps((later.at_ns - earlier.at_ns, later.tokens) for earlier, later in pairwise(groups))
    _itl(account, gaps, itl_basis, _why_no_rate(groups, arrivals))
    _server_times(account, timings)
    return Figures(
        **account.values,
        chunks=len(arrivals),
        itl_count=len(gaps),
        sources=account.sources,
        missing=account.missing,
        notes=tuple(account.notes),
    )


def _moments(account: _Account, sent_ns: int, arrivals: Sequence[Arrival], *, forward: bool) -> None:
    """Enter the latencies. A clock that went back makes those unknown that span the jump."""
    first = next(iter(arrivals), None)
    answer = next((arrival for arrival in arrivals if not arrival.reasoning), None)
    last = arrivals[-1] if arrivals else None
    jumped = "the clock went back while the request ran"
    for name, arrival, reason in (
        ("ttft_ns", first, "no text came"),
        ("ttft_answer_ns", answer, "reasoning only, no answer came" if arrivals else "no text came"),
        ("e2e_ns", last, "no text came"),
    ):
        sound = arrival is not None and arrival.at_ns >= sent_ns and (forward or arrival is first)
        value = arrival.at_ns - sent_ns if arrival is not None and sound else None
        account.put(name, value, "client", jumped if arrival is not None else reason)


def _connect(connect_ns: int | None) -> tuple[int | None, str, str]:
    if connect_ns is None:
        return None, "client", "an open connection was used again"
    sound = 0 <= connect_ns <= _LARGEST_COUNT
    return connect_ns if sound else None, "client", "the clock jumped while it was opened"


def _put_tokens(account: _Account, tokens: int | None, basis: TokenBasis | None) -> None:
    account.put("tokens", tokens, "server" if basis == "server" else "client", "no text came")
    account.values["tokens_basis"] = basis
    if basis is None:
        account.missing["tokens_basis"] = "no text came"


def _why_no_rate(groups: Sequence[Group], arrivals: Sequence[Arrival]) -> str:
    if not arrivals:
        return "no text came"
    if not groups:
        return "the clock went back while text came"
    return "all text came in one read" if len(groups) == 1 else "the server counts no token after the first arrival"


def _decode(account: _Account, groups: Sequence[Group], reason: str) -> None:
    tokens = sum(arrived.tokens for arrived in groups[1:])
    rate = _rate(tokens, groups[-1].at_ns - groups[0].at_ns) if groups else None
    if rate is not None and rate > PLAUSIBLE_TOKENS_PER_SECOND:
        rate, reason = None, _FAST
    account.put("decode_rate", rate, "client", reason)
    account.put("tpot_ns", 1e9 / rate if rate else None, "client", reason)


def _itl(account: _Account, gaps: Gaps, basis: str, reason: str) -> None:
    for share in (50, 95, 99):
        account.put(f"itl_p{share}_ns", gaps.percentile(share), "client", reason)
    account.put("itl_max_ns", gaps.largest, "client", reason)
    account.put("itl_cv", gaps.variation(), "client", "one gap does not vary" if len(gaps) else reason)
    account.values["itl_basis"] = basis if len(gaps) else None
    if not len(gaps):
        account.missing["itl_basis"] = reason
    elif not carries(len(gaps), 99):
        account.notes.append(f"ITL p99 rests on {len(gaps)} gaps only")


def _server_times(account: _Account, timings: ServerTimings | None) -> None:
    timings = timings or ServerTimings()
    uncounted = "the server does not say how many prompt tokens were computed and how many cached"
    cached = "the whole prompt was in the server's cache, or its counters are zero or beyond belief"
    prefill = _server_rate(timings.prefill_tokens, timings.prefill_ns, "prefill", uncounted, cached)
    account.put("prefill_rate", prefill[0], "server", prefill[1])
    zero = "the server's counters are zero, below it or beyond belief"
    decode = _server_rate(timings.decode_tokens, timings.decode_ns, "decode", "the server counts no tokens", zero)
    account.put("server_decode_rate", decode[0], "server", decode[1])
    for name, span_ns, limit in (("prefill", timings.prefill_ns, "ttft_ns"), ("decode", timings.decode_ns, "e2e_ns")):
        taken = account.values[limit]
        if span_ns is not None and taken is not None and span_ns > taken + taken // 20 + _SLACK_NS:
            whole = "TTFT" if limit == "ttft_ns" else "time until the last text"
            account.notes.append(f"the server's {name} time is longer than the {whole}: its clock may be wrong")


def _server_rate(
    tokens: int | None, span_ns: int | None, what: str, uncounted: str, zero: str
) -> tuple[float | None, str]:
    """Return a rate by the server's own counters, or why there is none."""
    if span_ns is None:
        return None, f"the server states no {what} time"
    if tokens is None:
        return None, uncounted
    rate = _rate(tokens, span_ns)
    if rate is not None and rate > PLAUSIBLE_TOKENS_PER_SECOND:
        return None, f"the server's counters cannot be: {_FAST}"
    return rate, zero


def _rate(tokens: float, span_ns: int) -> float | None:
    """Return tokens per second; None for counts or spans that are not positive, or beyond belief."""
    if min(tokens, span_ns) <= 0 or max(tokens, span_ns) > _LARGEST_COUNT:
        return None
    return tokens * 1e9 / span_ns
