"""From exec to `--help`, and to the first painted content."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from llmtui.testing.terminal import Terminal

RUNS = 7
LLMTUI = [sys.executable, "-m", "llmtui"]


def measure() -> Iterator[tuple[str, float, float | None, str]]:
    """Yield medians over `RUNS` runs after a first one that does not count."""
    yield "llmtui --help", _median(_help), 0.15, "s"
    yield "python -c pass, for comparison", _median(_pass), None, "s"
    yield "llmtui: first painted content", _median(_first_paint), 0.5, "s"


def _median(run) -> float:
    run()
    return statistics.median(run() for _ in range(RUNS))


def _help() -> float:
    return _timed([str(Path(sys.executable).with_name("llmtui")), "--help"])


def _pass() -> float:
    return _timed([sys.executable, "-c", "pass"])


def _timed(command: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - began


def _first_paint() -> float:
    with tempfile.TemporaryDirectory() as folder:
        environ = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LLMTUI_SESSIONS": folder}
        terminal = Terminal([str(Path(sys.executable).with_name("llmtui"))], 120, 40, environ)
        try:
            return terminal.read_until(b"suites", 10)
        finally:
            terminal.close()
