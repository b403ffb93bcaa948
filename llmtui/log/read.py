"""Reading a log: what can be read is read, and what can't is said in a sentence each."""

import gc
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import msgspec

from llmtui.events import FORMAT_VERSION, AnyEvent, Event, SessionOpened
from llmtui.log.migrate import upgrade

LONGEST_LINE = 64 * 1024 * 1024
HEADER_PREFIX = b'{"ev":"session_opened"'
BULK_PREFIXES = (b'{"ev":"tokens_received"', b'{"ev":"sample_taken"', b'{"ev":"self_measured"')
"""How the lines begin that make up most of a log, and that lists and summaries do without."""

_TAGS = frozenset(option.__struct_config__.tag for option in AnyEvent.__args__)


class LogError(Exception):
    """A file that is no readable log: one sentence that says why."""


class _Tag(msgspec.Struct):
    ev: str = ""
    format: int = FORMAT_VERSION


@dataclass
class LineDecoder:
    """Turns lines into events; counts what it had to leave out. `version` is the log's format."""

    version: int = FORMAT_VERSION
    unknown: int = 0
    garbage: list[int] = field(default_factory=list)
    lines: int = 0
    _decoder: "msgspec.json.Decoder[AnyEvent]" = field(default_factory=lambda: msgspec.json.Decoder(AnyEvent))

    def decode(self, line: bytes) -> Event | None:
        """Return the line's event, or None for one of a type that this version does not know, or for garbage."""
        self.lines += 1
        if self.version < FORMAT_VERSION:
            line = upgrade(line, self.version) or line
        try:
            event: Event = self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            if line.strip():
                self._classify(line)
            return None
        return event

    def notices(self) -> list[str]:
        """Return what a reader should know, a sentence each."""
        notices = []
        if self.version > FORMAT_VERSION:
            notices.append(
                f"the log has format {self.version}, newer than {FORMAT_VERSION}: what is new in it is left out; "
                "update llmtui to see it"
            )
        if self.unknown:
            notices.append(f"{self.unknown} events of types that this version does not know were left out")
        if self.garbage:
            more = f" and {len(self.garbage) - 3} more" if len(self.garbage) > 3 else ""  # noqa: PLR2004 - three named
            notices.append(f"no event could be read from line {', '.join(map(str, self.garbage[:3]))}{more}")
        return notices

    def _classify(self, line: bytes) -> None:
        try:
            tag = msgspec.json.decode(line, type=_Tag)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.garbage.append(self.lines)
            return
        if tag.ev and tag.ev not in _TAGS:
            self.unknown += 1
        else:
            self.garbage.append(self.lines)


@dataclass(frozen=True, slots=True)
class ReadLog:
    """A log as it was read. `header` is also the first of `events`."""

    header: SessionOpened
    events: list[Event]
    notices: list[str]


def read_log(path: Path, *, bulk: bool = True) -> ReadLog:
    """Read a whole log; without `bulk` the tokens and samples are passed over. Raises `LogError`."""
    header = read_header(path)
    decoder = LineDecoder(version=header.format)
    notices = []
    # A collection walks all that is alive; with a million new events that takes longer than reading them.
    collecting = gc.isenabled()
    gc.disable()
    try:
        events = []
        for line in _lines(path):
            if not bulk and line.startswith(BULK_PREFIXES):
                decoder.lines += 1
                continue
            if not line.endswith(b"\n"):
                notices.append("the last line was cut off and is left out")
                break
            event = decoder.decode(line)
            if event is not None:
                events.append(event)
    finally:
        if collecting:
            gc.enable()
    return ReadLog(header, events, [*notices, *decoder.notices()])


def read_header(path: Path) -> SessionOpened:
    """Return the first event of a log, which says what the session is. Raises `LogError`."""
    try:
        with _open(path) as file:
            line = file.readline(LONGEST_LINE)
    except OSError as error:
        raise LogError(f"{path}: can't be read: {error.strerror}") from None
    if not line:
        raise LogError(f"{path}: the file is empty; the engine ended before it wrote anything")
    if not line.startswith(b"{"):
        raise LogError(f"{path}: not a log of llmtui")
    if not line.endswith(b"\n"):
        raise LogError(f"{path}: the first line was cut off; nothing can be read without it")
    return _decode_header(path, line)


def _decode_header(path: Path, line: bytes) -> SessionOpened:
    try:
        tag = msgspec.json.decode(line, type=_Tag)
        if tag.format < FORMAT_VERSION:
            line = upgrade(line, tag.format) or line
        header: SessionOpened = msgspec.json.decode(line, type=SessionOpened)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if line.startswith(HEADER_PREFIX):
            raise LogError(f"{path}: the first line is damaged: {error}") from None
        raise LogError(f"{path}: not a log of llmtui; its first line is no session header") from None
    return header


def _open(path: Path) -> BinaryIO:
    if path.is_dir():
        raise LogError(f"{path}: a folder, not a log")
    return open(path, "rb")  # noqa: PTH123 - the callers close it


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with _open(path) as file:
            while line := file.readline(LONGEST_LINE):
                yield line
    except OSError as error:
        raise LogError(f"{path}: can't be read: {error.strerror}") from None


def read_tail(path: Path, size: int = 65536) -> list[bytes]:
    """Return the last whole lines of a log, at most `size` bytes of them."""
    try:
        with _open(path) as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - size))
            lines = file.read().splitlines(keepends=True)
    except OSError as error:
        raise LogError(f"{path}: can't be read: {error.strerror}") from None
    if end > size:
        lines = lines[1:]
    return [line for line in lines if line.endswith(b"\n")]
