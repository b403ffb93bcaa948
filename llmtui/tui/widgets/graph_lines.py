"""A graph as rows of characters: pure, so that it can be read in a test as it is on the screen."""

import math
from collections.abc import Collection, Sequence
from textwrap import wrap
from typing import Literal, NamedTuple

from llmtui.tui.glyphs import Glyphs, Tier

_BLOCKS = " ▁▂▃▄▅▆▇█"
_SHADES = " .:-=+*#@"
_LEFT_DOTS = (0x40, 0x04, 0x02, 0x01)
_RIGHT_DOTS = (0x80, 0x20, 0x10, 0x08)
_BRAILLE = 0x2800

POINTS_PER_CELL: dict[Tier, int] = {"braille": 2, "block": 1, "ascii": 1}
"""How many points of time one column of characters holds."""

LEAST_ROWS_WITH_AXIS = 4


HEAT = "~"
"""Stands on the axis where a device was slowed by heat."""

SEVERAL = "*"
"""Stands where several lines of one graph meet."""


class GraphLine(NamedTuple):
    """One of several lines in a graph: the letter that draws it, and its points; NaN is a gap."""

    letter: str
    points: tuple[float, ...]


class GraphData(NamedTuple):
    """What a graph shows. `points` stand at equal spans of time and end at the present; NaN is a gap.

    `high` and `low` are printed as `high_text` and `low_text`. `level` colours the value, which says it in words too.

    `ticks` are places in `points` where a job began or a marker stands; at those of `heat` a device was slowed by heat.
    With `missing` there are no points to draw. `end_text` stands at the right end of the axis.

    With `lines` several things are drawn in one graph, each by its letter, and `points` are none.
    """

    title: str
    value: str
    points: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 1.0
    low_text: str = "0"
    high_text: str = ""
    ticks: frozenset[int] = frozenset()
    heat: frozenset[int] = frozenset()
    span_text: str = ""
    end_text: str = "now"
    missing: str | None = None
    level: Literal["normal", "warn", "bad"] = "normal"
    lines: tuple[GraphLine, ...] = ()

    @property
    def places(self) -> int:
        """How many points of time there are."""
        return max((len(line.points) for line in self.lines), default=len(self.points))


class GraphRow(NamedTuple):
    """One row: the label of the axis at the left, then the drawing, then what stands at the right."""

    label: str
    drawing: str
    right: str = ""


def graph_rows(data: GraphData, width: int, height: int, glyphs: Glyphs) -> list[GraphRow]:
    """Return `height` rows of `width` columns; the first one holds title and value.

    A graph of one row is a sparkline behind its title; from four rows on it has an axis of time.
    """
    if height <= 0 or width <= 0:
        return []
    if data.missing is not None:
        lines = missing_lines(data, width)
        return [GraphRow("", line) for line in [*lines, *[""] * (height - len(lines))][:height]]
    if height == 1:
        return [_sparkline(data, width, glyphs)]
    axis = height >= LEAST_ROWS_WITH_AXIS
    margin = min(max(len(data.high_text), len(data.low_text)), max(0, width - 4))
    plot_width = max(1, width - margin - 1)
    plot_height = height - 1 - axis
    plot = _plot(data, plot_width, plot_height, glyphs.tier)
    rows = [GraphRow("", clip(data.title, width - len(data.value) - 1), data.value)]
    for place, line in enumerate(plot):
        label = data.high_text if place == 0 else data.low_text if place == plot_height - 1 else ""
        rows.append(GraphRow(clip(label, margin).rjust(margin) + glyphs.bar, line))
    if axis:
        rows.append(GraphRow(" " * margin + " ", _time_axis(data, plot_width, glyphs)))
    return rows


def missing_lines(data: GraphData, width: int) -> list[str]:
    """Return title and reason of a figure that is missing, wrapped so that the reason is never cut off."""
    return wrap(f"{data.title}: {data.missing}", max(1, width)) or [""]


def _sparkline(data: GraphData, width: int, glyphs: Glyphs) -> GraphRow:
    head = f"{data.title} {data.value} "
    room = max(0, width - len(head))
    line = _plot(data, room, 1, glyphs.tier)[0] if room else ""
    return GraphRow(clip(head, width), line)


def _time_axis(data: GraphData, width: int, glyphs: Glyphs) -> str:
    """Draw the axis: where heat slowed a device, ticks where jobs began, what the two ends are."""
    cells = [glyphs.rule] * width
    for places, mark in ((data.heat, HEAT), (data.ticks, glyphs.tick)):
        for place in places:
            if 0 <= place < data.places:
                cells[place * width // data.places] = mark
    left, right = data.span_text, data.end_text
    if left and len(left) + len(right) + 2 <= width:
        cells[: len(left)] = left
        cells[-len(right) :] = right
    return "".join(cells)


def _plot(data: GraphData, width: int, height: int, tier: Tier) -> list[str]:
    return draw_lines(data, width, height) if data.lines else draw(data, width, height, tier)


def draw_lines(data: GraphData, width: int, height: int) -> list[str]:
    """Draw each line by its letter, one character a column, `height` rows from the top down."""
    rows = [[" "] * width for _ in range(height)]
    for line in data.lines:
        for column in range(width if line.points else 0):
            value = line.points[column * len(line.points) // width]
            if math.isnan(value):
                continue
            cells = rows[height - _level(value, data.low, data.high, height)]
            cells[column] = line.letter if cells[column] in {" ", line.letter} else SEVERAL
    return ["".join(cells) for cells in rows]


def draw(data: GraphData, width: int, height: int, tier: Tier) -> list[str]:
    """Draw the points as a filled area over the whole width, `height` rows from the top down; a gap stays empty.

    A value at the bottom still shows a trace, so that zero is told apart from missing.
    """
    step = POINTS_PER_CELL[tier]
    wanted, given = width * step, len(data.points)
    shown = [data.points[place * given // wanted] for place in range(wanted)] if given else [math.nan] * wanted
    per_row = 4 if tier == "braille" else 8
    levels = [_level(value, data.low, data.high, height * per_row) for value in shown]
    return [_row(levels, (height - 1 - row) * per_row, width, tier) for row in range(height)]


def _level(value: float, low: float, high: float, steps: int) -> int:
    if math.isnan(value):
        return 0
    share = (value - low) / (high - low) if high > low else 0.0
    return round(max(1.0, min(float(steps), share * steps)))


def _row(levels: Sequence[int], base: int, width: int, tier: Tier) -> str:
    if tier == "braille":
        pairs = zip(levels[::2], levels[1::2], strict=True)
        cells = (_BRAILLE | _dots(left - base, _LEFT_DOTS) | _dots(right - base, _RIGHT_DOTS) for left, right in pairs)
        return "".join(map(chr, cells)).replace(chr(_BRAILLE), " ")
    ramp = _BLOCKS if tier == "block" else _SHADES
    return "".join(ramp[max(0, min(8, levels[column] - base))] for column in range(width))


def _dots(level: int, column: Collection[int]) -> int:
    bits = 0
    for place, dot in enumerate(column):
        if level > place:
            bits |= dot
    return bits


def clip(text: str, width: int) -> str:
    """Return `text` cut to `width` characters, with `…` where something was cut."""
    if width <= 0:
        return ""
    return text if len(text) <= width else f"{text[: width - 1]}…"
