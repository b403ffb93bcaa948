"""The processes of a self-test: the known-truth server, and the engine as it ships."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from llmtui.engine.run_request import RunRequest
from llmtui.events import AlertRaised, JobFinished
from llmtui.log.follow import LogFollower
from llmtui.log.read import LogError
from llmtui.testing.truth_scenarios import Api

START_WITHIN_S = 20.0
END_WITHIN_S = 5.0
POLL_S = 0.1
JOB_WITHIN_S = 60.0
MOST_TOKENS = 100_000


class SelftestError(Exception):
    """The self-test could not run: one sentence that says why, and what to do."""


class Truth(NamedTuple):
    """A known-truth server that runs, and the file in which it writes what it sent."""

    urls: dict[Api, str]
    file: Path


@contextmanager
def truth_server(folder: Path, models: Sequence[str]) -> Iterator[Truth]:
    """Run the known-truth server. Raises `SelftestError`."""
    file = folder / "truth.jsonl"
    command = [sys.executable, "-m", "llmtui.testing.truth_server", "--truth", str(file)]
    for model in models:
        command += ["--model", model]
    with (folder / "truth-server.txt").open("wb") as errors:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
    with _ended(child):
        lines = [child.stdout.readline().decode().split() if child.stdout else [] for _ in range(2)]
        if not all(len(line) == 2 for line in lines):  # noqa: PLR2004 - protocol and URL
            raise SelftestError(f"the known-truth server did not start: {_last_line(folder / 'truth-server.txt')}")
        urls: dict[Api, str] = {"openai": dict(lines)["openai"], "ollama": dict(lines)["ollama"]}
        yield Truth(urls, file)


def run_engine(
    log: Path, *, url: str, models: Sequence[str], workload: Mapping[str, Any], on_job: Callable[[], None]
) -> None:
    """Run the engine on `models` at `url`, a job each; `on_job` is called when a job ended.

    Raises `SelftestError` when it does not come to its end.
    """
    suite = {
        "name": "selftest",
        "warmup": 0,  # its requests fail where a scenario breaks off, and with them the job
        "workloads": [{"name": "selftest", "max_tokens": MOST_TOKENS, **workload}],
        "limits": {"stall_s": 10, "request_s": 60, "load_s": 30},
    }
    request = RunRequest(log=str(log), suite=json.dumps(suite), models=tuple(models), urls=(url,))
    with _errors_of(log).open("wb") as errors:
        child = subprocess.Popen(
            [sys.executable, "-m", "llmtui.engine"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
    with _ended(child):
        _give(child.stdin, msgspec.json.encode(request))
        _follow(child, log, on_job)


def _follow(child: "subprocess.Popen[bytes]", log: Path, on_job: Callable[[], None]) -> None:
    """Follow the log to its last line. The engine's own limits end a request that hangs; this ends an engine."""
    with contextlib.closing(_open_follower(child, log)) as follower:
        silent_until = time.monotonic() + JOB_WITHIN_S
        missing: str | None = None
        while not follower.finished:
            ended = child.poll() is not None
            events = follower.poll()
            for event in events:
                if isinstance(event, JobFinished):
                    silent_until = time.monotonic() + JOB_WITHIN_S
                    on_job()
                elif isinstance(event, AlertRaised) and event.code == "target-missing":
                    missing = event.text
            if missing is not None:
                raise SelftestError(f"the engine does not find the known-truth server: {missing}")
            if ended and not events:
                raise SelftestError(f"the engine ended early: {_last_line(_errors_of(log))}")
            if time.monotonic() > silent_until:
                raise SelftestError(f"the engine did not end a job within {JOB_WITHIN_S:.0f} s")
            time.sleep(POLL_S)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(END_WITHIN_S)


def _open_follower(child: "subprocess.Popen[bytes]", log: Path) -> LogFollower:
    until = time.monotonic() + START_WITHIN_S
    while True:
        with contextlib.suppress(LogError):
            return LogFollower(log)
        if child.poll() is not None or time.monotonic() > until:
            raise SelftestError(f"the engine did not start: {_last_line(_errors_of(log))}")
        time.sleep(POLL_S)


@contextmanager
def _ended(child: "subprocess.Popen[bytes]") -> Iterator[None]:
    """End the child with the block, whatever happened in it."""
    try:
        yield
    finally:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(END_WITHIN_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()


def _give(pipe: IO[bytes] | None, data: bytes) -> None:
    if pipe is not None:
        with contextlib.suppress(BrokenPipeError):  # it ended at once; its error output says why
            pipe.write(data)
            pipe.close()


def _errors_of(log: Path) -> Path:
    return log.with_suffix(".txt")


def _last_line(errors: Path) -> str:
    said = errors.read_text(errors="replace").strip().splitlines() if errors.exists() else []
    return said[-1] if said else "it said nothing"
