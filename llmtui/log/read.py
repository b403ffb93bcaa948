"""Reading a log: what can be read is read, and what can't is said in a sentence each."""

import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from llmtui.collector import collector_off
from llmtui.events import FORMAT_VERSION, Event, SessionOpened
from llmtui.log.decode import HEADER_PREFIX, LONGEST_LINE, UNREADABLE, EventDecoder, LineTag
from llmtui.log.migrate import upgrade

BLOCK = 1024 * 1024


class LogError(Exception):
    """A file that is no readable log: one sentence that says why."""


class ReadLog(msgspec.Struct, frozen=True):
    """A log as it was read. `header` is also the first of `events`; it is None when that line alone was damaged."""

    header: SessionOpened | None
    events: list[Event]
    notices: list[str]


class LogReader:
    """Reads a log piece by piece, so that one of any length needs no more memory than a megabyte of it.

    Iterating gives the events of each piece, once; without `bulk` the tokens and samples are passed over. `header` is
    known after the first piece, the `notices` after the last. Raises `LogError`, at the start or in between, when the
    file can't be read, or holds no event at all.
    """

    def __init__(self, path: Path, *, bulk: bool = True) -> None:
        self.header: SessionOpened | None = None
        self._path = path
        self._decoder = EventDecoder(bulk=bulk)

    def __iter__(self) -> Iterator[list[Event]]:
        first = True
        with collector_off():
            for events in self._pieces():
                if first and events:
                    first = False
                    self.header = events[0] if isinstance(events[0], SessionOpened) else None
                yield events
        if not self._decoder.recognised:
            read_header(self._path)

    def notices(self) -> list[str]:
        """Return what a reader should know, a sentence each."""
        notices = self._decoder.notices()
        if self.header is None:
            notices.insert(0, "the first line is no session header; what follows was read without it")
        if self._decoder.torn:
            notices.append("the last line was cut off and is left out")
        return notices

    def _pieces(self) -> Iterator[list[Event]]:
        size = 0
        with open_log(self._path) as file:
            for block in _blocks(self._path, file):
                size += len(block)
                yield self._decoder.feed(block)
                if size > LONGEST_LINE and not self._decoder.recognised:
                    return
        yield self._decoder.flush()


def read_log(path: Path, *, bulk: bool = True) -> ReadLog:
    """Read a whole log into memory, as `LogReader` does it piece by piece. Raises `LogError`."""
    reader = LogReader(path, bulk=bulk)
    events = [event for piece in reader for event in piece]
    return ReadLog(reader.header, events, reader.notices())


def require_log(path: Path) -> None:
    """Raise `LogError` when no event can be read from the file; stops at the first that can."""
    for events in LogReader(path, bulk=False):
        if events:
            return


def read_header(path: Path) -> SessionOpened:
    """Return the first event of a log, which says what the session is. Raises `LogError`."""
    try:
        with io.BufferedReader(open_log(path)) as file:
            line = file.readline(LONGEST_LINE)
    except OSError as error:
        raise _unreadable(path, error) from None
    if not line:
        raise LogError(f"{path}: the file is empty; the engine ended before it wrote anything")
    if not line.startswith(b"{"):
        raise LogError(f"{path}: not a log of llmtui")
    try:
        return _decode_header(path, line)
    except UNREADABLE as error:
        if not line.startswith(HEADER_PREFIX):
            raise LogError(f"{path}: not a log of llmtui; its first line is no session header") from None
        if not line.endswith(b"\n"):
            raise LogError(f"{path}: the first line was cut off; nothing can be read without it") from None
        raise LogError(f"{path}: the first line is damaged: {error}") from None


def _decode_header(path: Path, line: bytes) -> SessionOpened:
    version = msgspec.json.decode(line, type=LineTag).format
    try:
        return msgspec.json.decode(
            upgrade(line, version) if version < FORMAT_VERSION else line,
            type=SessionOpened,
        )
    except UNREADABLE:
        if version > FORMAT_VERSION and line.startswith(HEADER_PREFIX):
            raise LogError(
                f"{path}: the log has format {version}, newer than {FORMAT_VERSION}; update llmtui to read it"
            ) from None
        raise


def open_log(path: Path) -> io.FileIO:
    """Open a log for reading, unbuffered. Raises `LogError` for whatever is no plain file: a pipe would never end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _unreadable(path, error) from None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return io.FileIO(descriptor)
    os.close(descriptor)
    raise LogError(f"{path}: a folder, not a log" if stat.S_ISDIR(mode) else f"{path}: not a plain file")


def _blocks(path: Path, file: io.FileIO) -> Iterator[bytes]:
    try:
        while block := file.read(BLOCK):
            yield block
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> LogError:
    return LogError(f"{path}: can't be read: {error.strerror}")
