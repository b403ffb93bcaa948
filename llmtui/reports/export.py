"""Rows as JSON, CSV or Markdown, in which no text of a model can act on the program that opens them. Pure."""

import csv
import html
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from llmtui import wording
from llmtui.events import SessionOpened
from llmtui.reports.export_rows import Row, columns_of
from llmtui.state.result_columns import cells, columns_for
from llmtui.state.results import JobResult

FORMATS = ("json", "csv", "md")

_FORMULA_STARTS = "=+-@\uff1d\uff0b\uff0d\uff20"
"""What a spreadsheet takes for the beginning of a formula, also in full width."""

_MARKDOWN = re.compile(r"([\\`*_\[\]|~])")


def json_text(
    session: str, what: str, header: SessionOpened | None, rows: Sequence[Row], notices: Sequence[str]
) -> str:
    """Return one JSON document: the session's header, its rows, and what could not be read of the log."""
    document = {"session": session, "what": what, "header": header, "notices": notices, "rows": rows}
    encoded = msgspec.json.encode(document, enc_hook=str)
    return msgspec.json.format(encoded, indent=1).decode() + "\n"


def csv_text(rows: Sequence[Row]) -> str:
    """Return the rows as CSV with a header line: UTF-8, commas, an empty cell for what is unknown.

    A text that a spreadsheet would run as a formula begins with an apostrophe, which makes it text there.
    """
    columns = columns_of(rows) or ["session"]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([_disarmed(column) for column in columns])
    for row in rows:
        writer.writerow([_csv_cell(row.get(column)) for column in columns])
    return file.getvalue()


def markdown_text(title: str, rows: Sequence[Row]) -> str:
    """Return the rows as a table in Markdown, without the columns that are empty everywhere."""
    columns = [column for column in columns_of(rows) if any(row.get(column) not in _EMPTY for row in rows)]
    return _table(title, columns, [[_text(row.get(column)) for column in columns] for row in rows])


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


def _disarmed(text: str) -> str:
    text = wording.visible(text)
    return f"'{text}" if text.lstrip()[:1] in tuple(_FORMULA_STARTS) else text


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
