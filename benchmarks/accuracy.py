"""How far llmtui's figures are from the truth of a server that knows it, and what a chunk costs the engine.

Nothing is tried again here: on a busy machine the figures are those of a busy machine.
"""

import json
import os
import select
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from llmtui.log.read import read_header, read_log
from llmtui.metrics.statistics import percentile
from llmtui.selftest.bounds import Bounds
from llmtui.selftest.cases import STREAMS, WARM
from llmtui.selftest.children import Truth, run_engine, truth_server
from llmtui.selftest.pairs import Pair, join, read_requests
from llmtui.selftest.rows import gaps, stamps, ttft_errors
from llmtui.selftest.run import run_selftest
from llmtui.testing.terminal import Terminal
from llmtui.testing.truth_record import read_truth

MS = 1e6
BOUNDS = Bounds()
REQUESTS = 100  # fewer carry no p99 of TTFT
SETTLE = "plain+ttft_ms=40+gap_ms=2+tokens=5"
STEADY = "plain+ttft_ms=100+gap_ms=10+tokens=30"
LONG = "plain+ttft_ms=100+gap_ms=10+tokens=300"
MANY = "plain+ttft_ms=300+gap_ms=20+tokens=400+slots=64"
AFTER = "plain+ttft_ms=400+gap_ms=10+tokens=2"
FLOOD_1 = "flood+ttft_ms=50+tokens=100000"
FLOOD_64 = "flood+ttft_ms=50+tokens=2000"
SLOW_LINE = 60_000
"""Bytes per second that the viewer's terminal takes."""

Row = tuple[str, float, float | None, str]
PROMPTS = [f"Prompt {place + 1} of the benchmark." for place in range(REQUESTS)]
GENERATE = {"kind": "generate", "prompts": PROMPTS}
FIVE = {"kind": "generate", "prompts": PROMPTS[:5]}
ONE = {"kind": "generate", "prompts": PROMPTS[:1]}
LOAD_64 = {"kind": "load", "prompts": ["A prompt of the benchmark."], "concurrency": 64, "requests": 64}


def measure() -> Iterator[Row]:
    """Yield errors, processor time of a chunk, and chunks per second."""
    for name, watched in (("100 tok/s", False), ("100 tok/s, watched over a slow line", True)):
        pairs = _steady(watched=watched)
        yield f"{name}: TTFT error p99", _p99(ttft_errors(pairs)) / MS, BOUNDS.ttft_p99_ns / MS, "ms"
        yield f"{name}: stamp error p99", _p99(stamps(pairs)) / MS, BOUNDS.stamp_p99_ns / MS, "ms"
        yield f"{name}: inter-token error p99", _p99(gaps(pairs)) / MS, BOUNDS.gap_p99_ns / MS, "ms"
    yield from _scenarios()
    for name, model, workload in (("1 stream, 100 tok/s", LONG, FIVE), ("64 streams, 50 tok/s", MANY, LOAD_64)):
        yield f"engine, {name}: processor time of a chunk", _chunk_cost(model, workload), None, "us"
    yield "flat out: the server alone, 1 stream", _server_alone(), None, "chunks/s"
    yield "flat out: 1 stream", _flat_out(FLOOD_1, ONE), None, "chunks/s"
    yield "flat out: 64 streams", _flat_out(FLOOD_64, LOAD_64), None, "chunks/s"


def _steady(*, watched: bool) -> list[Pair]:
    """Run one stream after another, with a viewer on the log that was there before the first that counts, or none."""
    with _folder() as folder, _truth(folder, STEADY) as truth, _Watching(folder / "a.jsonl") as watching:
        on_job = watching.start if watched else lambda: None
        return _run(folder, truth, [WARM, SETTLE, STEADY], GENERATE, on_job)


def _scenarios() -> Iterator[Row]:
    """Take the rates of all scenarios, and the figures of many streams, from one self-test.

    As there, what a busy machine may have spoilt is tried again, and the figure says so: pieces that wait together
    while this process is kept from running share the stamp of the last one.
    """
    with _folder() as folder:
        report = run_selftest(folder, streams=STREAMS)
    wanted = {case.name for case in STREAMS}
    for row in report.rows:
        error = float("inf") if row.error is None else row.error
        again = f", best of {row.tries} tries" if row.tries > 1 else ""
        if row.figure == "decode rate":
            yield f"{row.scenario}: rate error{again}", error, row.bound, "%"
        elif row.scenario in wanted and row.unit == "ns":
            yield f"{row.scenario}: {row.figure}{again}", error / MS, row.bound / MS if row.bound else None, "ms"


def _chunk_cost(model: str, workload: dict[str, Any]) -> float:
    """Return microseconds of the engine's processor time for each chunk, from the end of one job to that of the next.

    All that the engine does meanwhile is in it: the log, the sampler's readings, the socket for commands.
    """
    used: list[float] = []
    with _folder() as folder, _truth(folder, model) as truth:
        log = folder / "a.jsonl"
        pairs = _run(folder, truth, [WARM, model, AFTER], workload, lambda: used.append(_cpu_ns(read_header(log).pid)))
    chunks = sum(len(pair.logged.arrivals) for pair in pairs if pair.truth.model == model)
    return (used[1] - used[0]) / 1e3 / chunks


def _flat_out(model: str, workload: dict[str, Any]) -> float:
    """Return how many chunks per second are worked off when the server never waits.

    Counted up to the end of the last request, since stamps run ahead of the work that follows them.
    """
    with _folder() as folder, _truth(folder, model) as truth:
        pairs = _run(folder, truth, [WARM, model], workload)
        origin = read_header(folder / "a.jsonl").origin_ns
    first = min(pair.logged.arrivals[0] for pair in pairs)
    last = max(pair.logged.finished.t for pair in pairs) + origin
    return sum(len(pair.logged.arrivals) for pair in pairs) * 1e9 / (last - first)


def _server_alone() -> float:
    """Return what the server can send to a client that only reads."""
    body = json.dumps({"model": FLOOD_1, "stream": True, "messages": [{"role": "user", "content": "x"}]}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with _folder() as folder, _truth(folder, FLOOD_1) as truth:
        port = int(truth.urls["openai"].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(head + body)
            last = b""
            while not last.endswith(b"0\r\n\r\n"):
                last = (last + client.recv(1 << 20))[-16:]
        (record,) = _records(truth, 1)
    return len(record.pieces) * 1e9 / (record.pieces[-1][0] - record.pieces[0][0])


def _run(
    folder: Path,
    truth: Truth,
    models: Sequence[str],
    workload: dict[str, Any],
    on_job: Callable[[], None] = lambda: None,
) -> list[Pair]:
    log = folder / "a.jsonl"
    run_engine(log, url=truth.urls["openai"], models=models, workload=workload, on_job=on_job)
    requests = read_requests(read_log(log).events)
    pairs = join(requests, _records(truth, len(requests)))
    return [pair for pair in pairs if pair.truth.model not in {WARM, SETTLE, AFTER}]


def _records(truth: Truth, count: int) -> list[Any]:
    end = time.monotonic() + 10
    while len(records := read_truth(truth.file)) < count and time.monotonic() < end:
        time.sleep(0.05)
    return records


class _Watching:
    """A viewer on the log in a terminal that takes `SLOW_LINE` bytes a second, from the first call of `start` on."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._terminal: Terminal | None = None
        self._stop = threading.Event()
        self._reader = threading.Thread(target=self._read)

    def start(self) -> None:
        if self._terminal is None:
            command = [sys.executable, "-m", "llmtui", "attach", str(self._log)]
            self._terminal = Terminal(command, 120, 40, {"TERM": "xterm-256color", "COLORTERM": "truecolor"})
            self._reader.start()

    def _read(self) -> None:
        assert self._terminal is not None
        while not self._stop.wait(0.05):
            if select.select([self._terminal.master], [], [], 0)[0]:
                try:
                    os.read(self._terminal.master, SLOW_LINE // 20)
                except OSError:
                    return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._terminal is not None:
            self._stop.set()
            self._reader.join()
            self._terminal.close()


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="llmtui-accuracy-") as folder:
        yield Path(folder)


def _truth(folder: Path, model: str):
    return truth_server(folder, [WARM, SETTLE, AFTER, model])


def _p99(values: Sequence[float]) -> float:
    found = percentile([abs(value) for value in values], 99)
    return float("inf") if found is None else found


def _cpu_ns(pid: int) -> float:
    """Return the processor time of all threads; /proc/PID/stat counts in steps of 10 ms, which is too coarse here."""
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat"))
