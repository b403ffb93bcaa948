"""Reading a log: what can be read is read, and what can't is said in a sentence each."""

import gc
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from llmtui.events import FORMAT_VERSION, Event, SessionOpened
from llmtui.log.decode import HEADER_PREFIX, LONGEST_LINE, UNREADABLE, EventDecoder, LineTag
from llmtui.log.migrate import upgrade

BLOCK = 1024 * 1024


class LogError(Exception):
    """A file that is no readable log: one sentence that says why."""


@dataclass(frozen=True, slots=True)
class ReadLog:
    """A log as it was read. `header` is also the first of `events`; it is None when that line alone was damaged."""

    header: SessionOpened | None
    events: list[Event]
    notices: list[str]


def read_log(path: Path, *, bulk: bool = True) -> ReadLog:
    """Read a whole log; without `bulk` the tokens and samples are passed over.

    Raises `LogError` when the file can't be read, or holds no event at all.
    """
    decoder = EventDecoder(bulk=bulk)
    events: list[Event] = []
    size = 0
    with open_log(path) as file, _collector_off():
        for block in _blocks(path, file):
            size += len(block)
            events += decoder.feed(block)
            if size > LONGEST_LINE and not decoder.recognised:
                break
        events += decoder.flush()
    if not decoder.recognised:
        read_header(path)
    header = next((event for event in events[:1] if isinstance(event, SessionOpened)), None)
    notices = decoder.notices()
    if header is None:
        notices.insert(0, "the first line is no session header; what follows was read without it")
    if decoder.torn:
        notices.append("the last line was cut off and is left out")
    return ReadLog(header, events, notices)


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


@contextmanager
def _collector_off() -> Iterator[None]:
    """Keep the collector off: it would walk a million new events again and again, which takes longer than reading."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
