"""Reads from standard input which session to run, or to go on with, and does it."""

import asyncio
import sys
from collections.abc import Callable

import msgspec

from llmtui.documents import DocumentError
from llmtui.engine.process import run_engine
from llmtui.engine.recorder import Recorder
from llmtui.engine.run_request import AnyRequest, ResumeRequest
from llmtui.log.claim import LogOpenError
from llmtui.log.read import LogError
from llmtui.servers.base import LocalServer
from llmtui.suites.schema import Suite


def main() -> int:
    """Run the engine; a sentence on standard error and exit code 2 when the request can't be run."""
    try:
        request = msgspec.json.decode(sys.stdin.buffer.read(), type=AnyRequest)
    except msgspec.DecodeError as error:
        sys.stderr.write(f"the engine was asked for something that it does not understand: {error}\n")
        return 2
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            if isinstance(request, ResumeRequest):
                return _resume(runner, request)
            runner.run(run_engine(request, _EmbeddedServers))
    except (DocumentError, LogError, LogOpenError, FileExistsError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _resume(runner: asyncio.Runner, request: ResumeRequest) -> int:
    from llmtui.engine.resume import ResumeError, resume_engine  # noqa: PLC0415 - most engines begin a session

    try:
        runner.run(resume_engine(request, _EmbeddedServers))
    except (ResumeError, LogError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


class _EmbeddedServers:
    """The factory of embedded servers, which is loaded only when a suite wants one."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def prepare(self, model: str | None, suite: Suite) -> LocalServer:
        """See `EmbeddedFactory`."""
        from llmtui.servers.embedded import EmbeddedFactory  # noqa: PLC0415 - it brings models and their download along

        factory = EmbeddedFactory(on_note=lambda text: self._recorder.alert("info", "model", text))
        return factory.prepare(model, suite)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Take uvloop where it exists: it halves the time between a byte's arrival and its stamp."""
    try:
        import uvloop  # noqa: PLC0415 - absent on some systems
    except ImportError:
        return None
    return uvloop.new_event_loop
