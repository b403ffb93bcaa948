"""Rows as JSON, CSV or Markdown, in which no text of a model can act on the program that opens them. Pure."""

import csv
import html
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from llmtui import wording
from llmtui.events import SessionOpened
from llmtui.reports.export_rows import Row, columns_of, unit_of
from llmtui.state.result_columns import cells, columns_for
from llmtui.state.results import JobResult

FORMATS = ("json", "csv", "md")

_FORMULA_STARTS = "=+-@\uff1d\uff0b\uff0d\uff20"
"""What a spreadsheet takes for the beginning of a formula, also in full width."""

Rows = Callable[[], Iterable[Row]]
"""The rows, from the first one on at each call: a long session has more of them than fit into memory."""

_PLAIN = re.compile(r"-?\d[\d.:]*|-")
"""A number as screens show it, or what stands where there is none."""

_MARKDOWN = re.compile(r"([\\`*_\[\]|~])")


def json_pieces(
    session: str, what: str, header: SessionOpened | None, rows: Rows, notices: Sequence[str]
) -> Iterator[str]:
    """Yield one JSON document: the session's header, what could not be read of the log, units, and the rows."""
    columns = columns_of(rows())
    units = {column: unit for column in columns if (unit := unit_of(column)) is not None}
    head = {"session": session, "what": what, "header": header, "notices": notices, "units": units}
    yield _json(head)[:-2] + ',\n "rows": ['
    for place, row in enumerate(rows()):
        yield (",\n" if place else "\n") + _json(row)
    yield "\n ]\n}\n"


def csv_pieces(rows: Rows) -> Iterator[str]:
    """Yield the rows as CSV with a header line: UTF-8, commas, an empty cell for what is unknown.

    Units stand in brackets behind the names of columns that do not have them already. A text that a spreadsheet would
    run as a formula begins with an apostrophe, which makes it text there.
    """
    columns = columns_of(rows()) or ["session"]
    yield _csv_line([_disarmed(heading(column)) for column in columns])
    for row in rows():
        yield _csv_line([_csv_cell(row.get(column)) for column in columns])


def heading(column: str) -> str:
    """Return the name of a column with the unit of its numbers, but for one that has it already, such as `ttft_ns`."""
    unit = unit_of(column)
    return column if unit is None or (unit == "ns" and "_ns" in column) else f"{column} [{unit}]"


def tsv_text(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of texts as lines with tabs between the cells, for a spreadsheet; no text in it is a formula."""
    return "".join("\t".join(_disarmed(cell, numbers=True) for cell in row) + "\n" for row in rows)


def markdown_text(title: str, rows: Rows) -> str:
    """Return the rows as a table in Markdown, without the columns that are empty everywhere."""
    columns = columns_of({name: cell for name, cell in row.items() if cell not in _EMPTY} for row in rows())
    return _table(
        title, list(map(heading, columns)), [[_text(row.get(column)) for column in columns] for row in rows()]
    )


def results_markdown(title: str, results: Sequence[JobResult]) -> str:
    """Return the results as a table in Markdown with the columns of the screen, and why figures are missing."""
    columns = columns_for(results)
    table = _table(title, [column.title for column in columns], [cells(result, columns) for result in results])
    reasons = [
        f"- {_escaped(f'{result.job} {name}: {reason}')}"
        for result in results
        for name, reason in result.missing.items()
    ]
    foot = "TTFT and ITL: median over requests. prefill, decode: tokens/s. `*`: fewer than 100 gaps in a request."
    return "\n".join([table + foot, "", *(["Missing:", "", *reasons] if reasons else [])]).rstrip() + "\n"


_EMPTY: tuple[object, ...] = (None, "", {}, [])


def _table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"# {_escaped(title)}", ""]
    if rows:
        lines += [_line([_escaped(heading) for heading in headings]), _line(["---"] * len(headings))]
        lines += [_line([_escaped(cell) for cell in row]) for row in rows]
    else:
        lines.append("Nothing was measured.")
    return "\n".join([*lines, "", ""])


def _line(cells_of_row: Sequence[str]) -> str:
    return f"| {' | '.join(cells_of_row)} |"


def _escaped(text: str) -> str:
    """Return `text` so that Markdown and the HTML in it show it letter by letter."""
    return html.escape(_MARKDOWN.sub(r"\\\1", wording.visible(text)), quote=False)


def _csv_cell(value: object) -> str:
    text = _text(value)
    return text if isinstance(value, bool | int | float) else _disarmed(text)


def _csv_line(cells_of_row: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells_of_row)
    return line.getvalue()


def _disarmed(text: str, *, numbers: bool = False) -> str:
    """Return `text` so that no spreadsheet runs it; with `numbers` a plain number, or a lone dash, stays as it is."""
    text = wording.visible(text)
    if numbers and _PLAIN.fullmatch(text):
        return text
    return f"'{text}" if text.lstrip()[:1] in tuple(_FORMULA_STARTS) else text


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=1).decode()


_TEXTS: tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...] = (
    (bool, lambda value: "true" if value else "false"),
    (float, lambda value: repr(value) if math.isfinite(value) else ""),
    (int, str),
    (str, str),
    (Mapping, lambda value: "; ".join(f"{name}: {_text(item)}" for name, item in value.items())),
    ((list, tuple), lambda value: "; ".join(map(_text, value))),
)


def _text(value: object) -> str:
    """Return a cell as text; what is unknown, or no number, is empty."""
    if value is None:
        return ""
    return next((text(value) for kind, text in _TEXTS if isinstance(value, kind)), str(value))
