"""Watching only: engine, sampler and viewer together, one sample a second, nothing running."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from processes import cpu_seconds, memory

from llmtui.log.library import list_sessions
from llmtui.testing.terminal import Terminal

SECONDS = 30


def measure() -> Iterator[tuple[str, float, float | None, str]]:
    """Yield CPU and memory of the three processes."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LLMTUI_SESSIONS": folder}
        terminal = Terminal([sys.executable, "-m", "llmtui", "run", "watch"], 120, 40, environ)
        try:
            terminal.read_until(b"queue", 15)
            terminal.read_for(8)
            header = list_sessions(Path(folder))[0].header
            assert header is not None
            pids = {"viewer": terminal.process.pid, "engine": header.pid, "sampler": _child(header.pid)}
            before = {name: cpu_seconds(pid) for name, pid in pids.items()}
            began = time.monotonic()
            sent = terminal.read_for(SECONDS)
            span = time.monotonic() - began
            shares = {name: (cpu_seconds(pid) - before[name]) / span * 100 for name, pid in pids.items()}
            memories = {name: memory(pid) for name, pid in pids.items()}
        finally:
            terminal.send(b"qs")
            terminal.read_for(3)
            terminal.close()
    for name in pids:
        yield f"watching: {name} CPU", shares[name], None, "% of a core"
        yield f"watching: {name} resident memory", memories[name][0], None, "MB"
    yield "watching: all three CPU", sum(shares.values()), 2.0, "% of a core"
    yield "watching: all three resident memory", sum(rss for rss, _ in memories.values()), 110.0, "MB"
    yield "watching: all three, shared pages counted once", sum(pss for _, pss in memories.values()), None, "MB"
    yield "watching: to the terminal", sent / SECONDS / 1000, None, "kB/s"


def _child(pid: int) -> int:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=True)
    return int(found.stdout.split()[0])
