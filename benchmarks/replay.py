"""Going back and forth in a recorded session: an hour of one stream, and a load that made two million events."""

import asyncio
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
from llmtui.tui.app import LlmtuiApp
from llmtui.tui.frame import Pump
from llmtui.tui.playback import Playback
from llmtui.tui.profile import detect_profile
from llmtui.tui.screens.session import IDLE_WORK_S

SEEKS = 30

SESSIONS: tuple[tuple[str, Callable[[], Iterator[Any]], dict[str, float]], ...] = (
    ("hour", recorded.hour, {"opening": 1.0, "far": 0.3, "soon": 0.3, "seek": 0.3, "step back": 0.3}),
    (
        "two million events",
        lambda: recorded.load(2_000_000),
        {"opening": 2.0, "seek": 1.0, "step back": 1.0, "memory": 400.0, "memory of the app": 400.0},
    ),
)
FIGURES = (
    ("opening", "opened, first frame", "s"),
    ("far", "first seek, to 99 %, nothing prepared", "s"),
    ("held up", "longest that it keeps a key waiting", "s"),
    ("prepare", "work until every seek is fast, in slices of 15 ms", "s"),
    ("slice", "longest slice of it", "s"),
    ("left alone", "opened in the app, until every seek is fast", "s"),
    ("share", "share of that time in which it works", "%"),
    ("soon", "opened in the app, 1 s later to 99 %", "s"),
    ("seek", f"worst of {SEEKS} seeks", "s"),
    ("median", f"median of {SEEKS} seeks", "s"),
    ("step back", "worst of 10 steps back", "s"),
    ("playing", "played to its end, frame by frame", "s"),
    ("memory", "greatest resident memory in all that", "MB"),
    ("memory of the app", "greatest resident memory of the app", "MB"),
)


def measure() -> Iterator[tuple[str, float, float | None, str]]:
    """Yield times and memory for each session; each is played in a process of its own, and in one with the app."""
    with tempfile.TemporaryDirectory() as folder:
        for name, events, bounds in SESSIONS:
            log = Path(folder) / "session.jsonl"
            recorded.write_log(log, events())
            found = {}
            for how in WAYS:
                command = [sys.executable, __file__, str(log), how]
                told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
                found |= {key: max(value, found.get(key, value)) for key, value in told.items()}
            for key, what, unit in FIGURES:
                yield f"replay, {name}: {what}", found[key], bounds.get(key), unit


def _play(log: Path) -> dict[str, float]:
    """Return the figures of one log."""
    importlib.import_module("textual.app")  # its memory belongs to the sum
    found = {}
    began = time.perf_counter()
    pump, playback = _open(log)
    found["opening"] = time.perf_counter() - began
    slices: list[float] = []
    found["far"] = _timed(pump, lambda: playback.seek_percent(99), slices)
    found["held up"] = max(slices)
    playback.close()
    pump, playback = _open(log)
    slices = []
    more = True
    while more:
        began = time.perf_counter()
        more = pump.prepare(IDLE_WORK_S)
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
        more = pump.prepare(IDLE_WORK_S)
        pump.step()
    found["playing"] = time.perf_counter() - began
    found["memory"] = _greatest_memory()
    return found


def _open(log: Path) -> tuple[Pump, Playback]:
    playback = Playback(LogBlocks(log))
    pump = Pump(playback)
    pump.step()
    return pump, playback


def _timed(pump: Pump, move: Callable[[], object], slices: list[float] | None = None) -> float:
    """Return the seconds of a move until a frame has its state and its rows of results; add up its `slices`."""
    began = since = time.perf_counter()
    move()
    while isinstance(pump.source, Playback) and pump.source.going:
        if slices is not None:
            slices.append(time.perf_counter() - since)
        since = time.perf_counter()
        pump.prepare(IDLE_WORK_S)
    job_results(pump.step().state)
    if slices is not None:
        slices.append(time.perf_counter() - since)
    return time.perf_counter() - began


async def _left_alone(log: Path) -> dict[str, float]:
    """Open the log in the app, which draws to no terminal."""
    playback, app = _app(log)
    async with app.run_test(size=(120, 40)):
        began, worked = time.perf_counter(), time.process_time()
        while playback.searched_ns < playback.length_ns:  # noqa: ASYNC110 - what is measured is the app as it is
            await asyncio.sleep(0.01)
        span = time.perf_counter() - began
        share = 100 * (time.process_time() - worked) / span
        return {"left alone": span, "share": share, "memory of the app": _greatest_memory()}


async def _moved_soon(log: Path) -> dict[str, float]:
    """Do the same, with a seek one second later."""
    playback, app = _app(log)
    async with app.run_test(size=(120, 40)):
        await asyncio.sleep(1)
        began = time.perf_counter()
        playback.seek_percent(99)
        while playback.going:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.001)
        return {"soon": time.perf_counter() - began, "memory of the app": _greatest_memory()}


WAYS: dict[str, Callable[[Path], dict[str, float]]] = {
    "alone": _play,
    "left alone in the app": lambda log: asyncio.run(_left_alone(log)),
    "moved soon in the app": lambda log: asyncio.run(_moved_soon(log)),
}
"""Each in a process of its own, since it is asked for its greatest memory."""


def _app(log: Path) -> tuple[Playback, LlmtuiApp]:
    playback = Playback(LogBlocks(log))
    profile = detect_profile({}, encoding="utf-8")
    return playback, LlmtuiApp(
        lambda app: app.open_session(playback, None, replay=True, state_folder=log.parent), profile, None
    )


def _greatest_memory() -> float:
    """Return the greatest resident memory of this process so far, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM"))
    return max(peak, memory(os.getpid())[0])


if __name__ == "__main__":
    print(json.dumps(WAYS[sys.argv[2]](Path(sys.argv[1]))))
