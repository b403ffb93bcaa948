"""The hardware pane: a graph for each figure, with its value and limit, or the reason why it is missing."""

import math
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypedDict

from llmtui import readings, wording
from llmtui.metrics.heat import thresholds
from llmtui.metrics.scales import round_up
from llmtui.state.series import Series
from llmtui.state.session import SessionState
from llmtui.tui.widgets.graph_lines import GraphData

WINDOWS_S = (30, 60, 120, 300, 600, 1800, 3600)
"""The spans of time that a graph can show."""

POINTS = 120
"""Points of each graph: two for each column of a graph of sixty columns in braille."""

HELD_NS = 5_000_000_000
"""How long a reading stands for the time after it; the slowest figures come each five seconds."""

FIGURES = ("cpu.percent", "ram.used", "gpu.*.percent", "gpu.*.memory.used", "gpu.*.temperature", "gpu.*.power")
AFTER_GPU = ("cpu.temperature", "cpu.power", "server.cpu")
_GPU = re.compile(r"gpu\.(\d+)\.")


class HardwareView(NamedTuple):
    """The graphs by key, and the lines of text below them."""

    graphs: dict[str, GraphData]
    lines: tuple[str, ...]


def hardware_view(state: SessionState, window_s: int, points: int = POINTS) -> HardwareView:
    """Return what the pane shows of the last `window_s` seconds."""
    graphs = {"tokens": token_graph(state, window_s, points)}
    for key in _keys(state):
        graphs[key] = figure_graph(state, key, window_s, points)
    return HardwareView(_joined(graphs), tuple(_process_lines(state)))


def _joined(graphs: dict[str, GraphData]) -> dict[str, GraphData]:
    """Put figures that stand in a row and are missing for the same reason into one line."""
    joined: dict[str, GraphData] = {}
    before: str | None = None
    for key, data in graphs.items():
        if before is not None and data.missing is not None and data.missing == joined[before].missing:
            first = joined[before].title
            title = data.title.removeprefix(f"{first.partition(' ')[0].rstrip(',')} ")
            joined[before] = joined[before]._replace(title=f"{first}, {title}")
        else:
            joined[key] = data
            before = key
    return joined


def _keys(state: SessionState) -> Iterator[str]:
    known = [*state.readings, *state.missing]
    gpus = sorted({int(found[1]) for key in known if (found := _GPU.match(key))}) or [0]
    for key in FIGURES:
        if "*" in key:
            yield from (key.replace("*", str(gpu)) for gpu in gpus)
        else:
            yield key
    yield from AFTER_GPU


def figure_graph(state: SessionState, key: str, window_s: int, points: int) -> GraphData:
    """Return the graph of one reading, with its limit or with the reason why it is missing."""
    entry = readings.describe(key)
    title = entry.label if entry else key
    number = _GPU.match(key)
    if number and number[1] != "0":
        title = f"{title} {number[1]}"
    series = state.readings.get(key)
    if state.sampler_lost is not None:
        return GraphData(title, "", missing=state.sampler_lost)
    if series is None or entry is None or (series.last() is None and key in state.missing):
        return GraphData(title, "", missing=state.missing.get(key, "no reading yet"))
    limit = _limit(state, key)
    values = _points(state, series, window_s, points)
    high = entry.high if entry.high is not None else limit or round_up(_highest(values))
    value = wording.reading(series.last(), entry.unit)
    if limit is not None and entry.unit != "%":
        value = f"{value} of {wording.reading(limit, entry.unit)}"
    # A clock's threshold is a share of what it was under load, not of the highest that the chip can reach.
    reference = None if ".clock." in key or key.endswith(".frequency") else limit
    level = thresholds.level(key, series.last(), reference) or "normal"
    word = thresholds.word(key, series.last(), reference)
    if word and word != "normal":
        value = f"{value} {word}"
    return GraphData(
        title=title,
        value=value,
        points=tuple(values),
        low=entry.low,
        high=high,
        low_text=wording.reading(entry.low, entry.unit) if entry.low else "0",
        high_text=wording.reading(high, entry.unit),
        level=level,
        **_time(state, window_s, points),
    )


def token_graph(state: SessionState, window_s: int, points: int) -> GraphData:
    """Return the graph of the tokens of all streams a second."""
    last = state.token_rate.last()
    data = series_graph(state, "decode", state.token_rate, wording.number, window_s=window_s, points=points)
    return data._replace(value=f"~{wording.rate(last)} tok/s" if last is not None else "")


def series_graph(
    state: SessionState,
    title: str,
    series: Series,
    text: Callable[[float | None], str],
    *,
    window_s: int,
    points: int,
) -> GraphData:
    """Return the graph of a series from zero up; `text` writes its values."""
    values = _points(state, series, window_s, points)
    high = round_up(_highest(values))
    return GraphData(
        title=title,
        value=text(series.last()),
        points=tuple(values),
        high=high,
        high_text=text(high),
        **_time(state, window_s, points),
    )


class _Time(TypedDict):
    ticks: frozenset[int]
    heat: frozenset[int]
    span_text: str


def _time(state: SessionState, window_s: int, points: int) -> _Time:
    """Return what all graphs of a span have in common: jobs, markers, what heat slowed, and the length of the span."""
    return {
        "ticks": _ticks(state, window_s, points),
        "heat": _heat(state, window_s, points),
        "span_text": f"-{wording.clock(window_s * 1e9)}",
    }


def _points(state: SessionState, series: Series, window_s: int, points: int) -> list[float]:
    """Return means over spans that are anchored at the origin, so that a point stays as it is while time goes on.

    A span without a sample takes the one before it: samples come more seldom than spans in a short window.
    """
    step, end = _spans(state, window_s, points)
    values = series.buckets(end - step * points, end, points)
    held, age = math.nan, 0
    for place, value in enumerate(values):
        if math.isnan(value):
            age += 1
            values[place] = held if age * step < HELD_NS else math.nan
        else:
            held, age = value, 0
    return values


def _spans(state: SessionState, window_s: int, points: int) -> tuple[int, int]:
    """Return the length of a span and the end of the last one, in ns."""
    step = window_s * 1_000_000_000 // points
    return step, (state.now_ns // step + 1) * step


def _ticks(state: SessionState, window_s: int, points: int) -> frozenset[int]:
    step, end = _spans(state, window_s, points)
    start = end - step * points
    moments = [job.started_ns for job in state.jobs.values() if job.started_ns is not None]
    moments += [marker.t for marker in state.markers]
    return frozenset((moment - start) // step for moment in moments if start <= moment < end)


def _heat(state: SessionState, window_s: int, points: int) -> frozenset[int]:
    step, end = _spans(state, window_s, points)
    start = end - step * points
    places: set[int] = set()
    for span in reversed(state.heat_spans):
        if span.end_ns < start:
            break
        places.update(range(max(0, (span.start_ns - start) // step), min(points, (span.end_ns - start) // step + 1)))
    return frozenset(places)


def _limit(state: SessionState, key: str) -> float | None:
    limit = readings.limit_key(key)
    series = state.readings.get(limit) if limit else None
    return series.last() if series is not None else None


def _highest(values: list[float]) -> float:
    return max((value for value in values if not math.isnan(value)), default=1.0)


def _process_lines(state: SessionState) -> Iterator[str]:
    for target in state.targets.values():
        if target.processes:
            cpu = _last(state, "server.cpu")
            private, file = _last(state, "server.memory.private"), _last(state, "server.memory.file")
            count = len(target.processes)
            names = f"{target.processes[0].name} ({count} {'process' if count == 1 else 'processes'})"
            yield (
                f"server {wording.visible(names)}: {wording.reading(cpu, 'cores')}, "
                f"{wording.size(private)} private, {wording.size(file)} weights"
            )
        elif target.processes_missing is not None:
            yield f"server {wording.visible(target.name)}: {target.processes_missing}"
    own = state.own_use
    if own is not None:
        sampler = "-" if own.sampler_cpu is None else f"{own.sampler_cpu:.1f} %"
        memory = wording.size((own.engine_memory or 0) + (own.sampler_memory or 0))
        yield f"llmtui: engine {own.engine_cpu:.1f} %, sampler {sampler} of a core, {memory}"
        yield (
            f"llmtui: loop lag p50 {wording.duration(own.lag_p50_ns)}, p99 {wording.duration(own.lag_p99_ns)}, "
            f"clock {state.header.clock if state.header else 'unknown'}"
        )
    for viewer in state.live_viewers:
        rate = wording.size(viewer.terminal_rate)
        yield f"viewer {viewer.pid}: {viewer.cpu:.1f} % of a core, {rate}/s to its terminal"


def _last(state: SessionState, key: str) -> float | None:
    series = state.readings.get(key)
    return series.last() if series is not None else None
