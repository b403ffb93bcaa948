"""`python -m llmtui.servers.embedded_child`: the process in which llama.cpp serves one model until it is told to end.

Settings come as JSON on standard input and not on the command line, which everybody can read. The answer is one line of
JSON on standard output. The process ends with its parent, however the parent ends.
"""

import ctypes
import os
import signal
import sys
import time
from typing import Any

import msgspec

PARENT_POLL_S = 0.5
_ERRORS_ONLY = 1
_PING_S = 5
_PR_SET_PDEATHSIG = 1


class ChildSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What to serve: `context` tokens for each of `parallel` slots. `parent` is the process that started this one.

    `gpu_layers` None leaves it to llama.cpp how many layers go to a GPU.
    """

    model: str
    alias: str
    context: int
    parallel: int
    threads: int
    parent: int
    gpu_layers: int | None = None


class ChildAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The base URL once the server accepts requests, or why there is none."""

    url: str | None = None
    error: str | None = None


def main() -> None:
    """Serve until SIGTERM or the parent's end."""
    # A Ctrl-C on the terminal reaches every process of its group; whether to stop is the parent's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings = msgspec.json.decode(sys.stdin.buffer.read(), type=ChildSettings)
    _end_with_parent()
    if os.getppid() != settings.parent:
        os._exit(0)  # it was gone before the kernel was asked to watch it
    signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(0))
    try:
        server = _serve(settings)
    except Exception as error:  # noqa: BLE001 - whatever llama.cpp raises belongs into the answer
        _answer(ChildAnswer(error=str(error)))
        sys.exit(1)
    _answer(ChildAnswer(url=server.listening_address))
    while os.getppid() == settings.parent:
        time.sleep(PARENT_POLL_S)
    # An orderly destruction of the server waits for requests under way, sometimes for minutes.
    os._exit(0)


def _serve(settings: ChildSettings) -> Any:
    """Return llama.cpp's server, which accepts requests in threads of its own."""
    import xllamacpp  # noqa: PLC0415 - an extra, and most of the start's time: after the signal handlers

    params = xllamacpp.CommonParams()
    params.model.path = settings.model
    params.model_alias = {settings.alias}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    # The default lets every page in a browser on this machine read what the model answers.
    params.cors_origins = ""
    params.cors_origins_explicit = True
    params.n_ctx = settings.context * settings.parallel
    params.n_parallel = settings.parallel
    if settings.gpu_layers is not None:
        params.n_gpu_layers = settings.gpu_layers
    params.cpuparams.n_threads = settings.threads
    params.cpuparams_batch.n_threads = settings.threads
    params.endpoint_metrics = params.endpoint_slots = params.endpoint_props = True
    params.ui = False
    params.verbosity = _ERRORS_ONLY
    params.sse_ping_interval = _PING_S
    return xllamacpp.Server(params)


def _answer(answer: ChildAnswer) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


def _end_with_parent() -> None:
    """Ask Linux for SIGKILL at the parent's death; elsewhere `main` looks for it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
