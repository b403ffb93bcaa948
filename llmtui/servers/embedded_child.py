"""`python -m llmtui.servers.embedded_child`: the process in which llama.cpp serves one model until it is told to end.

Settings come as JSON on standard input and not on the command line, which everybody can read. The answer is one line of
JSON on standard output. The process ends with its parent, however the parent ends.
"""

import ctypes
import os
import signal
import sys
import time

import msgspec

PARENT_POLL_S = 0.5
_PR_SET_PDEATHSIG = 1


class ChildSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What to serve. `parent` is the process that started this one."""

    model: str
    alias: str
    context: int
    parallel: int
    threads: int
    parent: int


class ChildAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The base URL once the server accepts requests, or why there is none."""

    url: str | None = None
    error: str | None = None


def main() -> None:
    """Serve until SIGTERM or the parent's end."""
    settings = msgspec.json.decode(sys.stdin.buffer.read(), type=ChildSettings)
    _end_with_parent()
    signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        server = _serve(settings)
    except Exception as error:  # noqa: BLE001 - whatever llama.cpp raises belongs into the answer
        _answer(ChildAnswer(error=f"{error} (model {settings.model})"))
        sys.exit(1)
    _answer(ChildAnswer(url=server.listening_address))
    while os.getppid() == settings.parent:
        time.sleep(PARENT_POLL_S)
    # An orderly destruction of the server waits for requests under way, sometimes for minutes.
    os._exit(0)


def _serve(settings: ChildSettings):  # type: ignore[no-untyped-def] # noqa: ANN202 - xllamacpp ships no types
    import xllamacpp  # noqa: PLC0415 - takes longest, so it comes after the signal handlers

    params = xllamacpp.CommonParams()
    params.model.path = settings.model
    params.model_alias = {settings.alias}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = settings.context * settings.parallel
    params.n_parallel = settings.parallel
    params.cpuparams.n_threads = settings.threads
    params.cpuparams_batch.n_threads = settings.threads
    params.endpoint_metrics = params.endpoint_slots = params.endpoint_props = True
    params.ui = False
    params.verbosity = -1
    params.sse_ping_interval = 5
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
