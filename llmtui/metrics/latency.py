"""From the arrivals of one request to its figures: TTFT, decode rate, TPOT, ITL, prefill rate, E2E.

Definitions stand in `llmtui.events.Figures`. All moments are nanoseconds on one monotonic clock.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from llmtui.events import Figures, ServerTimings, TokenBasis, Usage
from llmtui.metrics.statistics import carries, coefficient_of_variation, percentile

CHARACTERS_PER_TOKEN = 4
"""Last resort for counting: English text under the usual vocabularies, see the basis "estimated"."""

PLAUSIBLE_TOKENS_PER_SECOND = 1e6
"""A rate above this is a counter that lies, not a model."""

MOST_TOKENS_OF_A_CHUNK = 1000
"""A chunk weighs no more than this in the gaps, so that a counter that lies costs neither memory nor time."""


class Arrival(NamedTuple):
    """A chunk with text: when it came, how many tokens the server had stated by then (None: not stated)."""

    at_ns: int
    characters: int
    reasoning: bool
    tokens_stated: int | None = None


class _Group(NamedTuple):
    """The chunks of one read, which share a moment and so count as one arrival."""

    at_ns: int
    chunks: int
    tokens: float | None


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
    """Return the figures of a request that was sent at `sent_ns`, also of one that was cut short."""
    notes: list[str] = []
    missing: dict[str, str] = {}
    sources: dict[str, str] = {}
    arrivals = [arrival for arrival in arrivals if arrival.at_ns >= sent_ns]
    tokens, basis = _count(arrivals, usage, tokenizer_count, notes)
    groups, itl_basis = _group(arrivals, tokens, finish_reason, notes)
    decode = _decode_rate(groups, missing)
    prefill = _prefill_rate(timings, missing, sources)
    server_decode = _rate(timings.decode_tokens, timings.decode_ns) if timings else None
    if server_decode is None:
        missing["server_decode_rate"] = "the server states no decode time"
    gaps = _gaps(groups)
    if not gaps:
        missing.update(dict.fromkeys(("itl_p50_ns", "itl_p99_ns"), "fewer than two arrivals"))
    elif not carries(len(gaps), 99):
        notes.append(f"ITL p99 rests on {len(gaps)} gaps only")
    first = next(iter(arrivals), None)
    answer = next((arrival for arrival in arrivals if not arrival.reasoning), None)
    if first is None:
        missing.update(dict.fromkeys(("ttft_ns", "ttft_answer_ns", "e2e_ns", "tokens"), "no text came"))
    elif answer is None:
        missing["ttft_answer_ns"] = "reasoning only, no answer came"
    if first is not None:
        sources.update(ttft_ns="client", e2e_ns="client")
    if decode is not None:
        sources["decode_rate"] = "client"
    return Figures(
        ttft_ns=first.at_ns - sent_ns if first else None,
        ttft_answer_ns=answer.at_ns - sent_ns if answer else None,
        e2e_ns=arrivals[-1].at_ns - sent_ns if arrivals else None,
        connect_ns=connect_ns,
        tokens=tokens,
        tokens_basis=basis,
        prompt_tokens=usage.prompt_tokens if usage else None,
        chunks=len(arrivals),
        decode_rate=decode,
        tpot_ns=1e9 / decode if decode else None,
        prefill_rate=prefill,
        itl_p50_ns=percentile(gaps, 50),
        itl_p95_ns=percentile(gaps, 95),
        itl_p99_ns=percentile(gaps, 99),
        itl_max_ns=max(gaps, default=None),
        itl_cv=coefficient_of_variation(gaps),
        itl_count=len(gaps),
        itl_basis=itl_basis if gaps else None,
        server_decode_rate=server_decode,
        sources=sources,
        missing=missing,
        notes=tuple(notes),
    )


def _count(
    arrivals: Sequence[Arrival], usage: Usage | None, tokenizer_count: int | None, notes: list[str]
) -> tuple[int | None, TokenBasis | None]:
    """Choose the token count: the server's, then a tokenizer's, then the chunks, then an estimate from the text."""
    stated = usage.completion_tokens if usage else None
    if stated is None:
        stated = max((a.tokens_stated for a in arrivals if a.tokens_stated is not None), default=None)
    if stated is not None and stated > 0:
        return stated, "server"
    if stated is not None and arrivals:
        notes.append(f"the server's token count of {stated} was not used: {len(arrivals)} chunks came")
    if tokenizer_count is not None and tokenizer_count > 0:
        return tokenizer_count, "tokenizer"
    if not arrivals:
        return (0, "server") if stated == 0 else (None, None)
    characters = sum(arrival.characters for arrival in arrivals)
    if characters > len(arrivals) * CHARACTERS_PER_TOKEN * 2:
        notes.append("chunks hold several tokens each and the server states no count: estimated from the text's length")
        return max(len(arrivals), round(characters / CHARACTERS_PER_TOKEN)), "estimated"
    return len(arrivals), "chunks"


def _group(
    arrivals: Sequence[Arrival], tokens: int | None, finish_reason: str | None, notes: list[str]
) -> tuple[list[_Group], Literal["tokens", "chunks"]]:
    """Put the chunks of one read together and give each group its tokens.

    Running counts of the server are exact. Without them a total equal to the chunks, or one more at a normal stop (the
    end token shows no text), means one token a chunk; any other total is spread evenly over the chunks.
    """
    if not arrivals:
        return [], "chunks"
    shares = _stated_shares(arrivals)
    basis: Literal["tokens", "chunks"] = "tokens"
    if shares is None:
        count = len(arrivals)
        if tokens is None or tokens < count:
            if tokens is not None:
                notes.append(f"the server counts {tokens} tokens but sent {count} chunks with text: ITL is per chunk")
            basis = "chunks"
        one_each = tokens is None or tokens == count or (tokens == count + 1 and finish_reason == "stop")
        if not one_each and tokens is not None and tokens > count:
            notes.append(f"{tokens} tokens came in {count} chunks: spread evenly over them")
        share = 1.0 if one_each or tokens is None else tokens / count
        shares = [share] * count
    groups: list[_Group] = []
    for arrival, share in zip(arrivals, shares, strict=True):
        if groups and groups[-1].at_ns == arrival.at_ns:
            last = groups.pop()
            groups.append(_Group(last.at_ns, last.chunks + 1, (last.tokens or 0) + share))
        else:
            groups.append(_Group(arrival.at_ns, 1, share))
    return groups, basis


def _stated_shares(arrivals: Sequence[Arrival]) -> list[float] | None:
    """Return the tokens of each chunk from the server's running counts, or None where they do not hold together."""
    counts = [arrival.tokens_stated for arrival in arrivals]
    if any(count is None for count in counts):
        return None
    known = [0, *(count for count in counts if count is not None)]
    if any(later < earlier for earlier, later in pairwise(known)) or known[-1] == 0:
        return None
    return [float(later - earlier) for earlier, later in pairwise(known)]


def _decode_rate(groups: Sequence[_Group], missing: dict[str, str]) -> float | None:
    if len(groups) < 2:  # noqa: PLR2004 - a rate needs two moments
        reason = "all text came in one read" if groups else "no text came"
        missing.update(decode_rate=reason, tpot_ns=reason)
        return None
    tokens = sum(group.tokens or 0 for group in groups[1:])
    rate = _rate(tokens, groups[-1].at_ns - groups[0].at_ns)
    if rate is None:
        reason = "no tokens, or no time, between the first and the last arrival"
        missing.update(decode_rate=reason, tpot_ns=reason)
    return rate


def _gaps(groups: Sequence[_Group]) -> list[float]:
    """Return one gap per token after the first arrival: a wait for n tokens counts as n gaps of an n-th each."""
    gaps: list[float] = []
    for earlier, later in pairwise(groups):
        tokens = later.tokens or 0
        gap = later.at_ns - earlier.at_ns
        times = min(max(1, round(tokens)), MOST_TOKENS_OF_A_CHUNK)
        gaps.extend([gap / max(tokens, 1)] * times)
    return gaps


def _prefill_rate(timings: ServerTimings | None, missing: dict[str, str], sources: dict[str, str]) -> float | None:
    if timings is None or timings.prefill_ns is None:
        missing["prefill_rate"] = "the server states no prefill time"
        return None
    if timings.prefill_tokens is None:
        missing["prefill_rate"] = "the server does not say how many prompt tokens were computed and how many cached"
        return None
    rate = _rate(timings.prefill_tokens, timings.prefill_ns)
    if rate is None:
        missing["prefill_rate"] = "the whole prompt was in the server's cache, or its counters are zero"
        return None
    sources["prefill_rate"] = "server"
    return rate


def _rate(tokens: float | None, span_ns: float | None) -> float | None:
    """Return tokens per second; None for counts or spans that are absent, not positive or beyond belief."""
    if tokens is None or span_ns is None or tokens <= 0 or span_ns <= 0:
        return None
    rate = tokens * 1e9 / span_ns
    return rate if rate <= PLAUSIBLE_TOKENS_PER_SECOND else None
