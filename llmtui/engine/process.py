"""The engine as a process: opens the log, starts the sampler and the control socket, runs the session, closes all."""

import asyncio
import contextlib
import hashlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from llmtui import __version__, control, places, settings
from llmtui.control import AnyCommand, Reply
from llmtui.control_socket import ControlServer
from llmtui.engine.again import placing, plans_again, widened
from llmtui.engine.measuring import SelfMeter
from llmtui.engine.orders import Orders
from llmtui.engine.recorder import Recorder
from llmtui.engine.run_request import RunRequest
from llmtui.engine.sampling import SamplerKeeper
from llmtui.engine.session import Session
from llmtui.engine.targets import LocalServerFactory, TargetSet
from llmtui.events import FORMAT_VERSION, HardwareSnapshot, SessionFinished, SessionOpened
from llmtui.log.write import LogTrouble, LogWriter
from llmtui.suites.plan import Plans, plan_jobs
from llmtui.suites.schema import Suite

WRITTEN_WITHIN_S = 0.5
LOOK_S = 0.002


def suite_of(request: RunRequest) -> Suite:
    """Return the suite that a request asks for, with its models in place of the suite's own."""
    suite = request.suite_read or _read(request)
    return msgspec.structs.replace(suite, models=request.models) if request.models else suite


def _read(request: RunRequest) -> Suite:
    from llmtui.suites.reading import read_suite  # noqa: PLC0415 - most are read by whoever starts this process

    return read_suite(request.suite, request.suite_path or "suite", request.overrides)


ServersOf = Callable[[Recorder], LocalServerFactory]
"""Makes what prepares our own servers, and tells of it through the recorder."""


async def run_engine(request: RunRequest, servers: ServersOf) -> None:
    """Run one session from its first log line to its last."""
    suite = suite_of(request)
    own_settings = settings.read_settings(places.settings_folder())
    path = Path(request.log)
    plans: Plans = plan_jobs
    if request.parent is not None:
        again = plans_again(Path(request.parent), request.parent_jobs, request.changes)
        plans = placing(Path(request.parent).stem, again, suite)
        suite = widened(suite, again)
    keeper = SamplerKeeper(suite.sample_ms)
    hardware = await keeper.start()
    trouble = TroubleTeller()
    writer = LogWriter(path, on_trouble=trouble)
    async with closing(keeper, writer):
        recorder = trouble.recorder = Recorder(writer)
        recorder.record(_header(request, suite, recorder, hardware), durable=True)
        targets = make_targets(request, suite, recorder, servers, own_settings)
        session = Session(
            path.stem,
            suite,
            recorder,
            targets=targets,
            watcher=keeper,
            sensors=keeper.sensors,
            plans=plans,
            within=request.within,
        )
        await run_session(session, suite, recorder, writer, keeper)


class TroubleTeller:
    """Turns a trouble of the log into an alert, as soon as there is a recorder to take it."""

    def __init__(self) -> None:
        self.recorder: Recorder | None = None

    def __call__(self, trouble: LogTrouble) -> None:
        """Take a trouble, in the writer's thread."""
        if self.recorder is not None:
            self.recorder.alert("warning" if trouble.ended else "error", "log-trouble", trouble.sentence)


@asynccontextmanager
async def closing(keeper: SamplerKeeper, writer: LogWriter) -> AsyncIterator[None]:
    """End the sampler and the log after the body; what the log lost is said on standard error."""
    try:
        yield
    finally:
        await keeper.aclose()
        lost = writer.close()
        if lost:
            sys.stderr.write(
                f"{lost} events could not be written to {writer.path} and are lost; make room on its disk\n"
            )


def make_targets(
    request: RunRequest, suite: Suite, recorder: Recorder, servers: ServersOf, own_settings: settings.Settings
) -> TargetSet:
    """Return the targets of a suite, with the keys of the user's settings."""
    return TargetSet(
        recorder,
        servers(recorder),
        urls=request.urls,
        key_for=lambda url: settings.api_key(own_settings, url, named=url in request.urls + suite.targets),
    )


async def run_session(
    session: Session, suite: Suite, recorder: Recorder, writer: LogWriter, keeper: SamplerKeeper
) -> None:
    """Run a session beside the sampler, the self-measurement and the control socket; write the log's last line."""
    meter = SelfMeter(
        recorder, sampler_pid=lambda: keeper.pid, log_bytes=lambda: writer.bytes_written, limits=suite.limits
    )
    session.on_job = meter.job_changed
    try:
        async with (
            _background(keeper.run(recorder), keeper.aclose),
            _background(meter.run()),
            _controlled(session, writer, recorder),
        ):
            _stop_on_signals(session)
            outcome, reason = await session.run()
        recorder.record(SessionFinished(t=recorder.now(), outcome=outcome, reason=reason), durable=True)
    except Exception as error:
        reason = f"the engine failed: {type(error).__name__}: {error}"
        recorder.record(SessionFinished(t=recorder.now(), outcome="failed", reason=reason), durable=True)
        raise


def _header(request: RunRequest, suite: Suite, recorder: Recorder, hardware: HardwareSnapshot) -> SessionOpened:
    return SessionOpened(
        t=0,
        format=FORMAT_VERSION,
        llmtui=__version__,
        session=Path(request.log).stem,
        name=suite.name,
        opened_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        origin_ns=recorder.origin_ns,
        clock=time.get_clock_info("monotonic").implementation,
        pid=os.getpid(),
        suite=request.suite,
        suite_sha256=hashlib.sha256(request.suite.encode()).hexdigest(),
        suite_path=request.suite_path,
        overrides=request.overrides,
        models=request.models,
        urls=request.urls,
        parent=Path(request.parent).stem if request.parent is not None else None,
        parent_jobs=request.parent_jobs,
        changes=request.changes,
        within=request.within,
        hardware=hardware,
    )


@asynccontextmanager
async def _background(work: Any, close: Callable[[], Any] | None = None) -> AsyncIterator[None]:
    """Run `work` beside the body and cancel it afterwards."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        if close is not None:
            await close()


@asynccontextmanager
async def _controlled(session: Session, writer: LogWriter, recorder: Recorder) -> AsyncIterator[None]:
    """Listen for commands. Without a socket the session still runs; the alert says why it can't be controlled."""
    try:
        path = places.control_path(writer.path)
        server = ControlServer(path, lambda command: obey(session, command), lambda: written(writer))
        await server.start()
    except (control.ControlError, places.PlaceError, OSError) as error:
        recorder.alert("warning", "no-control", f"the session can't be controlled from outside: {error}")
        yield
        return
    try:
        yield
    finally:
        await server.aclose()


async def written(writer: LogWriter, within_s: float = WRITTEN_WITHIN_S) -> None:
    """Wait until the kernel has what was recorded; a disk that takes nothing is not waited for longer than that."""
    end = time.monotonic() + within_s
    while not writer.drained and time.monotonic() < end:  # noqa: ASYNC110 - another thread writes
        await asyncio.sleep(LOOK_S)


def obey(session: Session, command: AnyCommand) -> Reply:
    """Carry out one command."""
    match command:
        case control.Pause():
            done = session.pause()
        case control.Resume():
            done = session.resume()
        case control.Skip(job=job):
            done = session.skip(job)
        case control.Rerun() | control.Clone() | control.Move() | control.Repeat():
            done = _carry_out(session.orders, command)
        case control.Stop(now=now):
            done = session.stop(now=now)
        case control.Mark(label=label):
            done = session.mark(label)
        case control.ReportViewer(pid=pid, cpu=cpu, terminal_rate=terminal_rate):
            done = session.note_viewer(pid, cpu, terminal_rate)
        case control.Status():
            done = session.status()
    return Reply(*done)


def _carry_out(
    orders: Orders, command: control.Rerun | control.Clone | control.Move | control.Repeat
) -> tuple[bool, str]:
    match command:
        case control.Rerun(jobs=jobs):
            return orders.rerun(jobs)
        case control.Clone(job=job, set=changes):
            return orders.clone(job, changes)
        case control.Move(job=job, steps=steps):
            return orders.move(job, steps)
        case control.Repeat(jobs=jobs, within=within):
            return orders.repeat(jobs, within)


def _stop_on_signals(session: Session) -> None:
    """Let SIGTERM and SIGINT end the session in order. A hang-up means only that a viewer went away."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: session.stop(now=True, reason="stopped by a signal"))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
