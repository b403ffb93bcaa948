"""Going back and forth in a recorded session: an hour of one stream, and a load that made two million events."""

import importlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import recorded
from processes import memory

from llmtui.log.blocks import LogBlocks
from llmtui.state.results import job_results
from llmtui.tui.frame import Pump
from llmtui.tui.playback import Playback

SEEKS = 30
FRAME_S = 0.02
"""The idle time that each frame gives to preparation."""

SESSIONS: tuple[tuple[str, Callable[[], Iterator[Any]], dict[str, float]], ...] = (
    ("hour", recorded.hour, {"opening": 1.0, "far": 1.0, "seek": 0.3, "step back": 0.3}),
    (
        "two million events",
        lambda: recorded.load(2_000_000),
        {"opening": 2.0, "seek": 1.0, "step back": 1.0, "memory": 400.0},
    ),
)
FIGURES = (
    ("opening", "opened, first frame", "s"),
    ("far", "first seek, to 99 %, nothing prepared", "s"),
    ("prepare", "preparing, in slices of 20 ms", "s"),
    ("slice", "longest slice of it", "s"),
    ("seek", f"worst of {SEEKS} seeks", "s"),
    ("median", f"median of {SEEKS} seeks", "s"),
    ("step back", "worst of 10 steps back", "s"),
    ("playing", "played to its end, frame by frame", "s"),
    ("memory", "greatest resident memory in all that", "MB"),
)


def measure() -> Iterator[tuple[str, float, float | None, str]]:
    """Yield times and memory for each session; each is played in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        for name, events, bounds in SESSIONS:
            log = Path(folder) / "session.jsonl"
            recorded.write_log(log, events())
            command = [sys.executable, __file__, str(log)]
            found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            for key, what, unit in FIGURES:
                yield f"replay, {name}: {what}", found[key], bounds.get(key), unit


def _play(log: Path) -> dict[str, float]:
    """Return the figures of one log."""
    importlib.import_module("textual.app")  # its memory belongs to the sum
    found = {}
    began = time.perf_counter()
    pump, playback = _open(log)
    found["opening"] = time.perf_counter() - began
    found["far"] = _timed(pump, lambda: playback.seek_percent(99))
    playback.close()
    pump, playback = _open(log)
    slices = []
    more = True
    while more:
        began = time.perf_counter()
        more = pump.prepare(FRAME_S)
        slices.append(time.perf_counter() - began)
    found["prepare"], found["slice"] = sum(slices), max(slices)
    places = random.Random(1)
    seeks = sorted(_timed(pump, lambda: playback.seek_percent(places.uniform(0, 100))) for _ in range(SEEKS))
    found["seek"], found["median"] = seeks[-1], seeks[SEEKS // 2]
    playback.seek_percent(97)
    found["step back"] = max(_timed(pump, lambda: playback.step(-1)) for _ in range(10))
    playback.close()
    pump, playback = _open(log)
    playback.set_speed(None)
    began = time.perf_counter()
    more = True
    while not playback.finished or more:
        more = pump.prepare(FRAME_S)
        pump.step()
    found["playing"] = time.perf_counter() - began
    found["memory"] = _greatest_memory()
    return found


def _open(log: Path) -> tuple[Pump, Playback]:
    playback = Playback(LogBlocks(log))
    pump = Pump(playback)
    pump.step()
    return pump, playback


def _timed(pump: Pump, move: Callable[[], object]) -> float:
    """Return the seconds of a move until the next frame has its state and its rows of results."""
    began = time.perf_counter()
    move()
    job_results(pump.step().state)
    return time.perf_counter() - began


def _greatest_memory() -> float:
    """Return the greatest resident memory of this process so far, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM"))
    return max(peak, memory(os.getpid())[0])


if __name__ == "__main__":
    print(json.dumps(_play(Path(sys.argv[1]))))
