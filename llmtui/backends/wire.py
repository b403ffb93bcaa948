"""The framings in which servers stream, server-sent events and lines of JSON: bytes in, whole frames out, no I/O.

Both parsers split bytes, never text: a line separator such as U+2028 inside a JSON string is no line end, and a
character whose bytes came in two reads is decoded only when its line is whole. Server-sent events follow the WHATWG
specification, section 9.2.6, except that comments are handed on and that an event cut off at the end of the body is not
thrown away.
"""

import json
from typing import Any

import msgspec

LINE_LIMIT = 16 * 1024 * 1024
"""The longest line, and the longest event, that a server may send."""

_BOM = b"\xef\xbb\xbf"
_JSON = msgspec.json.Decoder()


class WireError(ValueError):
    """Bytes that are no frames of the protocol; the text is one sentence."""


class SseEvent(msgspec.Struct, frozen=True):
    """One event, or one comment line. `name` is "" where the server gave none."""

    name: str
    data: str
    comment: bool = False


class SseParser:
    """Splits a body into events.

    Attributes:
        undecodable_lines: How many lines held bytes that are no UTF-8; they were replaced by U+FFFD.
        fault: Why the parser gave up, at a line or an event beyond `LINE_LIMIT`; from then on it takes nothing more.
    """

    def __init__(self) -> None:
        self.undecodable_lines = 0
        self.fault: WireError | None = None
        self._line = bytearray()
        self._at_start = True
        self._after_return = False
        self._bytes_of_lines = 0
        self._name = b""
        self._data: bytearray | None = None

    @property
    def progress(self) -> int:
        """How many bytes of lines came that are neither comment nor blank, the unfinished line included."""
        unfinished = 0 if self._line.startswith(b":") else len(self._line)
        return self._bytes_of_lines + unfinished

    @property
    def kept(self) -> int:
        """How many bytes wait for the rest of their line or event."""
        return len(self._line) + len(self._name) + len(self._data or b"")

    def feed(self, data: bytes) -> list[SseEvent]:
        """Take the next bytes, and return the events and comments that are whole now."""
        if self.fault is not None or not data:
            return []
        whole = self._whole_event(data)
        if whole is not None:
            return [whole]
        if self._after_return:
            # A CR ended a line at once; the LF that may follow it in the next read belongs to it.
            self._after_return = False
            data = data.removeprefix(b"\n")
        if b"\n" not in data and b"\r" not in data:
            self._keep(data)
            return []
        lines = (bytes(self._line) + data).splitlines(keepends=True)
        self._line.clear()
        self._after_return = lines[-1].endswith(b"\r")
        rest = b"" if lines[-1].endswith((b"\n", b"\r")) else lines.pop()
        events: list[SseEvent] = []
        for line in lines:
            self._take_line(line.rstrip(b"\r\n"), events)
        self._keep(rest)
        return events

    def finish(self) -> list[SseEvent]:
        """Return what the end of the body leaves: a last event without its blank line."""
        events: list[SseEvent] = []
        if self._line:
            self._take_line(bytes(self._line), events)
            self._line.clear()
        self._take_line(b"", events)
        return events

    def _whole_event(self, data: bytes) -> SseEvent | None:
        """Return the event of a read that is one whole event of one line of data and nothing else; None for any other.

        Nearly every read of a stream of tokens is such a one, and the way line by line costs several times as much. It
        would find the same: nothing waits for this read, and there is no other line in it. Whether it ends with a CR
        whose LF is still to come is no matter: alone the LF is a blank line, which ends nothing where nothing waits.
        """
        if self._line or self._name or self._data is not None:
            return None
        lines = data.splitlines()
        if len(lines) != 2 or lines[1]:  # noqa: PLR2004 - one of data and a blank one
            return None
        line = lines[0]
        if line[:6] != b"data: " or len(line) > LINE_LIMIT:
            return None
        try:
            event = SseEvent("", line[6:].decode())
        except UnicodeDecodeError:
            return None
        self._at_start = False
        self._bytes_of_lines += len(line)
        return event

    def _keep(self, rest: bytes) -> None:
        if self.fault is None:
            self._line += rest
        if len(self._line) > LINE_LIMIT:
            self._give_up("a line")

    def _take_line(self, line: bytes, events: list[SseEvent]) -> None:
        if self.fault is not None:
            return
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
            self._add_data(value)
        elif field == b"event":
            self._name = value

    def _add_data(self, value: bytes) -> None:
        if self._data is None:
            self._data = bytearray(value)
        else:
            self._data += b"\n" + value
        if len(self._data) > LINE_LIMIT:
            self._give_up("an event")

    def _dispatch(self, events: list[SseEvent]) -> None:
        if self._data is not None:
            events.append(SseEvent(self._decode(self._name), self._decode(self._data)))
        self._name = b""
        self._data = None

    def _give_up(self, what: str) -> None:
        self.fault = _too_long(what)
        self._line.clear()
        self._name, self._data = b"", None

    def _decode(self, data: bytes | bytearray) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError:
            lines = data.split(b"\n")
            self.undecodable_lines += sum(not _decodable(line) for line in lines)
            return data.decode(errors="replace")


class NdjsonParser:
    """Splits a body into lines of JSON, without their ends; blank lines are left out.

    Attributes:
        fault: Why the parser gave up, at a line beyond `LINE_LIMIT`; from then on it takes nothing more.
    """

    def __init__(self) -> None:
        self.fault: WireError | None = None
        self._line = bytearray()
        self._bytes_of_lines = 0

    @property
    def progress(self) -> int:
        """How many bytes of lines came, the unfinished line included."""
        return self._bytes_of_lines + len(self._line)

    @property
    def kept(self) -> int:
        """How many bytes wait for the rest of their line."""
        return len(self._line)

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes, and return the lines that are whole now."""
        if self.fault is not None:
            return []
        head, newline, rest = data.rpartition(b"\n")
        lines: list[bytes] = []
        if newline:
            if self._line:
                head = bytes(self._line) + head
                self._line.clear()
            lines = self._split(head)
        if rest:
            self._line += rest
            if len(self._line) > LINE_LIMIT:
                self.fault = _too_long("a line")
                self._line.clear()
        return lines

    def finish(self) -> list[bytes]:
        """Return what the end of the body leaves: a last line that has no line end."""
        last = bytes(self._line)
        self._line.clear()
        return self._split(last)

    def _split(self, data: bytes) -> list[bytes]:
        lines = []
        for line in data.split(b"\n"):
            if row := line.strip():
                lines.append(row)
                self._bytes_of_lines += len(row)
        return lines


def _too_long(what: str) -> WireError:
    return WireError(f"The server sent {what} of more than {LINE_LIMIT // 2**20} MiB.")


def _decodable(data: bytes | bytearray) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def decode_json(data: bytes | str) -> Any:
    """Parse foreign JSON. `WireError` when it is none.

    What Python servers write although JSON does not allow it is read: NaN and infinities become None, bytes that are no
    UTF-8 and surrogates without their half are replaced, so that every string can be written to a log.
    """
    try:
        return _JSON.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    try:
        text = data if isinstance(data, str) else data.decode(errors="replace")
        value = json.loads(text, parse_constant=lambda _: None)
        return msgspec.json.decode(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        start = text[:60].encode("unicode_escape").decode()
        raise WireError(f"The server sent something that is no JSON: {start}") from None
