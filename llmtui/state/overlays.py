"""Figures of several sessions on one axis: over the time since the first request of each, or by the request's number.

Pure. Warm-ups and requests without figures are left out, as in the comparison.
"""

import math
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from llmtui import readings, wording
from llmtui.metrics.scales import FINE, round_up
from llmtui.metrics.statistics import finite, median
from llmtui.state.session import Request, SessionState

Axis = Literal["time", "requests"]

HELD_NS = 5_000_000_000
"""How long a reading stands for the time after it; the slowest figures come each five seconds."""

_TEMPERATURE = re.compile(r"(?:cpu|gpu\.\d+)\.temperature")


class OverlaySide(NamedTuple):
    """A session, or these jobs of it, under the letter that draws it."""

    letter: str
    name: str
    state: SessionState
    jobs: frozenset[str] | None = None


class OverlayLine(NamedTuple):
    """One side in a chart: its points (NaN is a gap), the median of what they show, and why there are none."""

    letter: str
    points: tuple[float, ...]
    middle: float | None = None
    missing: str | None = None


class Overlay(NamedTuple):
    """One figure of all sides: lines on one scale from `low` to `high`, with the texts of that, and of the axis."""

    key: str
    title: str
    unit: str
    lines: tuple[OverlayLine, ...]
    low: float
    high: float
    text: Callable[[float | None], str]
    end_text: str


class _Measured(NamedTuple):
    """A request that counts: when its text came (ns), and what it measured."""

    start_ns: int
    first_ns: int
    end_ns: int
    request: Request


def overlays(sides: Sequence[OverlaySide], axis: Axis, points: int) -> list[Overlay]:
    """Return the charts of all sides with `points` places: decode rate, ITL, and each temperature that a side has."""
    measured = [_measured(side) for side in sides]
    span_ns = max((_span_ns(requests) for requests in measured), default=0)
    most = max(map(len, measured), default=0)
    end_text = wording.clock(span_ns) if axis == "time" else f"request {most}"

    def chart(key: str, title: str, unit: str, text: Callable[[float | None], str]) -> Overlay:
        lines = []
        for side, requests in zip(sides, measured, strict=True):
            values = _values(requests, key)
            drawn = (
                _over_time(side.state, requests, key, span_ns, points)
                if axis == "time"
                else _by_number(values, most, points)
            )
            lines.append(_line(side, key, drawn, values))
        highest = max((value for line in lines for value in finite(line.points)), default=0.0)
        return Overlay(key, title, unit, tuple(lines), 0.0, round_up(highest, FINE), text, end_text)

    found = [
        chart("decode", "decode of all streams" if axis == "time" else "decode", "tok/s", wording.rate),
        chart("itl", "ITL p50", "", wording.duration),
    ]
    found += [chart(key, title, "", _degrees) for key, title in _temperatures(sides)]
    return found


def _line(side: OverlaySide, key: str, points: Sequence[float], values: Sequence[float]) -> OverlayLine:
    if finite(points):
        return OverlayLine(side.letter, tuple(points), median(finite(values)))
    return OverlayLine(side.letter, (), None, _why(side.state, key))


def _why(state: SessionState, key: str) -> str:
    if _TEMPERATURE.fullmatch(key):
        return state.missing.get(key, "it was not read")
    return "no request measured it"


def _degrees(value: float | None) -> str:
    return wording.reading(value, "°C")


def _temperatures(sides: Sequence[OverlaySide]) -> Iterator[tuple[str, str]]:
    keys = {key for side in sides for key in side.state.readings if _TEMPERATURE.fullmatch(key)}
    for key in sorted(keys, key=lambda key: (not key.startswith("gpu"), len(key), key)):
        entry = readings.describe(key)
        number = key.split(".")[1] if key.startswith("gpu") else ""
        title = entry.label if entry else key
        yield key, title if number in {"", "0"} else f"{title} {number}"


def _measured(side: OverlaySide) -> list[_Measured]:
    """Return the requests that count, in the order in which they were sent."""
    found = []
    for request in side.state.requests.values():
        figures = request.figures
        wanted = side.jobs is None or request.job in side.jobs
        if not wanted or request.warmup or request.status != "done" or figures is None:
            continue
        start, finished = request.sent_ns, request.finished_ns
        if start is None or finished is None:
            continue
        end = start + figures.e2e_ns if figures.e2e_ns is not None else finished
        first = start + figures.ttft_ns if figures.ttft_ns is not None else start
        found.append(_Measured(start, min(first, end), max(end, start), request))
    return sorted(found, key=lambda one: (one.start_ns, one.end_ns))


def _span_ns(requests: Collection[_Measured]) -> int:
    return max((one.end_ns for one in requests), default=0) - min((one.start_ns for one in requests), default=0)


def _values(requests: Sequence[_Measured], key: str) -> list[float]:
    """Return a figure of each request, NaN where it has none."""
    return [math.nan if value is None else value for value in (_of_request(one.request, key) for one in requests)]


def _of_request(request: Request, key: str) -> float | None:
    figures = request.figures
    if key == "decode":
        return figures.decode_rate if figures is not None else None
    if key == "itl":
        return figures.itl_p50_ns if figures is not None else None
    used = request.use.figures.get(key) if request.use is not None else None
    return used.mean if used is not None else None


def _by_number(values: Sequence[float], most: int, points: int) -> list[float]:
    """Return `points` places for the numbers 1 to `most`; several numbers at one place are averaged."""
    found = []
    for place in range(points if most else 0):
        first = place * most // points
        stop = max(first + 1, (place + 1) * most // points)
        inside = finite(values[first:stop])
        found.append(sum(inside) / len(inside) if inside else math.nan)
    return found


def _over_time(state: SessionState, requests: Sequence[_Measured], key: str, span_ns: int, points: int) -> list[float]:
    if not requests or span_ns <= 0:
        return []
    start = min(one.start_ns for one in requests)
    if _TEMPERATURE.fullmatch(key):
        return _held(state, key, start, span_ns, points)
    spans = [
        (one.first_ns - start, one.end_ns - start, value)
        for one in requests
        if (value := _of_request(one.request, key)) is not None and math.isfinite(value)
    ]
    return _stepped(spans, span_ns / points, points, add_up=key == "decode")


def _held(state: SessionState, key: str, start: int, span_ns: int, points: int) -> list[float]:
    """Return a reading at each place; one without a sample takes the place before it, for a while."""
    series = state.readings.get(key)
    if series is None:
        return []
    values = series.buckets(start, start + span_ns, points)
    held, age = math.nan, 0
    for place, value in enumerate(values):
        if math.isnan(value):
            age += 1
            values[place] = held if age * span_ns / points < HELD_NS else math.nan
        else:
            held, age = value, 0
    return values


def _stepped(spans: Sequence[tuple[int, int, float]], step: float, points: int, *, add_up: bool) -> list[float]:
    """Return means over the time in which any span runs, of the sum of all spans that run, or of their mean."""
    edges = sorted({edge for start, end, _ in spans for edge in (start, end) if end > start})
    changes: dict[int, list[tuple[int, float]]] = {edge: [] for edge in edges}
    for start, end, value in spans:
        if end > start:
            changes[start].append((1, value))
            changes[end].append((-1, value))
    sums, covered = [0.0] * points, [0.0] * points
    running, total = 0, 0.0
    for edge, following in pairwise(edges):
        for sign, value in changes[edge]:
            running, total = running + sign, total + sign * value
        if not running:
            total = 0.0
            continue
        level = total if add_up else total / running
        for place in range(int(edge // step), min(points - 1, int(following // step)) + 1):
            part = min(following, (place + 1) * step) - max(edge, place * step)
            if part > 0:
                sums[place] += level * part
                covered[place] += part
    return [total / seen if seen else math.nan for total, seen in zip(sums, covered, strict=True)]
