"""A context filled to its size: the text with its facts, the first question and the one that follows."""

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from llmtui.events import TokenBasis
from llmtui.metrics.latency import CHARACTERS_PER_TOKEN
from llmtui.quality.town import Fact, draw_facts, hide, town_text
from llmtui.suites.kinds.long_context import LongContext, room_of
from llmtui.workloads.base import Bench, Messages
from llmtui.workloads.synthetic import longest_text

INTRODUCTION = "Read this text about a harbour town. Two questions about it will follow."
MANNER = "Begin your answer with the number. Then tell in a few sentences what else the text says of the harbour."
NO_ANSWER = "(no answer)"
"""What stands for an empty answer in the conversation: some chat templates refuse a turn without text."""


Compose = Callable[[int, Sequence[str]], str]
"""Makes a message of so many words of the text, and of short ones at its end."""


class FilledContext(NamedTuple):
    """What fills a context: `message` has `tokens` tokens, counted as `basis` says."""

    message: str
    tokens: int
    basis: TokenBasis
    facts: tuple[Fact, ...]

    def first(self, system: str | None) -> Messages:
        """Return the conversation up to the first question."""
        user = ("user", self.message)
        return (user,) if system is None else (("system", system), user)

    def follow_up(self, system: str | None, answer: str) -> Messages:
        """Return the conversation up to the second question."""
        question = f"{self.facts[1].question} {MANNER}"
        return (*self.first(system), ("assistant", answer.strip() or NO_ANSWER), ("user", question))


async def fill_context(
    bench: Bench, spec: LongContext, size: int, characters_per_token: float | None = None
) -> FilledContext:
    """Return what fills a context of `size` tokens but for the room that the answers need.

    Without a tokenizer of the server the length is an estimate by `characters_per_token` (None: a usual one).
    """
    draw = random.Random(f"{spec.seed}/{size}")  # noqa: S311 - a repeatable text, not a secret
    words = await bench.apart(lambda: town_text(size, draw))
    facts = draw_facts(2, draw)
    line = bench.unique_line()

    def compose(most: int, fill: Sequence[str]) -> str:
        text = hide([*words[:most], *fill], facts)
        return f"{line}{INTRODUCTION}\n\n{text}\n\n{facts[0].question} {MANNER}"

    tokens = size - room_of(spec)
    if await bench.count_tokens(line) is None:
        ratio = characters_per_token or CHARACTERS_PER_TOKEN
        message = await bench.apart(lambda: compose(_words_within(compose, len(words), tokens * ratio), ()))
        return FilledContext(message, round(len(message) / ratio), "estimated", facts)
    message, count = await longest_text(bench, tokens, compose, len(words))
    return FilledContext(message, count, "tokenizer", facts)


def _words_within(compose: Compose, words: int, characters: float) -> int:
    """Return with how many words the message has at most so many characters."""
    least, most = 0, words
    while least < most:
        middle = (least + most + 1) // 2
        if len(compose(middle, ())) <= characters:
            least = middle
        else:
            most = middle - 1
    return least
