"""The heat map of a grid: two of its parameters as axes, a shade and a number at each point. Pure."""

from itertools import product
from math import prod
from typing import NamedTuple

from llmtui import wording
from llmtui.metrics.inference.intervals import Interval
from llmtui.state.points import axis_name, point_name, value_text
from llmtui.state.session import SessionState
from llmtui.summaries.surface import Cell, Place, Surface, surfaces
from llmtui.summaries.sweep import best_lines, value_with_unit
from llmtui.summaries.swept_figures import FIGURES
from llmtui.tui.glyphs import Glyphs

SHADES = "·░▒▓█"
PLAIN_SHADES = ".:=#@"
"""From the worst point to the best one; what has no value yet has none of them."""

BEST, RIVAL = "*", "~"


class HeatCursor(NamedTuple):
    """Where the reader is: which `figure`, which surface of the session, which slice of it, and which cell."""

    figure: str
    surface: int = 0
    slice: int = 0
    row: int = 0
    column: int = 0


class HeatCell(NamedTuple):
    """A cell as it is drawn. `level` is the place of its shade, None without a value."""

    text: str
    level: int | None
    best: bool = False
    here: bool = False


class HeatRow(NamedTuple):
    """A row of cells under its value of the first axis."""

    label: str
    cells: tuple[HeatCell, ...]


class HeatMap(NamedTuple):
    """All that is drawn. `cursor` is the reader's, moved back into the grid where it was beyond it."""

    cursor: HeatCursor
    title: str
    corner: str
    headings: tuple[str, ...]
    rows: tuple[HeatRow, ...]
    scale: str
    lines: tuple[str, ...]


def heat_map(state: SessionState, cursor: HeatCursor, glyphs: Glyphs) -> HeatMap:
    """Return the heat map at `cursor`; one without rows says why there is none."""
    figure = FIGURES.get(cursor.figure) or FIGURES["decode_rate"]
    found = surfaces(state, figure)
    if not found:
        line = "This session has no grid; give its suite one, such as grid: {temperature: [0, 0.8]}."
        return HeatMap(cursor, "heat map", "", (), (), "", (line,))
    place = cursor.surface % len(found)
    surface = found[place]
    slices = list(product(*(range(len(axis.values)) for axis in surface.axes[2:])))
    cursor = cursor._replace(
        surface=place,
        slice=cursor.slice % len(slices),
        row=_within(cursor.row, len(surface.axes[0].values)),
        column=_within(cursor.column, len(surface.axes[1].values) if len(surface.axes) > 1 else 1),
    )
    fixed = slices[cursor.slice]
    across = surface.axes[1] if len(surface.axes) > 1 else None
    return HeatMap(
        cursor=cursor,
        title=_title(surface, cursor, len(found), fixed),
        corner=axis_name(surface.axes[0].key) + (f" \\ {axis_name(across.key)}" if across else ""),
        headings=tuple(value_text(value) for value in across.values) if across else ("",),
        rows=tuple(_row(surface, row, fixed, cursor, glyphs) for row in range(len(surface.axes[0].values))),
        scale=_scale(surface, glyphs),
        lines=(*_told(surface, cursor, fixed), *best_lines(surface)),
    )


def next_figure(state: SessionState, cursor: HeatCursor) -> HeatCursor:
    """Return the cursor with the next figure of which the session has a value."""
    names = list(FIGURES)
    at = names.index(cursor.figure) if cursor.figure in names else 0
    for name in (*names[at + 1 :], *names[:at]):
        if any(surface.best is not None for surface in surfaces(state, FIGURES[name])):
            return cursor._replace(figure=name)
    return cursor


def shade_of(level: int | None, glyphs: Glyphs) -> str:
    """Return the character of a level, a blank for none."""
    if level is None:
        return " "
    return (PLAIN_SHADES if glyphs.tier == "ascii" else SHADES)[level]


def _within(place: int, count: int) -> int:
    return max(0, min(place, count - 1))


def _place(surface: Surface, row: int, column: int, fixed: Place) -> Place:
    return (row, column, *fixed) if len(surface.axes) > 1 else (row,)


def _row(surface: Surface, row: int, fixed: Place, cursor: HeatCursor, glyphs: Glyphs) -> HeatRow:
    columns = len(surface.axes[1].values) if len(surface.axes) > 1 else 1
    cells = []
    for column in range(columns):
        place = _place(surface, row, column, fixed)
        cell = surface.cells.get(place)
        level = _level(surface, cell)
        mark = BEST if place == surface.best else RIVAL if place in surface.rivals else " "
        value = wording.NOTHING if cell is None else surface.figure.text(cell.mean)
        here = (row, column) == (cursor.row, cursor.column)
        cells.append(HeatCell(f"{shade_of(level, glyphs)} {value}{mark}", level, place == surface.best, here))
    return HeatRow(value_text(surface.axes[0].values[row]), tuple(cells))


def _level(surface: Surface, cell: Cell | None) -> int | None:
    """Return how good a point is on the scale of the shades; all are in the middle where they do not differ."""
    ends = surface.range()
    if cell is None or cell.mean is None or ends is None:
        return None
    least, most = ends
    top = len(SHADES) - 1
    if most <= least:
        return top // 2
    share = (cell.mean - least) / (most - least)
    return round(top * (share if surface.figure.better == "higher" else 1 - share))


def _title(surface: Surface, cursor: HeatCursor, count: int, fixed: Place) -> str:
    parts = [f"{surface.title}: {surface.figure.title}{f' in {surface.figure.unit}' if surface.figure.unit else ''}"]
    if fixed:
        at = {axis.key: axis.values[place] for axis, place in zip(surface.axes[2:], fixed, strict=True)}
        total = prod(len(axis.values) for axis in surface.axes[2:])
        parts.append(f"slice {cursor.slice + 1} of {total}: {point_name(at)}")
    if count > 1:
        parts.append(f"grid {cursor.surface + 1} of {count}")
    return wording.visible(", ".join(parts))


def _scale(surface: Surface, glyphs: Glyphs) -> str:
    ends = surface.range()
    if ends is None:
        return "no point has a value yet"
    worst, best = ends if surface.figure.better == "higher" else ends[::-1]
    shades = PLAIN_SHADES if glyphs.tier == "ascii" else SHADES
    figure = surface.figure
    return (
        f"{value_with_unit(figure, worst)} {shades} {value_with_unit(figure, best)}"
        f"   fuller is better, {BEST} best mean, {RIVAL} can't be told from it"
    )


def _told(surface: Surface, cursor: HeatCursor, fixed: Place) -> tuple[str, ...]:
    """Return what is known of the point under the cursor."""
    figure = surface.figure
    cell = surface.cells.get(_place(surface, cursor.row, cursor.column, fixed))
    if cell is None:
        return ("no job ran at this point",)
    parts = [f"{len(cell.values)} run{'' if len(cell.values) == 1 else 's'}"]
    parts += [f"{cell.waiting} to come"] if cell.waiting else []
    parts += [f"{cell.lost} without a value: {wording.visible(cell.reason or 'unknown')}"] if cell.lost else []
    interval = ""
    if isinstance(cell.interval, Interval):
        interval = f", 95 % interval {figure.text(cell.interval.low)} to {figure.text(cell.interval.high)}"
    told = f"mean {value_with_unit(figure, cell.mean)}{interval}" if cell.mean is not None else "no value"
    return (f"{point_name(cell.point)}: {told} ({', '.join(parts)})",)
