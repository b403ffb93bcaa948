"""Following a session in plain lines, to its end."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import click

from llmtui import places
from llmtui.cli.filed_log import FiledLog
from llmtui.cli.room import columns
from llmtui.events import Event
from llmtui.reports.plain import PlainReport
from llmtui.state.session import SessionState
from llmtui.wording import visible

POLL_S = 0.25
MOST_WORDS = 4096
EXIT_FAILED = 1
EXIT_BY_CAUSE = {"overheated": 3, "sensor lost": 4}
"""What ended a job for the machine's sake."""

EXIT_NONE_ANSWERED = 5
"""Models were compared, and all of them failed."""

EXIT_ALL_SKIPPED = 6
"""No job could be run here, so that nothing was measured; what the user skipped does not count."""

EXIT_INTERRUPTED = 130


def follow_plain(
    log: Path, *, engine: "subprocess.Popen[bytes] | None" = None, ours: bool = True, out: Path | None = None
) -> int:
    """Print a session as it goes on, then its results; return the exit code.

    With `engine`, which is ours, the first Ctrl-C stops the session and the second one ends the engine. Without it a
    Ctrl-C only leaves: what we did not start we do not stop. A log that is not `ours` came through a pipe and is not
    named, since its file goes away, and no files are written of it. Those of ours go to `out`, None: beside the log.
    """
    report = PlainReport()
    interrupts = 0
    going = True
    with closing(FiledLog(log, out)) as follower:
        while going:
            try:
                going = _step(follower, report, log if ours else None)
                if ours:
                    _keep(follower, report, last=not going)
            except KeyboardInterrupt:
                interrupts += 1
                if engine is None:
                    click.echo(f"left; the session goes on{f': llmtui attach {log.stem}' if ours else ''}", err=True)
                    return 0
                _stop(log, engine, hard=interrupts > 1)
        named = ["", f"log: {log}"] if ours else []
        named += [f"files: {follower.files}"] if follower.files else []
        _print_all(iter(["", *report.results(columns()), *named, *follower.notices()]))
    if engine is not None:
        engine.wait()
    return _exit_code(report)


def _keep(follower: FiledLog, report: PlainReport, *, last: bool) -> None:
    problem = follower.keep(report.state, last=last)
    if problem is not None:
        click.echo(problem, err=True)


def _step(follower: FiledLog, report: PlainReport, log: Path | None) -> bool:
    """Print what is new, or wait a moment; return whether more can come. `log` is that of a session of this machine."""
    # Asked before reading: what a dying engine wrote last is then still read.
    alive = follower.writer_alive()
    events = follower.poll()
    for event in events:
        _print_all(report.tell(event))
    if follower.finished:
        return False
    if not events and not alive:
        said = "the engine ended without closing the session; what it measured is below"
        click.echo(f"{said}; go on with it by: llmtui resume {log.stem if log else 'SESSION'}", err=True)
        words = _last_words(log) if log else None
        if words is not None:
            click.echo(f"the last that the engine said: {words}", err=True)
        return False
    if follower.at_end:
        time.sleep(POLL_S)
    return True


def _last_words(log: Path) -> str | None:
    try:
        said = places.engine_notes(log).read_bytes()[-MOST_WORDS:].decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return None
    return visible(said[-1]) if said else None


def play_plain(events: Iterable[Event], speed: float | None, sleep: Callable[[float], None] = time.sleep) -> int:
    """Print recorded events at `speed` times their pace (None: at once), then the results."""
    report = PlainReport()
    begin = time.monotonic()
    for event in events:
        if speed is not None:
            wait = begin + event.t / 1e9 / speed - time.monotonic()
            if wait > 0:
                sleep(wait)
        _print_all(report.tell(event))
    _print_all(iter(["", *report.results(columns())]))
    return 0


def _print_all(lines: Iterator[str]) -> None:
    for line in lines:
        click.echo(line)


def _stop(log: Path, engine: "subprocess.Popen[bytes]", *, hard: bool) -> None:
    click.echo("stopping; a second Ctrl-C ends the engine at once" if not hard else "ending the engine", err=True)
    if hard:
        engine.send_signal(signal.SIGTERM)
        return
    from llmtui import control

    try:
        control.send_command(places.control_path(log), control.Stop(now=True))
    except control.ControlError:
        engine.send_signal(signal.SIGTERM)


def _exit_code(report: PlainReport) -> int:
    state = report.state
    jobs = state.jobs.values()
    ended = next((EXIT_BY_CAUSE[job.cause] for job in jobs if job.cause in EXIT_BY_CAUSE), None)
    if state.outcome == "completed":
        failed = any(job.status == "failed" or job.passed is False for job in jobs)
        return ended or (_exit_of_failure(state) if failed else _exit_of_skips(state))
    return EXIT_INTERRUPTED if state.outcome == "stopped" else EXIT_FAILED


def _exit_of_skips(state: SessionState) -> int:
    wanted = [job for job in state.jobs.values() if job.cause != "user"]
    return EXIT_ALL_SKIPPED if wanted and all(job.status == "skipped" for job in wanted) else 0


def _exit_of_failure(state: SessionState) -> int:
    from llmtui.summaries.model_runs import none_answered

    return EXIT_NONE_ANSWERED if none_answered(state) else EXIT_FAILED
