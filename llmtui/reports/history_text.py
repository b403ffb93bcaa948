"""A history as a table with a line of characters, and as plain data. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby

from llmtui import wording
from llmtui.reports.history import History, HistoryPoint, Series, Stretch, stretches, summary
from llmtui.state.result_columns import load_text
from llmtui.text_table import Fit, render

BLOCKS = "▁▂▃▄▅▆▇█"
DIGITS = "12345678"
"""For a terminal without block characters."""

LINE = 100
"""Characters of a line at most; a longer one goes on in the next."""

_HEADINGS = ("date", "session", "value", "runs", "off level", "")
_FIT = Fit(spare=("runs", "date"), whole=("date", "session"), wrapped=("",))


def history_text(history: History, *, blocks: bool = True, width: int | None = None) -> list[str]:
    """Return a table for each series, with its line and what became of its level, and the sessions that are in none.

    No table is wider than `width`; None is any width.
    """
    lines: list[str] = []
    for title, group in groupby(history.series, key=lambda series: series.title):
        alike = list(group)
        lines += [f"{title}: {history.figure.title} ({_unit(history)})", ""]
        for series in alike:
            lines += [_environment_text(series, alike), *_series_text(history, series, blocks=blocks, width=width), ""]
    lines += [f"not in it: {session}: {reason}" for session, reason in history.left_out.items()]
    return [wording.visible(line) for line in lines]


def history_data(history: History) -> dict[str, object]:
    """Return the history as plain data, in the unit that it names."""
    return {
        "figure": history.figure.name,
        "unit": history.figure.unit,
        "better": history.figure.better,
        "series": [_series_data(series) for series in history.series],
        "left_out": history.left_out,
    }


def character_line(values: Sequence[float], shifts: Sequence[int] = (), characters: str = BLOCKS) -> str:
    """Return a character for each value, the lowest and the highest at the ends of `characters`; `|` begins a level."""
    least, most = min(values, default=0.0), max(values, default=0.0)
    spread = most - least
    drawn = []
    for place, value in enumerate(values):
        share = (value - least) / spread if spread > 0 else 0.5
        mark = "|" if place in shifts else ""
        drawn.append(mark + characters[min(int(share * len(characters)), len(characters) - 1)])
    return "".join(drawn)


def _unit(history: History) -> str:
    # Times and sizes carry their unit in each cell.
    return {"ns": "time", "bytes": "size"}.get(history.figure.unit, history.figure.unit)


def _environment_text(series: Series, alike: Sequence[Series]) -> str:
    """Return the machine and the server: all that differs between alike series, else host and server."""
    differing = [key for key in series.environment if len({other.environment[key] for other in alike}) > 1]
    keys = dict.fromkeys(["host", *differing, "server"])
    return ", ".join(f"{key} {series.environment[key]}" for key in keys)


def _series_text(history: History, series: Series, *, blocks: bool, width: int | None) -> Iterator[str]:
    found = stretches(series)
    shifts = [stretch.first for stretch in found[1:]]
    line = character_line([point.value for point in series.points], shifts, BLOCKS if blocks else DIGITS)
    most = min(LINE, width or LINE)
    yield from (line[start : start + most] for start in range(0, len(line), most))
    rows = [_cells(history, point, place, found) for place, point in enumerate(series.points)]
    yield from render(_HEADINGS, rows, ("value", "runs", "off level"), width=width, fit=_FIT)
    yield from summary(history, series)


def _cells(history: History, point: HistoryPoint, place: int, found: Sequence[Stretch]) -> tuple[str, ...]:
    before = [stretch for stretch in found if stretch.first <= place]
    level = before[-1].level
    change = f"{(point.value / level - 1) * 100:+.1f} %" if level else wording.NOTHING
    marks = ["new level"] if place and before[-1].first == place else []
    if point.changed:
        marks.append(f"now {point.changed}")
    text = history.figure.text(point.value)
    return (date_text(point.opened_at), point.session, text, str(point.runs), change, "; ".join(marks))


def date_text(opened_at: str) -> str:
    """Return a moment of a header as date and time of here, `-` for what is none."""
    try:
        return f"{datetime.fromisoformat(opened_at).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return wording.NOTHING


def _series_data(series: Series) -> dict[str, object]:
    return {
        "suite": series.suite,
        "workload": series.workload,
        "load": load_text(series.load) if series.load else None,
        "model": series.setup.model,
        "quantization": series.setup.quantization,
        "variant": series.setup.variant,
        "environment": series.environment,
        "points": [{**point._asdict(), "changed": point.changed or None} for point in series.points],
        "levels": [
            {"from": series.points[stretch.first].session, "sessions": stretch.sessions, "level": stretch.level}
            for stretch in stretches(series)
        ],
    }
