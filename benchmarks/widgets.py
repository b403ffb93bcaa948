"""What one frame of each live widget costs: processor time and bytes to the terminal, at 120x40."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from llmtui.testing.terminal import Terminal

FEW, MANY = 20, 220
APP = Path(__file__).with_name("widget_app.py")


def measure() -> Iterator[tuple[str, float, float | None, str]]:
    """Yield the difference that two hundred frames make, by one of them."""
    for widget in ("graph", "rows", "tail"):
        few_cpu, few_bytes = _run(widget, FEW)
        many_cpu, many_bytes = _run(widget, MANY)
        frames = MANY - FEW
        yield f"widget {widget}: processor time of a frame", (many_cpu - few_cpu) / frames * 1000, None, "ms"
        yield f"widget {widget}: to the terminal, a frame", (many_bytes - few_bytes) / frames, None, "bytes"


def _run(widget: str, frames: int) -> tuple[float, float]:
    """Return processor seconds and bytes of a whole run."""
    terminal = Terminal(
        [sys.executable, str(APP), widget, str(frames)], 120, 40, {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    )
    count = terminal.read_for(60)
    _, _, use = os.wait4(terminal.process.pid, 0)
    terminal.process.returncode = 0
    terminal.close()
    return use.ru_utime + use.ru_stime, count
