"""A summary: sentences and tables, the same on the screen, in plain text and in files."""

from collections.abc import Iterator
from typing import NamedTuple

from llmtui import wording
from llmtui.text_table import AS_IT_IS, Fit, render


class Table(NamedTuple):
    """A table of words. `numbers` are the headings whose cells stand to the right; `title` is a line above it.

    `fit` says how it is made to fit into a terminal.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[str, ...] = ()
    title: str = ""
    fit: Fit = AS_IT_IS


class Summary(NamedTuple):
    """Sentences, then tables; `details` are further sentences for whoever looks at this job alone.

    What a model wrote may be in them: it is made harmless where it is shown.
    """

    lines: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    details: tuple[str, ...] = ()


def summary_text(summary: Summary, *, whole: bool = False, width: int | None = None) -> Iterator[str]:
    """Yield the lines of a summary, its details too if it is to be `whole`, with nothing that acts on a terminal.

    No table is wider than `width`; None is any width.
    """
    yield from map(wording.visible, summary.lines)
    for table in summary.tables:
        yield ""
        if table.title:
            yield wording.visible(table.title)
        yield from render(table.headings, table.rows, table.numbers, width=width, fit=table.fit)
    if whole:
        yield from map(wording.visible, summary.details)
