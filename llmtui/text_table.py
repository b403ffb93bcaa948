"""A table of words that fits into so many columns, for a terminal without a screen and for the details of a row."""

import unicodedata
from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from llmtui import wording

GAP = 2
"""Columns between two cells."""

LEAST_WORDS = 12
"""A column of words is not made narrower than this as long as there is another one to be left out."""

LONG_WORD = 24
"""A longer word is broken where its column is wrapped; others only at worst."""

LEAST = 6
"""The narrowest column of words."""

CUT = "…"
CUT_PLAIN = "~"
"""The sign of what was cut, and the one for a terminal that can't show it."""

_WIDE = frozenset("WF")
_EMOJI = "\ufe0f"
"""Makes a character of the width of an emoji of the one before it."""


class Fit(NamedTuple):
    """How a table is made to fit, by its headings, which are broken into lines first. No figure is ever cut.

    Then words are shortened, but for the columns in `whole`, and those in `wrapped`, which go on in further lines. Then
    columns are left out: those in `spare`, in this order, and at last from the right.
    """

    spare: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    wrapped: tuple[str, ...] = ()


class _Column(NamedTuple):
    """A column: its `width`, and how narrow it is with its heading broken, with its words shortened, and at worst."""

    heading: str
    cells: list[str]
    width: int
    broken: int
    least: int
    least_at_all: int
    right: bool


AS_IT_IS = Fit()


def render(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    numbers: Collection[str] = (),
    *,
    width: int | None = None,
    fit: Fit = AS_IT_IS,
) -> list[str]:
    """Return the lines of a table with aligned columns: words to the left, those headed by `numbers` to the right.

    No line is wider than `width` columns of a terminal; None is any width. A last line names what was left out for it.
    """
    columns = [
        _column(heading, [wording.visible(row[place]) for row in rows], fit, right=heading in numbers)
        for place, heading in enumerate(headings)
    ]
    if width is None or _total([column.width for column in columns]) <= width:
        return _lines(columns, [column.width for column in columns], fit)
    left_out = _left_out(columns, width, fit)
    kept = [column for place, column in enumerate(columns) if place not in left_out]
    lines = [shortened(line, width) for line in _lines(kept, _narrowed(kept, width), fit)]
    return [*lines, *_note([columns[place].heading.strip() for place in sorted(left_out)], width)]


def text_width(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for a wide character, none for one that combines."""
    if text.isascii():
        return len(text)
    return sum(map(_character_width, text)) + text.count(_EMOJI)


def shortened(text: str, width: int) -> str:
    """Return `text` in at most `width` columns: words lose their end, a name without a space loses its middle."""
    if text_width(text) <= width:
        return text
    if " " in text:
        return _beginning(text, width - 1).rstrip() + CUT
    tail = (width - 1) // 2
    return _beginning(text, width - 1 - tail) + CUT + _beginning(text[::-1], tail)[::-1]


def wrapped(text: str, width: int) -> list[str]:
    """Return `text` in lines of at most `width` columns, broken at spaces where there are any."""
    lines, line = [], ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if text_width(longer) <= width:
            line = longer
            continue
        lines += [line] if line else []
        line = word
        while text_width(line) > width:
            begin = _beginning(line, width) or line[0]
            lines.append(begin)
            line = line[len(begin) :]
    return [*lines, line]


def _character_width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


def _beginning(text: str, width: int) -> str:
    taken = 0
    for place, character in enumerate(text):
        taken += _character_width(character) + (character == _EMOJI)
        if taken > width:
            return text[:place]
    return text


def _column(heading: str, cells: list[str], fit: Fit, *, right: bool) -> _Column:
    word = max(map(text_width, heading.split(" ")))
    widest = max(map(text_width, cells), default=0)
    width, broken = max(text_width(heading), widest), max(word, widest)
    if right or heading in fit.whole:
        return _Column(heading, cells, width, broken, broken, broken, right)
    least = max(word, LEAST_WORDS)
    if heading in fit.wrapped:
        words = (text_width(each) for cell in cells for each in cell.split(" "))
        least = max([least, *(each for each in words if each <= LONG_WORD)])
    return _Column(heading, cells, width, broken, min(broken, least), min(broken, LEAST), right)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _left_out(columns: Sequence[_Column], width: int, fit: Fit) -> set[int]:
    """Return the places of the columns to be left out, as few as possible, and never the first column."""
    places = {column.heading: place for place, column in enumerate(columns)}
    spare = [places[heading] for heading in fit.spare if places.get(heading, 0)]
    left_out: set[int] = set()

    def kept() -> Iterator[_Column]:
        return (column for place, column in enumerate(columns) if place not in left_out)

    for place in spare:
        if _total([column.least for column in kept()]) <= width:
            return left_out
        left_out.add(place)
    for place in range(len(columns) - 1, 0, -1):
        if _total([column.least_at_all for column in kept()]) <= width:
            return left_out
        left_out.add(place)
    return left_out


def _narrowed(columns: Sequence[_Column], width: int) -> list[int]:
    """Return a width for each column; the widest that can give way does so first."""
    widths = [column.width for column in columns]
    for least in zip(*((column.broken, column.least, column.least_at_all) for column in columns), strict=True):
        while _total(widths) > width:
            place = max(range(len(widths)), key=lambda place: (widths[place] > least[place], widths[place]))
            if widths[place] <= least[place]:
                break
            widths[place] -= 1
    return widths


def _lines(columns: Sequence[_Column], widths: Sequence[int], fit: Fit) -> list[str]:
    headings = [wrapped(each.heading, width) for each, width in zip(columns, widths, strict=True)]
    most = max(map(len, headings), default=0)
    above = zip(*([""] * (most - len(heading)) + heading for heading in headings), strict=True)
    lines = [_line(row, columns, widths) for row in (*above, ["-" * width for width in widths])]
    for place in range(len(columns[0].cells) if columns else 0):
        cells = [
            wrapped(each.cells[place], width) if each.heading in fit.wrapped else [shortened(each.cells[place], width)]
            for each, width in zip(columns, widths, strict=True)
        ]
        lines += [_line(row, columns, widths) for row in zip_longest(*cells, fillvalue="")]
    return lines


def _line(row: Sequence[str], columns: Sequence[_Column], widths: Sequence[int]) -> str:
    padded = []
    for cell, column, width in zip(row, columns, widths, strict=True):
        padding = " " * (width - text_width(cell))
        padded.append(padding + cell if column.right else cell + padding)
    return (" " * GAP).join(padded).rstrip()


def _note(left_out: Sequence[str], width: int) -> list[str]:
    if not left_out:
        return []
    return wrapped(f"(no room here for: {', '.join(left_out)}; a wider terminal or a pipe shows them)", width)
