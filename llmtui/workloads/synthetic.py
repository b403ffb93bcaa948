"""Text of an exact length in tokens, by the server's own tokenizer."""

import random
from collections.abc import Callable, Sequence

from llmtui.metrics.latency import CHARACTERS_PER_TOKEN
from llmtui.workloads.base import Bench

_COMMON = (
    "river stone paper window garden morning letter engine market silver winter bridge copper forest "
    "valley number island candle harbour basket mirror orange thunder pocket ladder velvet summer anchor "
    "meadow kettle lantern feather button hammer pencil saddle tunnel wagon blanket cherry "
)
WORDS = tuple(_COMMON.split())

FILL = "a"
"""The shortest word, for the last few tokens."""

MOST_TRIES = 40
"""Tokenizers that join what was apart can miss a length by one for ever; then the nearest below is taken."""


async def exact_text(bench: Bench, tokens: int, draw: random.Random) -> tuple[str, bool]:
    """Return a text of `tokens` tokens drawn from common words, and whether the server counted it.

    Without a tokenizer the length is an estimate from the number of characters. Where no text of just that many tokens
    is found, the nearest shorter one is returned.
    """
    words = draw.choices(WORDS, k=tokens)
    count = await bench.count_tokens(" ".join(words))
    if count is None:
        return _of_characters(words, tokens * CHARACTERS_PER_TOKEN), False
    while count < tokens:
        # This tokenizer joins words.
        words += draw.choices(WORDS, k=tokens)
        before, count = count, await bench.count_tokens(" ".join(words)) or 0
        if count <= before:
            break
    if count == tokens:
        return " ".join(words), True
    text, _ = await longest_text(bench, tokens, lambda most, fill: " ".join([*words[:most], *fill]), len(words))
    return text, True


async def longest_text(
    bench: Bench, tokens: int, compose: Callable[[int, Sequence[str]], str], most: int
) -> tuple[str, int]:
    """Return the longest text of at most `tokens` tokens, and its count, by halving: the count grows with the words.

    `compose` makes a text of so many words, up to `most`, and of short ones that fill what is left.
    """

    async def made(words: int, fill: Sequence[str]) -> tuple[str, int]:
        # Text of tens of thousands of tokens takes long enough to hold up the clock of other requests.
        text = await bench.apart(lambda: compose(words, fill))
        return text, await bench.count_tokens(text) or 0

    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        if (await made(middle, ()))[1] <= tokens:
            least = middle
        else:
            most = middle - 1
    fill: list[str] = []
    best, count = await made(least, fill)
    while count < tokens and len(fill) < MOST_TRIES:
        fill.append(FILL)
        longer, counted = await made(least, fill)
        if counted > tokens:
            break
        best, count = longer, counted
    return best, count


def _of_characters(words: list[str], characters: int) -> str:
    text = " ".join(words)
    while len(text) < characters:
        text = f"{text} {text}"
    return text[:characters].rstrip()
