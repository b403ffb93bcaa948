"""Starting an engine of its own, which lives on when the terminal goes away."""

import mmap
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from llmtui import places
from llmtui.cli.suite_files import SuiteFile
from llmtui.log.read import read_header
from llmtui.log.session_path import is_running, new_session_path

START_WITHIN_S = 20.0
RESUME_WITHIN_S = 180.0
"""An engine that resumes looks at all servers before it writes, and is patient with one that loads its model."""

POLL_S = 0.02
RESUMED = b'{"ev":"session_resumed"'
LONGEST_LINE = 16 * 1024 * 1024


class LaunchError(Exception):
    """The engine did not start: one sentence that says why."""


class Launched(NamedTuple):
    """A session that was started, and its engine."""

    log: Path
    engine: "subprocess.Popen[bytes]"


def start_engine(
    suite: SuiteFile,
    *,
    overrides: Mapping[str, str],
    models: tuple[str, ...] = (),
    urls: tuple[str, ...] = (),
) -> Launched:
    """Start an engine for `suite`, read under `overrides`, and return as soon as its log is open.

    Raises `LaunchError`.
    """
    name = suite.suite.name if suite.suite else suite.name
    log = new_session_path(places.sessions_folder(), name, datetime.now().astimezone())
    # The engine's own struct is not imported here: that would bring the backends into the terminal's process.
    request = {
        "do": "run",
        "log": str(log.resolve()),
        "suite": suite.text,
        "suite_read": suite.suite,
        "suite_path": str(suite.path),
        "overrides": dict(overrides),
        "models": models,
        "urls": urls,
    }
    started = _spawn(request, log)
    _await(started, lambda: log.exists() and log.stat().st_size > 0, START_WITHIN_S)
    return Launched(log, started.engine)


def start_again(
    parent: Path, jobs: Sequence[str], *, changes: Mapping[str, str] | None = None, within: float | None = None
) -> Launched:
    """Start an engine that runs jobs of the session `parent` again, in a new one, and return once its log is open.

    With `within` each job runs until its rate is known to that share. Raises `LaunchError`, and `LogError` for a parent
    that can't be read.
    """
    header = read_header(parent)
    if is_running(parent):
        raise LaunchError(
            f"the session {parent.stem} still runs; queue its jobs there: "
            f"llmtui ctl --session {parent.stem} rerun {' '.join(jobs)}"
        )
    log = new_session_path(places.sessions_folder(), header.name, datetime.now().astimezone())
    request = {
        "do": "run",
        "log": str(log.resolve()),
        "suite": header.suite,
        "overrides": header.overrides,
        "models": header.models,
        "urls": header.urls,
        "parent": str(parent.resolve()),
        "parent_jobs": jobs,
        "changes": dict(changes or {}),
        "within": within,
    }
    started = _spawn(request, log)
    _await(started, lambda: log.exists() and log.stat().st_size > 0, START_WITHIN_S)
    return Launched(log, started.engine)


def resume_engine(log: Path, *, anyway: bool) -> Launched:
    """Start an engine that goes on in `log`, and return as soon as it does. Raises `LaunchError`."""
    with log.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as lines:
        last_line = lines.rfind(b"\n") + 1
    started = _spawn({"do": "resume", "log": str(log.resolve()), "anyway": anyway}, log)
    _await(started, lambda: _goes_on(log, last_line, started.engine.pid), RESUME_WITHIN_S)
    return Launched(log, started.engine)


def _goes_on(log: Path, place: int, pid: int) -> bool:
    """Whether the engine `pid` has begun to write at `place`; another one may do so in its stead."""
    with log.open("rb") as file:
        file.seek(place)
        return any(
            line.startswith(RESUMED) and b'"pid":%d,' % pid in line for line in file.read(LONGEST_LINE).splitlines()
        )


class _Started(NamedTuple):
    """An engine that may still refuse; what it says stands in `notes` after what others said about the session."""

    engine: "subprocess.Popen[bytes]"
    notes: Path
    noted_before: int

    def last_words(self) -> str:
        """Return the sentence with which it ended."""
        said = self.notes.read_bytes()[self.noted_before :].decode("utf-8", "replace").strip().splitlines()
        return said[-1] if said else f"the engine ended with exit code {self.engine.returncode}"


def _spawn(request: Mapping[str, object], log: Path) -> _Started:
    """Start an engine and give it its request."""
    notes = places.engine_notes(log)
    notes.parent.mkdir(parents=True, exist_ok=True)
    # Not written over: it may be that of an engine that runs.
    with notes.open("ab") as errors:
        noted_before = errors.tell()
        engine = subprocess.Popen(
            [sys.executable, "-m", "llmtui.engine"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
    if engine.stdin is not None:
        engine.stdin.write(msgspec.json.encode(request))
        engine.stdin.close()
    return _Started(engine, notes, noted_before)


def _await(started: _Started, begun: Callable[[], bool], within_s: float) -> None:
    end = time.monotonic() + within_s
    while not begun():
        if started.engine.poll() is not None:
            raise LaunchError(started.last_words())
        if time.monotonic() > end:
            started.engine.kill()
            raise LaunchError(f"the engine did not start within {within_s:.0f} s; see {started.notes}")
        time.sleep(POLL_S)
