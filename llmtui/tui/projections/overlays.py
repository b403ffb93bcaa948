"""The charts of a comparison: each figure of all sides in one graph, told apart by letters."""

from collections.abc import Iterator, Sequence

from llmtui import wording
from llmtui.state.overlays import Axis, Overlay, OverlaySide, overlays
from llmtui.tui.widgets.graph_lines import SEVERAL, GraphData, GraphLine

POINTS = 200
"""Points of each line: one for each column of a wide terminal."""

_BEGIN: dict[Axis, str] = {"time": "0:00 from the first request on", "requests": "request 1"}


def overlay_graphs(sides: Sequence[OverlaySide], axis: Axis, points: int = POINTS) -> dict[str, GraphData]:
    """Return the graphs by key, from the top down."""
    return {chart.key: _graph(chart, axis) for chart in overlays(sides, axis, points)}


def _graph(chart: Overlay, axis: Axis) -> GraphData:
    drawn = [line for line in chart.lines if line.missing is None]
    without = [f"{line.letter}: {line.missing}" for line in chart.lines if line.missing is not None]
    if not drawn:
        return GraphData(chart.title, "", missing=wording.visible("; ".join(dict.fromkeys(without))))
    values = "  ".join(f"{line.letter} {chart.text(line.middle)}" for line in drawn)
    return GraphData(
        title=wording.visible("  ".join([chart.title, *(f"({reason})" for reason in without)])),
        value=f"{values}{f' {chart.unit}' if chart.unit else ''}",
        low=chart.low,
        high=chart.high,
        low_text=chart.text(chart.low) if chart.low else "0",
        high_text=chart.text(chart.high),
        span_text=_BEGIN[axis],
        end_text=chart.end_text,
        lines=tuple(GraphLine(line.letter, line.points) for line in drawn),
    )


def legend(sides: Sequence[OverlaySide]) -> str:
    """Return what each letter stands for, in one line."""
    return "  ".join([*_names(sides), f"{SEVERAL} several at one place"])


def _names(sides: Sequence[OverlaySide]) -> Iterator[str]:
    for place, side in enumerate(sides):
        yield wording.visible(f"{side.letter} {side.name}{' (baseline)' if place == 0 else ''}")
