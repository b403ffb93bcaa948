"""The chart view: what the tokens did above what the hardware did, all on one axis of time."""

import re
from collections.abc import Callable, Iterator

from llmtui import readings, wording
from llmtui.state.session import SessionState
from llmtui.tui.projections.hardware import figure_graph, series_graph, token_graph
from llmtui.tui.widgets.graph_lines import GraphData

POINTS = 400
"""Points of a chart: two for each column of two hundred in braille."""

_GPU = re.compile(r"gpu\.(\d+)\.")
_OF_GPU = ("temperature", "clock.sm", "power", "percent", "memory.used")
_OF_CPU = ("cpu.temperature", "cpu.frequency", "cpu.power", "cpu.percent", "ram.used", "server.cpu")


def charts(state: SessionState, window_s: int, points: int = POINTS) -> dict[str, GraphData]:
    """Return the charts by key, from the top down; a GPU that is there has its own ones."""
    found = {"decode": token_graph(state, window_s, points)}
    for key, title, text in _OF_REQUESTS:
        series = state.request_series.get(key)
        if series is None:
            found[key] = GraphData(title, "", missing="no request has shown it yet")
        else:
            found[key] = series_graph(state, title, series, text, window_s=window_s, points=points)
    slowed = state.request_series.get("slowed_by_heat")
    if slowed is not None:
        graph = series_graph(state, "slowed by heat", slowed, _yes_or_no, window_s=window_s, points=points)
        found["slowed"] = graph._replace(level="bad" if slowed.last() else "normal")
    for key in _hardware_keys(state):
        found[key] = figure_graph(state, key, window_s, points)
    return found


_OF_REQUESTS: tuple[tuple[str, str, Callable[[float | None], str]], ...] = (
    ("itl_p99", "ITL p99", wording.duration),
    ("energy_per_token", "energy a token", lambda joules: f"{wording.number(joules)} J"),
)


def _yes_or_no(value: float | None) -> str:
    return "yes" if value else "no"


def _hardware_keys(state: SessionState) -> Iterator[str]:
    """Yield the figures that can be read, and the first of each kind that can't, with its reason."""
    known = {*state.readings, *state.missing}
    gpus = sorted({int(match[1]) for key in known if (match := _GPU.match(key))})
    for gpu in gpus or [0]:
        for figure in _OF_GPU:
            key = f"gpu.{gpu}.{figure}"
            if key in state.readings or figure == "temperature":
                yield key
    for key in _OF_CPU:
        if key in state.readings or (key in state.missing and readings.describe(key) is not None):
            yield key
