"""The number that an answer ends with, read as people write it: `$1,250.00`, `3/4`, `**42** km`, `twelve`."""

import re
from collections.abc import Mapping
from itertools import pairwise

from llmtui.quality.answers import explicit_statements, lines_of, statements_of, undecorated

_NUMBER = re.compile(
    r"(?<![\w.,])(?P<sign>[-\u2212])?(?:[$€£]\s?)?(?P<value>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"(?:\s?/\s?(?P<under>\d+))?(?![\d]|[.,]\d)(?:\s?(?P<unit>%|(?!(?:or|and|to)\b)[A-Za-z][\w²³/]*))?"
)
_COPULA = re.compile(r"\b(?:is|are|was|were|equals?|costs?|pays?|gets?|has|have|leaves?)\b|[:=≈]", re.IGNORECASE)
_ALTERNATIVE = re.compile(r"\b(?:or|either|and|to|between)\b|[-\u2013/]", re.IGNORECASE)
_WORDS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
_WORD = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b", re.IGNORECASE)


def numbers_in(text: str, units: Mapping[str, float]) -> list[tuple[float, int, int]]:
    """Return each number with where it begins and ends, in the unit whose factor in `units` is 1.

    A unit that is not in `units` is taken for the thing that was counted, and changes nothing.
    """
    found = []
    for match in _NUMBER.finditer(text):
        value = float(match["value"].replace(",", ""))
        if match["under"] is not None:
            if int(match["under"]) == 0:
                continue
            value /= int(match["under"])
        factor = units.get((match["unit"] or "").lower(), 1.0)
        found.append((-value * factor if match["sign"] else value * factor, match.start(), match.end()))
    return found


def final_numbers(text: str, units: Mapping[str, float]) -> list[float]:
    """Return the numbers that an answer gives for final, without repetition: one if it is clear, none, or several."""
    explicit = bool(explicit_statements(undecorated(text)))
    statements = statements_of(text)
    if not explicit and len(statements) > 1 and not _bare(statements[0]):
        statements = statements[-1:]
    elif not explicit and len(statements) > 1 and not _bare(lines_of(undecorated(text))[-1]):
        statements = statements[:1]
    finals: list[float] = []
    for statement in statements:
        finals += _of_statement(statement, units, explicit=explicit)
    return list(dict.fromkeys(finals))


def _bare(line: str) -> bool:
    """Whether a line is a number and hardly anything else."""
    match = _NUMBER.search(line)
    return match is not None and len(line) - (match.end() - match.start()) <= 2  # noqa: PLR2004 - a mark on either side


def _of_statement(statement: str, units: Mapping[str, float], *, explicit: bool) -> list[float]:
    """Return the numbers between which a statement leaves the choice."""
    statement = re.sub(r"\([^()]*\)", " ", statement)
    computed = "=" in statement
    statement = statement.rpartition("=")[2]
    if not explicit and not computed:
        statement = _after_copula(statement)
    found = numbers_in(statement, units)
    if not found:
        return [float(_WORDS.index(word.lower())) for word in dict.fromkeys(_WORD.findall(statement))]
    if not explicit and not computed:
        return [value for value, _, _ in found]
    chosen = found[:1]
    for (_, _, end), later in pairwise(found):
        if not _ALTERNATIVE.search(statement[end : later[1]]):
            break
        chosen.append(later)
    return [value for value, _, _ in chosen]


def _after_copula(statement: str) -> str:
    """Return what follows the last `is`, `=` or the like, as long as there is a number in it."""
    for part in reversed(_COPULA.split(statement)):
        if _NUMBER.search(part) or _WORD.search(part):
            return part
    return statement
