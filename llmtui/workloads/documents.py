"""Documents of natural text to a length in tokens, composed by a seed from sentences of our own."""

import random
from collections.abc import Iterator, Sequence

from llmtui.metrics.latency import CHARACTERS_PER_TOKEN
from llmtui.workloads.base import Bench
from llmtui.workloads.document_sentences import FILLERS, TOPICS

LEAST_A_SENTENCE = 8
"""No sentence is shorter than so many tokens."""


async def make_documents(bench: Bench, count: int, tokens: tuple[int, int], seed: int) -> list[str]:
    """Return `count` different texts, each of a length drawn from `tokens` (least, most), as near as sentences allow.

    Lengths are by the server's own tokenizer; without one they are estimates, and a warning says so.
    """
    exact = True
    documents = []
    for number in range(count):
        draw = random.Random(f"{seed}/{number}")  # noqa: S311 - a repeatable text, not a secret
        wanted = draw.randint(*tokens)
        document, counted = await _document(bench, draw, wanted, tokens[0])
        documents.append(document)
        exact = exact and counted
    if not exact:
        bench.warn(
            "prompt-length",
            "this server counts no tokens for others, so the lengths of the documents are estimates",
        )
    return documents


async def _document(bench: Bench, draw: random.Random, wanted: int, least: int) -> tuple[str, bool]:
    """Return a text of at most `wanted` tokens, and of `least` at least, and whether the server counted it."""
    sentences = _sentences(draw)
    parts = [next(sentences) for _ in range(wanted // LEAST_A_SENTENCE + 2)]
    below, above = 1, len(parts)
    exact = True
    while below < above:
        middle = (below + above + 1) // 2
        count, counted = await _count(bench, _text(parts[:middle]))
        exact = exact and counted
        below, above = (middle, above) if count <= wanted else (below, middle - 1)
    count, _ = await _count(bench, _text(parts[:below]))
    if count < least and below < len(parts):
        below += 1
    return _text(parts[:below]), exact


async def _count(bench: Bench, text: str) -> tuple[int, bool]:
    count = await bench.count_tokens(text)
    return (round(len(text) / CHARACTERS_PER_TOKEN), False) if count is None else (count, True)


def _sentences(draw: random.Random) -> Iterator[str]:
    """Yield sentences topic by topic, in drawn order with drawn names and numbers; the topics come round again."""
    while True:
        topics = [list(sentences) for sentences in TOPICS.values()]
        draw.shuffle(topics)
        for sentences in topics:
            draw.shuffle(sentences)
            for sentence in sentences[: draw.randint(4, len(sentences))]:
                yield _filled(sentence, draw)


def _filled(sentence: str, draw: random.Random) -> str:
    numbers = {"few": draw.randint(2, 9), "some": draw.randint(11, 95), "many": draw.randint(110, 980)}
    return sentence.format(**numbers, **{name: draw.choice(words) for name, words in FILLERS.items()})


def _text(sentences: Sequence[str]) -> str:
    """Return sentences in paragraphs of five."""
    return "\n\n".join(" ".join(sentences[start : start + 5]) for start in range(0, len(sentences), 5))
