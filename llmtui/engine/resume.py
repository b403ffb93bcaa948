"""Going on with a session whose engine was cut off: in the same log, at the first job that has not ended."""

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from llmtui import __version__, places
from llmtui.engine.again import placing, plans_again, widened
from llmtui.engine.differences import machine_differences, suite_difference, target_differences
from llmtui.engine.process import ServersOf, TroubleTeller, closing, make_targets, run_session, suite_of
from llmtui.engine.recorder import EventSink, Recorder
from llmtui.engine.rest import SessionRest, read_rest
from llmtui.engine.run_request import ResumeRequest, RunRequest
from llmtui.engine.sampling import SamplerKeeper
from llmtui.engine.session import Session
from llmtui.events import Event, SessionOpened, SessionResumed
from llmtui.log.claim import LogLockedError
from llmtui.log.read import LogError
from llmtui.log.write import LogWriter
from llmtui.settings import read_settings
from llmtui.suites.plan import JobPlan, PlannedTarget, Plans, plan_jobs
from llmtui.suites.schema import Suite


class ResumeError(Exception):
    """The session can't be gone on with: one sentence that says why."""


class HeldEvents:
    """Keeps events back until it is clear that they belong into the log."""

    def __init__(self) -> None:
        self._held: list[tuple[Event, bool]] = []
        self._sink: EventSink | None = None

    def append(self, event: Event, *, durable: bool = False) -> None:
        """Keep an event, or pass it on once they are released."""
        if self._sink is None:
            self._held.append((event, durable))
        else:
            self._sink.append(event, durable=durable)

    def release(self, sink: EventSink) -> None:
        """Give what was kept to `sink`, and all that comes later."""
        for event, durable in self._held:
            sink.append(event, durable=durable)
        self._held, self._sink = [], sink


async def resume_engine(request: ResumeRequest, servers: ServersOf) -> None:
    """Go on with a session. Until all is found as it was, or accepted as it is, the log stays untouched.

    Raises `ResumeError`, and `LogError` for a log that can't be read.
    """
    path = Path(request.log)
    trouble = TroubleTeller()
    try:
        writer = LogWriter(path, on_trouble=trouble, resume=True)
    except LogLockedError:
        raise ResumeError(f"the session {path.stem} still runs; watch it by: llmtui attach {path.stem}") from None
    try:
        rest = read_rest(path)
        header = _header_of_unfinished(rest, path)
        again = _request_of(header, path)
        suite = suite_of(again)
        for_servers = widened(suite, rest.plans())
        own_settings = read_settings(places.settings_folder())
    except BaseException:
        writer.close()
        raise
    keeper = SamplerKeeper(suite.sample_ms)
    async with closing(keeper, writer):
        # Taken before the sampler starts, so that no sample is older than what the log has.
        start_ns = rest.last_ns + 1
        held = HeldEvents()
        recorder = Recorder(held, origin_ns=time.monotonic_ns() - start_ns)
        keeper.know(header.hardware)
        hardware = await keeper.start()
        suite_changed = suite_difference(header)
        differences = [suite_changed] if suite_changed else []
        differences += machine_differences(header.hardware, hardware)
        _refuse(path, differences, anyway=request.anyway)
        targets = make_targets(again, suite, recorder, servers, own_settings)
        planned = await targets.resolve(for_servers)
        try:
            differences += target_differences(rest.targets, planned, rest.models)
            _refuse(path, differences, anyway=request.anyway)
            left = rest.left(suite, planned, _plans_of(header, path, suite))
        except BaseException:
            await targets.aclose()
            raise
        writer.append(_resumed(rest, recorder, start_ns, writer.torn, differences), durable=True)
        held.release(writer)
        trouble.recorder = recorder
        session = Session(
            f"{path.stem}+{rest.resumes + 1}",
            for_servers,
            recorder,
            targets=targets,
            watcher=keeper,
            sensors=keeper.sensors,
            left=left,
            within=rest.within,
        )
        await run_session(session, suite, recorder, writer, keeper)


def _header_of_unfinished(rest: SessionRest, path: Path) -> SessionOpened:
    if rest.header is None or rest.finished:
        raise ResumeError(f"the session {path.stem} is finished; measure anew by: llmtui run")
    return rest.header


def _plans_of(header: SessionOpened, path: Path, suite: Suite) -> Plans:
    """Return what made the queue of a session; one that repeats jobs of another has them from there."""
    parent = header.parent
    if parent is None:
        return plan_jobs
    log = path.with_name(f"{parent}.jsonl")

    def plans(_suite: Suite, targets: Sequence[PlannedTarget]) -> list[JobPlan]:
        try:
            again = plans_again(log, header.parent_jobs, header.changes)
        except LogError as error:
            raise ResumeError(
                f"the queue of {path.stem} was not written to its end, and the session that it repeats can't be read: "
                f"{error}; begin anew by: llmtui rerun {parent}"
            ) from None
        return placing(parent, again, suite)(suite, targets)

    return plans


def _refuse(path: Path, differences: Sequence[str], *, anyway: bool) -> None:
    if differences and not anyway:
        raise ResumeError(
            f"the session {path.stem} is not resumed, since its figures would not belong together: "
            f"{'; '.join(differences)}. To go on all the same: llmtui resume {path.stem} --anyway"
        )


def _request_of(header: SessionOpened, path: Path) -> RunRequest:
    """Return the request that the session once was; the log's own text of the suite is what runs."""
    return RunRequest(
        log=str(path),
        suite=header.suite,
        suite_path=header.suite_path,
        overrides=header.overrides,
        models=header.models,
        urls=header.urls,
    )


def _resumed(
    rest: SessionRest, recorder: Recorder, start_ns: int, torn: int, differences: Sequence[str]
) -> SessionResumed:
    return SessionResumed(
        t=start_ns,
        pid=os.getpid(),
        opened_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        origin_ns=recorder.origin_ns,
        llmtui=__version__,
        cut_bytes=torn,
        put_back=rest.running,
        differences=tuple(differences),
    )
