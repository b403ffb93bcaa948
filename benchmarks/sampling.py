"""Sampling: the sampler's processor time at its usual and at its fastest pace, and the engine while a driver hangs."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from processes import cpu_seconds, memory

from llmtui.log.library import list_sessions
from llmtui.testing.terminal import Terminal

SECONDS = 30
SETTLE_S = 3.0
FAKE_DRIVER = Path(__file__).parents[1] / "tests/telemetry/fake_nvml.c"
SERVER = """
import socket, sys
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
sys.stdin.read()
"""
HEALTHY = (
    "count=1\ngpu0.util=93\ngpu0.mem_total=25769803776\ngpu0.mem_used=9663676416\ngpu0.temp=71\ngpu0.power_mw=310000\n"
)
HANGS = f"{HEALTHY}gpu0.sleep_ms=600000\n"


def measure() -> Iterator[tuple[str, float, float | None, str]]:
    """Yield the sampler's share of a core, one server watched, and an engine's lag while its sampler's probe hangs."""
    with _server() as port:
        for interval_ms, bound in ((1000, 1.5), (100, 4.0)):
            share, resident, lines = _sampler(port, interval_ms)
            name = f"sampling: CPU at {1000 // interval_ms} Hz, one server"
            yield name, share, bound, "% of a core"
            yield f"{name}: samples", lines, None, "a second"
            yield f"{name}: resident memory", resident, None, "MB"
    with tempfile.TemporaryDirectory() as folder:
        if not _build_driver(Path(folder)):
            return  # without gcc no driver can be made to hang
        for name, state, bound in (("answers", HEALTHY, None), ("hangs", HANGS, 10.0)):
            lag_ms, samples, stale = _engine(Path(folder), state)
            yield f"sampling: engine's loop lag p99, driver {name}", lag_ms, bound, "ms"
            yield f"sampling: samples in the log, driver {name}", samples, None, "count"
            yield f"sampling: GPU told stale, driver {name}", stale, None, "count"


@contextmanager
def _server() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.stdin.close()


def _sampler(port: int, interval_ms: int) -> tuple[float, float, float]:
    """Return (percent of a core, MB resident, samples a second) of a sampler that watches the server on `port`."""
    command = [sys.executable, "-m", "llmtui.telemetry.sampler", "--interval-ms", str(interval_ms), "--port", str(port)]
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out)
        try:
            time.sleep(SETTLE_S)
            before, lines, began = cpu_seconds(child.pid), _samples(out.fileno()), time.monotonic()
            time.sleep(SECONDS)
            span = time.monotonic() - began
            used, made = cpu_seconds(child.pid) - before, _samples(out.fileno()) - lines
            return 100 * used / span, memory(child.pid)[0], made / span
        finally:
            child.kill()
            child.wait()


def _samples(descriptor: int) -> int:
    return os.pread(descriptor, 1 << 26, 0).count(b'"sampler.cost"')


def _build_driver(folder: Path) -> bool:
    if sys.platform != "linux" or shutil.which("gcc") is None:
        return False
    library = folder / "libnvidia-ml.so.1"
    command = ["gcc", "-O1", "-w", "-shared", "-fPIC", "-Wl,-soname,libnvidia-ml.so.1", "-o", library, FAKE_DRIVER]
    subprocess.run(command, check=True)
    return True


def _engine(folder: Path, state: str) -> tuple[float, int, int]:
    """Watch with a GPU whose driver is as `state` says; return (lag p99 in ms, samples, how often it was stale)."""
    (folder / "state").write_text(state)
    with tempfile.TemporaryDirectory() as sessions:
        environ: Mapping[str, str] = {
            "TERM": "xterm-256color",
            "LLMTUI_SESSIONS": sessions,
            "LD_LIBRARY_PATH": str(folder),
            "FAKE_NVML_STATE": str(folder / "state"),
        }
        terminal = Terminal([sys.executable, "-m", "llmtui", "run", "watch"], 120, 40, environ)
        try:
            terminal.read_until(b"queue", 20)
            terminal.read_for(SECONDS)
        finally:
            terminal.send(b"qs")
            terminal.read_for(3)
            terminal.close()
        events = [json.loads(line) for line in list_sessions(Path(sessions))[0].path.read_bytes().splitlines()]
    lags = [event["lag_p99_ns"] for event in events if event.get("lag_p99_ns")]
    samples = sum("values" in event and "sampler.cost" in event["values"] for event in events)
    stale = sum(str(event.get("missing", {}).get("gpu.0.percent", "")).startswith("stale") for event in events)
    return max(lags, default=float("inf")) / 1e6, samples, stale
