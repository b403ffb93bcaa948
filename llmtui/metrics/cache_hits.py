"""Whether prompts were answered from the server's prompt cache although they were meant to be computed."""

from collections.abc import Sequence
from typing import NamedTuple

STATED_SHARE = 0.5
"""A prompt counts as cached when the server says so of more than this share; a template in front always is."""

TTFT_SHARE = 0.4
"""A prompt counts as cached when its TTFT is below this share of the longest for the same prompt."""

LEAST_PROMPT_TOKENS = 64
"""In shorter prompts the prefill is too small a part of the TTFT to give a hit away."""


class PromptTiming(NamedTuple):
    """One request that was sent while no other was: which prompt, how long until its first token, what was cached."""

    prompt: str
    prompt_tokens: int | None
    cached_tokens: int | None
    ttft_ns: float | None


def cache_hit_warning(timings: Sequence[PromptTiming], *, alone: bool) -> str | None:
    """Return a sentence when some of the prompts came from the cache, else None.

    The server's own word counts first. Without it the TTFT gives a hit away, if each request was `alone`: with others
    beside it, it may just as well have found a shorter queue.
    """
    stated = [timing for timing in timings if _stated(timing)]
    if stated:
        return (
            f"{len(stated)} of {len(timings)} prompts came mostly from the server's prompt cache, as it says itself: "
            "their TTFT shows the cache and not the prefill; set `prompt_cache: avoid` to measure the prefill"
        )
    hits = _given_away(timings) if alone else 0
    if hits:
        return (
            f"the TTFT of {hits} of {len(timings)} requests is so short that the prompt cache must have answered: "
            "compare them with care, or set `prompt_cache: avoid`"
        )
    return None


def _stated(timing: PromptTiming) -> bool:
    tokens, cached = timing.prompt_tokens or 0, timing.cached_tokens or 0
    return cached > STATED_SHARE * tokens and tokens >= LEAST_PROMPT_TOKENS


def _given_away(timings: Sequence[PromptTiming]) -> int:
    longest: dict[str, float] = {}
    hits = 0
    for timing in timings:
        if timing.ttft_ns is None or (timing.prompt_tokens or 0) < LEAST_PROMPT_TOKENS:
            continue
        hits += timing.ttft_ns < TTFT_SHARE * longest.get(timing.prompt, 0.0)
        longest[timing.prompt] = max(timing.ttft_ns, longest.get(timing.prompt, 0.0))
    return hits
