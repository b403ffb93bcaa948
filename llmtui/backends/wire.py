"""The framings in which servers stream, server-sent events and lines of JSON: bytes in, whole frames out, no I/O.

Both parsers split bytes, never text: a line separator such as U+2028 inside a JSON string is no line end, and a
character whose bytes came in two reads is decoded only when its line is whole. Server-sent events follow the WHATWG
specification, section 9.2.6, except that comments are handed on and that an event cut off at the end of the body is not
thrown away.
"""

import json
from typing import Any, NamedTuple

import msgspec

LINE_LIMIT = 16 * 1024 * 1024
"""The longest line, and the longest event, that a server may send."""

_BOM = b"\xef\xbb\xbf"


class WireError(ValueError):
    """Bytes that are no frames of the protocol; the text is one sentence."""


class SseEvent(NamedTuple):
    """One event, or one comment line. `name` is "" where the server gave none."""

    name: str
    data: str
    comment: bool = False


class _LineBuffer:
    """Keeps the start of a line until its end comes, without copying it again on every read."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def keep(self, data: bytes) -> None:
        if data:
            self._parts.append(data)
            self.size += len(data)
        if self.size > LINE_LIMIT:
            raise WireError(f"The server sent a line of more than {LINE_LIMIT // 2**20} MiB.")

    def take(self, rest: bytes = b"") -> bytes:
        whole = b"".join((*self._parts, rest))
        self._parts.clear()
        self.size = 0
        return whole

    @property
    def first_byte(self) -> bytes:
        return self._parts[0][:1] if self._parts else b""


class SseParser:
    """Splits a body into events. `feed` raises `WireError` for a line or an event beyond `LINE_LIMIT`.

    Attributes:
        undecodable_lines: How many lines held bytes that are no UTF-8; they were replaced by U+FFFD.
    """

    def __init__(self) -> None:
        self.undecodable_lines = 0
        self._buffer = _LineBuffer()
        self._at_start = True
        self._after_return = False
        self._bytes_of_lines = 0
        self._name = ""
        self._data: list[str] = []
        self._data_size = 0

    @property
    def progress(self) -> int:
        """How many bytes of lines came that are neither comment nor blank, the unfinished line included."""
        unfinished = 0 if self._buffer.first_byte == b":" else self._buffer.size
        return self._bytes_of_lines + unfinished

    def feed(self, data: bytes) -> list[SseEvent]:
        """Take the next bytes, and return the events and comments that are whole now."""
        if self._after_return and data:
            # A CR ended a line at once; the LF that may follow it in the next read belongs to it.
            self._after_return = False
            data = data.removeprefix(b"\n")
        if b"\n" not in data and b"\r" not in data:
            self._buffer.keep(data)
            return []
        lines = self._buffer.take(data).splitlines(keepends=True)
        self._after_return = lines[-1].endswith(b"\r")
        if not lines[-1].endswith((b"\n", b"\r")):
            self._buffer.keep(lines.pop())
        events: list[SseEvent] = []
        for line in lines:
            self._take_line(line.rstrip(b"\r\n"), events)
        return events

    def finish(self) -> list[SseEvent]:
        """Return what the end of the body leaves: a last event without its blank line."""
        events: list[SseEvent] = []
        if self._buffer.size:
            self._take_line(self._buffer.take(), events)
        self._take_line(b"", events)
        return events

    def _take_line(self, line: bytes, events: list[SseEvent]) -> None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        if not line:
            self._dispatch(events)
            return
        if line.startswith(b":"):
            events.append(SseEvent("", self._decode(line[1:]).removeprefix(" "), comment=True))
            return
        self._bytes_of_lines += len(line)
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data_size += len(value)
            if self._data_size > LINE_LIMIT:
                raise WireError(f"The server sent an event of more than {LINE_LIMIT // 2**20} MiB.")
            self._data.append(self._decode(value))
        elif field == b"event":
            self._name = self._decode(value)

    def _dispatch(self, events: list[SseEvent]) -> None:
        if self._data:
            events.append(SseEvent(self._name, "\n".join(self._data)))
        self._name = ""
        self._data = []
        self._data_size = 0

    def _decode(self, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError:
            self.undecodable_lines += 1
            return data.decode(errors="replace")


class NdjsonParser:
    """Splits a body into lines of JSON, without their ends; blank lines are left out. `feed` raises `WireError`."""

    def __init__(self) -> None:
        self._buffer = _LineBuffer()

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes, and return the lines that are whole now."""
        head, newline, _ = data.rpartition(b"\n")
        if not newline:
            self._buffer.keep(data)
            return []
        lines = self._buffer.take(head).split(b"\n")
        self._buffer.keep(data[len(head) + 1 :])
        return [line for line in (line.strip() for line in lines) if line]

    def finish(self) -> bytes | None:
        """Return a last line that has no line end."""
        return self._buffer.take().strip() or None


def decode_json(data: bytes | str) -> Any:
    """Parse foreign JSON. `WireError` when it is none.

    What Python servers write although JSON does not allow it is read: NaN and infinities become None, bytes that are no
    UTF-8 and surrogates without their half are replaced, so that every string can be written to a log.
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    try:
        text = data if isinstance(data, str) else data.decode(errors="replace")
        value = json.loads(text, parse_constant=lambda _: None)
        return msgspec.json.decode(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        start = text[:60].encode("unicode_escape").decode()
        raise WireError(f"The server sent something that is no JSON: {start}") from None
