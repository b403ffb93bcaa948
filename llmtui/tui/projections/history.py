"""The charts of a history: a point for each session, and a tick where the level of the figure changed."""

import math
from collections.abc import Callable, Sequence

from llmtui import wording
from llmtui.tui.widgets.graph_lines import GraphData, GraphLine

DOT = "o"
ROOM = 0.1
"""Above and below the values, as a share of their spread."""

LEAST_SPREAD = 0.1
"""The axis spans at least this share of the largest value, so that mere noise does not fill the chart."""


def history_graph(
    title: str,
    values: Sequence[float],
    *,
    shifts: Sequence[int],
    text: Callable[[float | None], str],
    ends: tuple[str, str],
    last: str,
) -> GraphData:
    """Return the chart of a series, oldest first.

    Args:
        title: What is measured, and where.
        values: One for each session.
        shifts: The places of `values` at which a new level begins; they are ticks on the axis.
        text: Writes a value.
        ends: What stands at the ends of the axis: the first and the last date.
        last: What became of the level, in words.
    """
    least, most = min(values, default=0.0), max(values, default=0.0)
    spread = max(most - least, LEAST_SPREAD * max(abs(most), abs(least)))
    if not values or not math.isfinite(spread) or spread <= 0:
        low, high = 0.0, max(1.0, most)
    else:
        middle = (least + most) / 2
        low, high = max(0.0, middle - spread * (0.5 + ROOM)), middle + spread * (0.5 + ROOM)
    return GraphData(
        title=wording.visible(title),
        value=wording.visible(last),
        low=low,
        high=high,
        low_text=text(low) if low else "0",
        high_text=text(high),
        ticks=frozenset(shifts),
        span_text=ends[0],
        end_text=ends[1],
        lines=(GraphLine(DOT, tuple(values)),),
    )
