"""The viewer while 100 tokens a second stream and the hardware is sampled twice a second."""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from processes import cpu_seconds, memory

from llmtui import events as ev
from llmtui.log.write import LogWriter
from llmtui.testing.terminal import Terminal

SECONDS = 20
RATE = 100
TEXT = "the quick brown fox jumps over a lazy dog while seven wizards mix unusual potions"
WORDS = TEXT.split()
SIZES = (((120, 40), 25.0, {}), ((80, 24), 12.0, {}), ((120, 40), None, {"SSH_CONNECTION": "1 2 3 4"}))


def measure() -> Iterator[tuple[str, float, float | None, str]]:
    """Yield CPU, memory and bytes for each size of terminal."""
    for (columns, rows), bytes_bound, environ in SIZES:
        cpu, resident, kilobytes = _watch(columns, rows, environ)
        name = f"viewer {columns}x{rows}{' over SSH' if environ else ''}, {RATE} tok/s"
        yield f"{name}: CPU", cpu, 8.0, "% of a core"
        yield f"{name}: to the terminal", kilobytes, bytes_bound, "kB/s"
        yield f"{name}: resident memory", resident, None, "MB"


def _watch(columns: int, rows: int, environ: dict[str, str]) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "20260101-000000-bench-0000.jsonl"
        stop = threading.Event()
        writer = threading.Thread(target=write_session, args=(log, stop))
        writer.start()
        terminal = Terminal(
            [sys.executable, "-m", "llmtui", "attach", str(log)],
            columns,
            rows,
            {"TERM": "xterm-256color", "COLORTERM": "truecolor", **environ},
        )
        try:
            terminal.read_until(b"queue", 10)
            terminal.read_for(5)
            pid = terminal.process.pid
            before, began = cpu_seconds(pid), time.monotonic()
            count = terminal.read_for(SECONDS)
            span = time.monotonic() - began
            return (cpu_seconds(pid) - before) / span * 100, memory(pid)[0], count / span / 1000
        finally:
            terminal.close()
            stop.set()
            writer.join()


def write_session(path: Path, stop: threading.Event) -> None:
    """Write a live session: one request without end, `RATE` chunks a second in batches of 50 ms."""
    writer = LogWriter(path)
    origin = time.monotonic_ns()

    def now() -> int:
        return time.monotonic_ns() - origin

    header = {"format": 1, "llmtui": "0", "session": path.stem, "name": "bench", "opened_at": "", "origin_ns": origin}
    writer.append(ev.SessionOpened(t=0, clock="", pid=os.getpid(), suite="", suite_sha256="", **header))
    for number in range(1, 7):
        writer.append(
            ev.JobQueued(
                t=1,
                job=f"j{number}",
                target="t",
                backend="llamacpp",
                model="model",
                workload="w",
                kind="generate",
                iteration=number,
                requests=3,
                quantization="Q4_1",
            )
        )
    writer.append(ev.JobStarted(t=2, job="j1"))
    writer.append(ev.RequestStarted(t=3, request="j1.1", job="j1", model="model", messages=(("user", "go on"),)))
    sent = now()
    writer.append(ev.RequestSent(t=sent, request="j1.1"))
    tick = 0
    while not stop.wait(0.05):
        tick += 1
        count = RATE // 20
        first = (now() - sent) // 1000 - 40_000
        texts = tuple(f" {WORDS[(tick * count + place) % len(WORDS)]}" for place in range(count))
        offsets = tuple(first + place * 10_000 for place in range(count))
        writer.append(ev.TokensReceived(t=now(), request="j1.1", offsets_us=offsets, texts=texts))
        if tick % 10 == 0:
            writer.append(ev.SampleTaken(t=now(), values=sample(tick)))
        if tick % 40 == 0:
            writer.append(ev.SelfMeasured(t=now(), engine_cpu=2.0, sampler_cpu=0.3, lag_p99_ns=700_000 + tick))
    writer.close()


def sample(tick: int) -> dict[str, float]:
    swing = tick % 37
    return {
        "cpu.percent": 40.0 + swing,
        "ram.used": 8e9 + swing * 1e6,
        "ram.total": 25e9,
        "gpu.0.percent": 90.0 - swing / 5,
        "gpu.0.memory.used": 9e9,
        "gpu.0.memory.total": 24e9,
        "gpu.0.temperature": 60.0 + swing / 4,
        "gpu.0.power": 250.0 + swing,
        "cpu.temperature": 50.0 + swing / 4,
        "server.cpu": 1.5 + swing / 100,
    }
