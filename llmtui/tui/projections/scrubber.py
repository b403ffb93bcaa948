"""The line of a replay: where it stands in the session, at which speed, and where alerts, markers and errors are."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from llmtui import wording
from llmtui.state.heat_spans import HeatSpan
from llmtui.state.landmarks import Landmark, LandmarkKind
from llmtui.tui.glyphs import Glyphs

TICKS: tuple[tuple[LandmarkKind, str], ...] = (("job start", "."), ("marker", "m"), ("alert", "!"), ("error", "x"))
"""The letter of each kind on the line; of several at one place the last one here is shown."""

HEAT = "~"
"""Stands all along a span in which heat slowed a device, below the letters."""

_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d{1,2})(?:\.(\d+))?")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h)?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, None: 1}

NEXT: dict[str, LandmarkKind] = {
    "alert": "alert",
    "marker": "marker",
    "error": "error",
    "job": "job start",
    "throttle": "throttle",
}


class Place(NamedTuple):
    """Where a replay stands, or while it is `going` where to; moments in ns, `speed` None is as fast as it goes."""

    position_ns: int
    length_ns: int
    speed: float | None
    paused: bool
    landmarks: Sequence[Landmark]
    heat: Sequence[HeatSpan] = ()
    going: bool = False


class Goal(NamedTuple):
    """Where to go: to a moment (ns), a percentage, a job, or the next landmark of a kind."""

    kind: Literal["time", "percent", "job", "next"]
    value: float = 0.0
    name: str = ""


def scrubber_line(place: Place, width: int, glyphs: Glyphs) -> str:
    """Return the line: state and speed, the position, the whole length with its ticks."""
    speed = "as fast as it goes" if place.speed is None else f"{place.speed:g}x"
    where = wording.clock(place.position_ns)
    where = f"going to {where} ..." if place.going else where
    head = f"{glyphs.paused if place.paused else glyphs.running} {speed}  {where} "
    tail = f" {wording.clock(place.length_ns)}"
    room = width - len(head) - len(tail)
    return head.rstrip() if room < LEAST_TRACK else f"{head}{_track(place, room, glyphs)}{tail}"


LEAST_TRACK = 8


def _track(place: Place, room: int, glyphs: Glyphs) -> str:
    cells = [glyphs.rule] * room

    def cell(t: int) -> int:
        return min(room - 1, t * room // place.length_ns) if place.length_ns > 0 else 0

    for span in place.heat:
        first, last = cell(span.start_ns), cell(span.end_ns)
        cells[first : last + 1] = [HEAT] * (last + 1 - first)
    for kind, tick in TICKS:
        for landmark in place.landmarks:
            if landmark.kind == kind:
                cells[cell(landmark.t)] = tick
    cells[cell(place.position_ns)] = glyphs.bar
    return "".join(cells)


def parse_goal(text: str) -> Goal | None:
    """Read `12:30`, `1:02:03`, `90s`, `50%`, `j3`, or a key of `NEXT`; None for anything else."""
    text = text.strip().lower()
    if found := _CLOCK.fullmatch(text):
        hours, minutes, seconds, part = found.groups()
        total = int(hours or 0) * 3600 + int(minutes) * 60 + float(f"{seconds}.{part or 0}")
        return Goal("time", total * 1e9)
    if found := _PERCENT.fullmatch(text):
        return Goal("percent", float(found[1]))
    if found := _SPAN.fullmatch(text):
        return Goal("time", float(found[1]) * _SECONDS[found[2]] * 1e9)
    if text in NEXT:
        return Goal("next", name=text)
    return Goal("job", name=text) if re.fullmatch(r"j\d+", text) else None
