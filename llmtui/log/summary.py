"""What a list tells of a log, and an index that remembers it while the file is the same."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from llmtui import __version__
from llmtui.events import (
    CLIENT_BOUND,
    FORMAT_VERSION,
    AlertRaised,
    Event,
    JobFinished,
    JobQueued,
    SessionFinished,
    SessionOpened,
    SessionOutcome,
    VerdictReached,
)
from llmtui.log.decode import last_turn
from llmtui.log.private_file import replace_file
from llmtui.log.read import LogError, LogReader

STAMP = f"1 {__version__} {FORMAT_VERSION}"
"""What was read by another version of llmtui is read again."""

SETTLED_NS = 2_000_000_000
"""A file that changed so shortly ago may change again without another time: clocks of file systems tick coarsely."""

_TOLD = (JobQueued, JobFinished, VerdictReached, AlertRaised)
"""What a summary is made of; requests, which may be millions, it does not keep."""


class LogSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in a log. `ended` None: no end was written, or work went on after it. `error`: it is no log."""

    header: SessionOpened | None = None
    jobs: int = 0
    jobs_ended: int = 0
    models: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()
    ended: SessionOutcome | None = None
    notices: tuple[str, ...] = ()
    error: str | None = None


class FileFacts(NamedTuple):
    """What tells a file from another, and from itself after a change; the change time can't be set by a program."""

    size: int
    modified_ns: int
    changed_ns: int
    inode: int
    device: int

    @classmethod
    def of(cls, path: Path) -> "FileFacts":
        """Look at a file, or where a link leads. Raises `OSError`."""
        facts = path.stat()
        return cls(facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino, facts.st_dev)


def summarize_log(path: Path) -> LogSummary:
    """Read a log without its tokens and samples, about a millisecond for each megabyte. Never raises."""
    reader = LogReader(path, bulk=False)
    told: list[Event] = []
    turn: Event | None = None
    try:
        for events in reader:
            told += [event for event in events if isinstance(event, _TOLD)]
            turn = last_turn(events) or turn
    except LogError as error:
        return LogSummary(error=str(error))
    queued = [event for event in told if isinstance(event, JobQueued)]
    return LogSummary(
        header=reader.header,
        jobs=len({event.job for event in queued}),
        jobs_ended=len({event.job for event in told if isinstance(event, JobFinished)}),
        models=tuple(dict.fromkeys(event.model for event in queued)),
        verdicts=_verdicts(told),
        ended=turn.outcome if isinstance(turn, SessionFinished) else None,
        notices=tuple(reader.notices()),
    )


def _verdicts(events: Sequence[Event]) -> tuple[str, ...]:
    """Return each verdict of a session once, in words: of the machine, of the criteria, of the jobs and of llmtui."""
    words = [event.verdict for event in events if isinstance(event, VerdictReached)]
    finished = {event.job: event for event in events if isinstance(event, JobFinished)}.values()
    passed = {event.passed for event in finished} - {None}
    if passed:
        words.append("passed" if passed == {True} else "not passed")
    words += [event.cause for event in finished if event.cause not in {None, "user"}]
    failed = sum(event.status == "failed" for event in finished)
    if failed:
        words.append(f"{failed} failed")
    if any(isinstance(event, AlertRaised) and event.code == CLIENT_BOUND for event in events):
        words.append("client-bound")
    return tuple(dict.fromkeys(words))


class _Remembered(msgspec.Struct, frozen=True):
    facts: FileFacts
    summary: LogSummary


class _Index(msgspec.Struct, frozen=True):
    stamp: str = ""
    files: dict[str, _Remembered] = {}


class SummaryIndex:
    """The summaries of a folder's logs, kept in `file` between calls; None keeps them nowhere.

    A summary is used only while size, both times and the inode of its file are the same; one of a file that has changed
    within the last two seconds, or that an engine writes, is not kept at all. An index that can't be read or written is
    done without.
    """

    def __init__(self, file: Path | None, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._file = file
        self._now_ns = now_ns
        self._known = _read_index(file)
        self._seen: dict[str, _Remembered] = {}

    def summary(self, path: Path, *, running: bool) -> tuple[LogSummary, int]:
        """Return what stands in the log at `path`, and its size in bytes. Raises `OSError` for what is not there."""
        facts = FileFacts.of(path)
        known = self._known.get(path.name)
        if known is not None and known.facts == facts and not running:
            self._seen[path.name] = known
            return known.summary, facts.size
        summary = summarize_log(path)
        settled = max(facts.modified_ns, facts.changed_ns) < self._now_ns() - SETTLED_NS
        if settled and not running:
            self._seen[path.name] = _Remembered(facts, summary)
        return summary, facts.size

    def save(self) -> None:
        """Keep what was asked for since the index was opened, and forget the rest."""
        if self._file is None or self._seen == self._known:
            return
        with suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._file, msgspec.json.encode(_Index(STAMP, self._seen)))


def index_file(folder: Path, state: Path) -> Path:
    """Return the file in `state` (the folder of llmtui's own notes) that remembers the logs of `folder`."""
    import hashlib  # noqa: PLC0415 - brings OpenSSL along; only a list of sessions needs it

    return state / f"sessions-{hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]}.json"


def _read_index(file: Path | None) -> Mapping[str, _Remembered]:
    if file is None:
        return {}
    try:
        index = msgspec.json.decode(file.read_bytes(), type=_Index)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return index.files if index.stamp == STAMP else {}
