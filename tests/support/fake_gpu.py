"""A GPU that heats up as a scenario says, for whole runs: the driver's library is compiled, the server slows with it."""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import pytest

from llmtui.testing.byte_server import Answer, ByteServer, Piece, ReceivedRequest, sse

SOURCE = Path(__file__).parents[1] / "telemetry/fake_nvml.c"
MODEL = "a-model"
WARM_UP_TOKENS = 16
FULL_CLOCK, FULL_RATE = 1905, 50.0
"""The clock (MHz) at which the server gives so many tokens a second; it slows with the clock."""

HEALTHY = {
    "util": 97,
    "mem_total": 25769803776,
    "mem_used": 9663676416,
    "temp": 62,
    "temp_gpumax": 93,
    "power_mw": 250000,
    "power_limit_mw": 350000,
    "clk_sm": FULL_CLOCK,
    "reasons": 0,
}

Step = tuple[float, "Mapping[str, int] | Callable[[Scenario], object]"]
"""From this second of the load on: what changes about the GPU, or what else happens."""


def build_library(folder: Path) -> Path:
    """Compile the driver's library into `folder`."""
    if shutil.which("gcc") is None or sys.platform != "linux":
        pytest.skip("needs gcc on Linux")
    flags = ["-O1", "-w", "-shared", "-fPIC", "-Wl,-soname,libnvidia-ml.so.1"]
    subprocess.run(["gcc", *flags, "-o", folder / "libnvidia-ml.so.1", SOURCE], check=True)
    return folder


class Scenario:
    """A server and the GPU under it. What happens to them counts from the first request of the load on.

    Attributes:
        server: Speaks OpenAI's protocol.
        environ: What the command needs in its environment to see the GPU.
    """

    def __init__(self, library: Path, state: Path, *steps: Step) -> None:
        self.server = ByteServer(self._answer)
        self.environ = {"LD_LIBRARY_PATH": str(library), "FAKE_NVML_STATE": str(state)}
        self._state = state
        self._steps = steps
        self._figures: dict[str, int] = dict(HEALTHY)
        self._began = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._play, name="scenario", daemon=True)

    @property
    def requests(self) -> list[ReceivedRequest]:
        """The requests of the load, without the warm-up."""
        return [request for request in self.server.requests if request.method == "POST" and _tokens(request) > 16]

    def __enter__(self) -> Self:
        self._write()
        self.server.start()
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._began.set()
        self._thread.join()
        self.server.close()

    def wait_until_left(self) -> bool:
        """Wait until a client went away in the middle of an answer."""
        return self.server.wait_for(lambda server: bool(server.disconnects) or self._over.is_set(), 30)

    def _play(self) -> None:
        self._began.wait()
        began = time.monotonic()
        for second, change in self._steps:
            if self._over.wait(max(0.0, began + second - time.monotonic())):
                return
            if callable(change):
                change(self)
            else:
                self._figures.update(change)
                self._write()

    def _write(self) -> None:
        """Change the state at once: the library reads it at every call."""
        lines = ["count=1", *(f"gpu0.{figure}={value}" for figure, value in self._figures.items())]
        new = self._state.with_suffix(".new")
        new.write_text("\n".join(lines) + "\n")
        new.replace(self._state)

    def _answer(self, request: ReceivedRequest) -> Answer:
        if request.path == "/v1/models":
            return Answer.json({"object": "list", "data": [{"id": MODEL, "object": "model"}]})
        if request.path != "/v1/chat/completions":
            return Answer.json({"error": {"message": "not found"}}, status=404)
        tokens = _tokens(request)
        if tokens > WARM_UP_TOKENS:
            self._began.set()
        gap_s = FULL_CLOCK / FULL_RATE / self._figures["clk_sm"]
        frames = sse(
            *({"choices": [{"index": 0, "delta": {"content": "word "}}]} for _ in range(tokens)),
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]},
            {"choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": tokens}},
        )
        return Answer.stream([Piece(gap_s if place < tokens else 0, frame) for place, frame in enumerate(frames)])


def _tokens(request: ReceivedRequest) -> int:
    tokens: int = json.loads(request.body)["max_tokens"]
    return tokens
