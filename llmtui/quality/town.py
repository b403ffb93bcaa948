"""A natural text of any length with facts to find in it: the days of a harbour town, told by a seeded grammar.

The grammar is `town.yaml`. Every sentence template comes once before any comes again, and each is filled anew, so that
a text of fifty thousand words hardly has a sentence twice.
"""

import random
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import msgspec

from llmtui.quality.scorers import Shape
from llmtui.yaml_documents import read_document

SENTENCES_OF_PARAGRAPH = (4, 8)
VALUES = (2200, 9999)
"""The range of the numbers to find: four digits that are no year, which nobody guesses."""

_PHRASE = re.compile(r"\{(\w+)\}")


class FactForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fact whose number is still open, and the question for it."""

    statement: str
    question: str


class Grammar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lists of phrases, the sentences made of them, and the facts that may be hidden between them."""

    words: dict[str, tuple[str, ...]]
    sentences: tuple[str, ...]
    facts: tuple[FactForm, ...]


class Fact(NamedTuple):
    """A fact to find: its sentence, the question for it, the number that is the answer, and where it stands.

    `depth` is the share of the text that comes before it, from 0 to 1.
    """

    statement: str
    question: str
    value: str
    depth: float


@cache
def grammar() -> Grammar:
    """Return the shipped grammar."""
    text = files("llmtui.quality").joinpath("town.yaml").read_text(encoding="utf-8")
    return read_document(text, "town.yaml", Grammar)


def town_text(words: int, draw: random.Random) -> list[str]:
    """Return at least so many words of the text, in order; one that ends a paragraph has the line breaks with it."""
    told: list[str] = []
    templates: list[str] = []
    left = 0
    while len(told) < words:
        if not templates:
            templates = list(grammar().sentences)
            draw.shuffle(templates)
        if left == 0:
            left = draw.randint(*SENTENCES_OF_PARAGRAPH)
        told += _sentence(templates.pop(), draw).split()
        left -= 1
        if left == 0:
            told[-1] += "\n\n"
    return told


def draw_facts(count: int, draw: random.Random) -> tuple[Fact, ...]:
    """Return facts about different things with different numbers, each at a depth of its own."""
    forms = draw.sample(grammar().facts, count)
    values = draw.sample(range(VALUES[0], VALUES[1] + 1), count)
    return tuple(
        Fact(form.statement.format(value=value), form.question, str(value), draw.uniform(0.05, 0.95))
        for form, value in zip(forms, values, strict=True)
    )


def hide(words: Sequence[str], facts: Sequence[Fact]) -> str:
    """Return `words` as one text with each fact between two sentences, next to its depth."""
    inserted: dict[int, list[str]] = {}
    for fact in facts:
        inserted.setdefault(_sentence_end(words, round(fact.depth * len(words))), []).append(fact.statement)
    pieces = [" ".join(inserted.get(0, []))]
    for place, word in enumerate(words, 1):
        pieces.append(word)
        if place in inserted:
            # A fact after a paragraph begins the next one.
            pieces += inserted[place]
    return " ".join(piece for piece in pieces if piece).replace("\n\n ", "\n\n").strip()


def scorer_of(fact: Fact, others: Sequence[Fact] = ()) -> Shape:
    """Return how an answer is judged: it has the number, and none of those that answer another question."""
    return Shape(has=(fact.value,), avoids=tuple(other.value for other in others))


def _sentence_end(words: Sequence[str], place: int) -> int:
    """Return the first place from `place` on, else the last before it, after which a new sentence begins."""
    for end in range(max(place, 1), len(words) + 1):
        if words[end - 1].rstrip().endswith("."):
            return end
    return next((end for end in range(min(place, len(words)), 0, -1) if words[end - 1].rstrip().endswith(".")), 0)


def _sentence(template: str, draw: random.Random) -> str:
    used: set[str] = set()

    def phrase(found: re.Match[str]) -> str:
        choices = [each for each in grammar().words[found[1]] if each not in used]
        chosen = draw.choice(choices)
        used.add(chosen)
        return chosen

    sentence = _PHRASE.sub(phrase, template)
    return sentence[0].upper() + sentence[1:]
