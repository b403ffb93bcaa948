"""A table of words, for a terminal without a screen and for the details of a row."""

from collections.abc import Collection, Sequence

from llmtui import wording


def render(headings: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[str] = ()) -> list[str]:
    """Return the lines of a table with aligned columns: words to the left, those headed by `numbers` to the right."""
    rows = [tuple(wording.visible(cell) for cell in row) for row in rows]
    widths = [max(len(heading), *(len(row[place]) for row in rows), 0) for place, heading in enumerate(headings)]
    aligned = [(width, heading in numbers) for width, heading in zip(widths, headings, strict=True)]
    return [_line(row, aligned) for row in (headings, tuple("-" * width for width in widths), *rows)]


def _line(row: Sequence[str], aligned: Sequence[tuple[int, bool]]) -> str:
    padded = [
        cell.rjust(width) if right else cell.ljust(width) for cell, (width, right) in zip(row, aligned, strict=True)
    ]
    return "  ".join(padded).rstrip()
