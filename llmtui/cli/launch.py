"""Starting an engine of its own, which lives on when the terminal goes away."""

import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from llmtui import places
from llmtui.cli.suite_files import SuiteFile
from llmtui.log.library import new_session_path

START_WITHIN_S = 20.0
POLL_S = 0.02


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
    """Start an engine for `suite` and return as soon as its log is open. Raises `LaunchError`."""
    name = suite.suite.name if suite.suite else suite.name
    log = new_session_path(places.sessions_folder(), name, datetime.now().astimezone())
    notes = places.state_folder() / "engine" / f"{log.stem}.txt"
    notes.parent.mkdir(parents=True, exist_ok=True)
    # The engine's own struct is not imported here: that would bring httpx into the terminal's process.
    request = {
        "log": str(log.resolve()),
        "suite": suite.text,
        "suite_path": str(suite.path),
        "overrides": dict(overrides),
        "models": models,
        "urls": urls,
    }
    with notes.open("wb") as errors:
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
    _await_log(engine, log, notes)
    return Launched(log, engine)


def _await_log(engine: "subprocess.Popen[bytes]", log: Path, notes: Path) -> None:
    end = time.monotonic() + START_WITHIN_S
    while not (log.exists() and log.stat().st_size):
        if engine.poll() is not None:
            said = notes.read_text(errors="replace").strip().splitlines()
            raise LaunchError(said[-1] if said else f"the engine ended with exit code {engine.returncode}")
        if time.monotonic() > end:
            engine.kill()
            raise LaunchError(f"the engine did not start within {START_WITHIN_S:.0f} s; see {notes}")
        time.sleep(POLL_S)
