"""What the log takes and gives: events a second written by the engine's writer, megabytes a second read again."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from llmtui import events as ev
from llmtui.log.read import read_log
from llmtui.log.write import LogWriter

EVENTS = 200_000
BATCH = ev.TokensReceived(
    t=1, request="j1.1", offsets_us=tuple(range(0, 50_000, 10_000)), texts=(" one", " two", " three", " four", " five")
)


def measure() -> Iterator[tuple[str, float, float | None, str]]:
    """Yield the rates of writing and of reading."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "20260101-000000-bench-0000.jsonl"
        written, cpu = _write(path)
        yield "log: token batches written", EVENTS / written, None, "events/s"
        yield "log: processor time of an event", cpu / EVENTS * 1e6, None, "us"
        size = path.stat().st_size / 1e6
        began = time.perf_counter()
        count = len(read_log(path).events)
        seconds = time.perf_counter() - began
        yield "log: read again", size / seconds, None, "MB/s"
        yield "log: events read again", count / seconds, None, "events/s"


def _write(path: Path) -> tuple[float, float]:
    """Return seconds and processor seconds for all events, the closing of the file included."""
    writer = LogWriter(path)
    header = {"format": 1, "llmtui": "0", "session": path.stem, "name": "bench", "opened_at": "", "origin_ns": 0}
    writer.append(ev.SessionOpened(t=0, clock="", pid=1, suite="", suite_sha256="", **header))
    began, used = time.perf_counter(), time.process_time()
    for _ in range(EVENTS):
        writer.append(BATCH)
    writer.close()
    return time.perf_counter() - began, time.process_time() - used
