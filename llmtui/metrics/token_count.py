"""How many tokens an answer has, by which basis, and how many came with each chunk. Servers' counts are checked."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from llmtui.events import TokenBasis, Usage

CHARACTERS_PER_TOKEN = 4
"""Last resort for counting: English text under the usual vocabularies, see the basis "estimated"."""

LONGEST_TOKEN = 256
"""Characters. The longest tokens of known vocabularies are runs of 128 blanks."""

PLAUSIBLE_TOKENS_PER_SECOND = 1e6
"""A rate above this is a counter that lies, not a model."""

_LARGEST_SHOWN = 10**15


class Arrival(NamedTuple):
    """A chunk with text: when it came, how many tokens the server had stated by then (None: not stated)."""

    at_ns: int
    characters: int
    reasoning: bool
    tokens_stated: int | None = None


class Group(NamedTuple):
    """The chunks of one read, which share a moment and so count as one arrival."""

    at_ns: int
    tokens: float


def count_tokens(
    arrivals: Sequence[Arrival],
    usage: Usage | None,
    tokenizer_count: int | None,
    seconds: float,
    notes: list[str],
) -> tuple[int | None, TokenBasis | None]:
    """Choose the token count: the server's, then a tokenizer's, then the chunks, then an estimate from the text.

    A count that cannot be is passed over, and `notes` says why. `seconds` is how long the answer took.
    """
    characters = sum(arrival.characters for arrival in arrivals)
    stated = usage.completion_tokens if usage else None
    running = max((a.tokens_stated for a in arrivals if a.tokens_stated is not None), default=None)
    if stated is not None and running is not None and running > stated:
        notes.append(f"the server counted {_shown(running)} tokens as it went and {_shown(stated)} at the end")
    if stated is None:
        stated = running
    if stated == 0 and not arrivals:
        return 0, "server"
    bases: tuple[tuple[TokenBasis, int | None], ...] = (("server", stated), ("tokenizer", tokenizer_count))
    for basis, count in bases:
        if count is None:
            continue
        objection = _objection(count, len(arrivals), characters, seconds)
        if objection is None:
            return count, basis
        notes.append(f"the {basis}'s token count of {_shown(count)} was not used: {objection}")
    if not arrivals:
        return None, None
    if characters > len(arrivals) * CHARACTERS_PER_TOKEN * 2:
        notes.append("chunks hold several tokens each and no count is known: estimated from the text's length")
        return max(len(arrivals), round(characters / CHARACTERS_PER_TOKEN)), "estimated"
    return len(arrivals), "chunks"


def group(
    arrivals: Sequence[Arrival],
    tokens: int | None,
    basis: TokenBasis | None,
    finish_reason: str | None,
    notes: list[str],
) -> tuple[list[Group], Literal["tokens", "chunks"]]:
    """Put the chunks of one read together and give each group its tokens.

    Running counts of the server are exact. Without them a total equal to the chunks, or one more at a normal stop (the
    end token shows no text), means one token a chunk; any other total is spread evenly over the chunks.
    """
    if not arrivals:
        return [], "chunks"
    count = len(arrivals)
    itl_basis: Literal["tokens", "chunks"] = "tokens"
    shares = _stated_shares(arrivals, tokens, notes) if basis == "server" else None
    if shares is None:
        share = 1.0
        if tokens is None or tokens < count:
            itl_basis = "chunks"
        if tokens is not None and tokens < count:
            notes.append(f"the server counts {tokens} tokens but sent {count} chunks with text: ITL is per chunk")
            share = tokens / count
        elif tokens is not None and tokens > count and not (tokens == count + 1 and finish_reason == "stop"):
            notes.append(f"{tokens} tokens came in {count} chunks: spread evenly over them")
            share = tokens / count
        shares = [share] * count
    groups: list[Group] = []
    for arrival, share in zip(arrivals, shares, strict=True):
        if groups and groups[-1].at_ns == arrival.at_ns:
            groups[-1] = Group(arrival.at_ns, groups[-1].tokens + share)
        else:
            groups.append(Group(arrival.at_ns, share))
    return groups, itl_basis


def _objection(count: int, chunks: int, characters: int, seconds: float) -> str | None:
    """Return why a count cannot be that of an answer; None when it can."""
    if count <= 0:
        return f"{chunks} chunks came" if chunks else "a count is 0 or more"
    if count > PLAUSIBLE_TOKENS_PER_SECOND * max(seconds, 1.0):
        return "that is more than a million a second"
    if characters > count * LONGEST_TOKEN:
        return f"no token is as long as that makes them, {characters} characters came"
    return None


def _stated_shares(arrivals: Sequence[Arrival], tokens: int | None, notes: list[str]) -> list[float] | None:
    """Return the tokens of each chunk from the server's running counts, or None where they do not hold together."""
    counts = [arrival.tokens_stated for arrival in arrivals if arrival.tokens_stated is not None]
    if len(counts) < len(arrivals):
        return None
    known = [0, *counts]
    if any(later < earlier for earlier, later in pairwise(known)) or not 0 < known[-1] <= (tokens or 0):
        notes.append("the server's running counts do not hold together: they were not used")
        return None
    return [float(later - earlier) for earlier, later in pairwise(known)]


def _shown(count: int) -> str:
    return str(count) if abs(count) < _LARGEST_SHOWN else "over 10^15" if count > 0 else "below -10^15"
