"""The figures of all sides over time as lines of characters, on one scale. Pure."""

import math
from collections.abc import Iterator, Sequence

from llmtui import wording
from llmtui.reports.differing import Side
from llmtui.reports.history_text import BLOCKS, DIGITS
from llmtui.state.overlays import Overlay, OverlayLine, OverlaySide, overlays

WIDTH = 72
"""Characters of a line at most."""

LEAST_WIDTH = 10
BESIDE = 20
"""Characters that the letter before a line and the figure behind it may take."""


def overlay_sides(sides: Sequence[Side]) -> list[OverlaySide]:
    """Return what the charts draw of the sides: the jobs that were compared."""
    return [
        OverlaySide(
            side.letter,
            side.name,
            side.state,
            frozenset(run.result.job for sample in side.samples for run in sample.runs),
        )
        for side in sides
    ]


def overlay_text(sides: Sequence[Side], *, blocks: bool = True, width: int | None = None) -> list[str]:
    """Return a line for each figure and side, after a line that says what is drawn; `width` is that of the terminal."""
    lines: list[str] = []
    drawn = WIDTH if width is None else max(LEAST_WIDTH, min(WIDTH, width - BESIDE))
    for chart in overlays(overlay_sides(sides), "time", drawn):
        lines += ["", *_chart_lines(chart, BLOCKS if blocks else DIGITS)]
    return [wording.visible(line) for line in lines]


def _chart_lines(chart: Overlay, characters: str) -> Iterator[str]:
    unit = f" {chart.unit}" if chart.unit else ""
    low = chart.text(chart.low) if chart.low else "0"
    scale = f"{low} to {chart.text(chart.high)}{unit}"
    yield f"{chart.title}, {scale}, from the first request of each side on, {chart.end_text}"
    for line in chart.lines:
        yield f"{line.letter} {_drawn(chart, line, characters)}"


def _drawn(chart: Overlay, line: OverlayLine, characters: str) -> str:
    if line.missing is not None:
        return f"- {line.missing}"
    spread = chart.high - chart.low
    marks = (
        " " if math.isnan(value) else characters[_level((value - chart.low) / spread, len(characters))]
        for value in line.points
    )
    return f"{''.join(marks)}  {chart.text(line.middle)}{f' {chart.unit}' if chart.unit else ''}"


def _level(share: float, levels: int) -> int:
    return max(0, min(levels - 1, int(share * levels)))


def can_print(encoding: str | None) -> bool:
    """Return whether the characters of the lines exist in this encoding."""
    try:
        BLOCKS.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
