"""Takes the framing off the body of an answer: chunked, of a stated length, or up to the end of the connection.

RFC 9112, sections 6.3 and 7.1. The heads are h11's work; a token's bytes pass here, where every step counts: on the way
from a read to its text h11 took more processor time than all else together.
"""

import re
from abc import ABC, abstractmethod

import h11

HEAD_LIMIT = 64 * 1024
"""The longest head of an answer, and the longest head of one of its chunks, in bytes."""

_CHUNK_HEAD = re.compile(rb"([0-9A-Fa-f]{1,20})[ \t]*(?:;[^\r\n]*)?")
_WITHOUT_BODY = frozenset({204, 304})


class Body(ABC):
    """One body, fed with what the connection reads.

    Attributes:
        ended: Whether all of it came.
        beyond: The bytes that came behind its end.
        fault: What is wrong with the framing; nothing more is taken then.
    """

    def __init__(self) -> None:
        self.ended = False
        self.beyond = b""
        self.fault: str | None = None

    @abstractmethod
    def feed(self, data: bytes) -> bytes:
        """Return the bytes of the body that are in `data`."""

    def whole_at_close(self) -> bool:
        """Whether the body is whole when the connection ends now."""
        return self.ended


class ChunkedBody(Body):
    """Transfer-Encoding: chunked. Extensions and trailers are passed over."""

    def __init__(self) -> None:
        super().__init__()
        self._left = 0
        """Bytes of the present chunk that are still to come, and the two that end it."""
        self._held = b""
        self._in_trailer = False

    def feed(self, data: bytes) -> bytes:
        """Return the data of the chunks in `data`."""
        if not (self._left or self._held or self._in_trailer or self.fault):
            # Nearly every read of a stream of tokens is one whole chunk, and the way below costs several times as much.
            # It would find the same: the head says of all the rest that it is one chunk, and nothing waits for it.
            head, _, rest = data.partition(b"\r\n")
            size = len(rest) - 2
            if size > 0 and head.lower() == b"%x" % size and rest[-2:] == b"\r\n":
                return rest[:-2]
        if self._held:
            data, self._held = self._held + data, b""
        pieces: list[bytes] = []
        at = 0
        while at < len(data) and not self.ended and self.fault is None:
            at = self._take_chunk(data, at, pieces) if self._left else self._take_head(data, at)
        if self.ended:
            self.beyond += data[at:]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _take_chunk(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        until = at + self._left
        if self._left > 2:  # noqa: PLR2004 - CR and LF end the chunk
            pieces.append(data[at : until - 2])
        ending = data[max(at, until - 2) : until]
        if ending and not b"\r\n"[2 - min(self._left, 2) :].startswith(ending):
            self.fault = "a chunk is longer than it says"
        self._left = max(0, until - len(data))
        return min(until, len(data))

    def _take_head(self, data: bytes, at: int) -> int:
        end = data.find(b"\r\n", at)
        if end < 0:
            self._held = data[at:]
            if len(self._held) > HEAD_LIMIT:
                self.fault = "a chunk's head has no end"
            return len(data)
        if self._in_trailer:
            self.ended = end == at
            if not self.ended and b":" not in data[at:end]:
                self.fault = "the trailer has a line without a name"
            return end + 2
        match = _CHUNK_HEAD.fullmatch(data, at, end)
        if match is None:
            self.fault = "a chunk has no length"
            return len(data)
        size = int(match[1], 16)
        self._in_trailer = size == 0
        self._left = size + 2 if size else 0
        return end + 2


class SizedBody(Body):
    """Content-Length."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self._left = length
        self.ended = length == 0

    def feed(self, data: bytes) -> bytes:
        """Return as much of `data` as belongs to the body."""
        body, beyond = data[: self._left], data[self._left :]
        self._left -= len(body)
        self.ended = self._left == 0
        self.beyond += beyond
        return body


class BodyUntilClose(Body):
    """Neither of both: all that comes until the server closes the connection."""

    def feed(self, data: bytes) -> bytes:
        """Return `data`."""
        return data

    def whole_at_close(self) -> bool:
        """Return True: only a reset says that something is missing."""
        return True


def body_of(method: str, head: h11.Response) -> Body:
    """Return how the body of an answer is framed. `ValueError` with the reason for a framing that HTTP/1.1 has not."""
    if method == "HEAD" or head.status_code in _WITHOUT_BODY:
        return SizedBody(0)
    fields = dict(head.headers)
    encoding = fields.get(b"transfer-encoding")
    if encoding is not None:
        if encoding.lower() != b"chunked":
            raise ValueError("the transfer encoding is not chunked")
        return ChunkedBody()
    length = fields.get(b"content-length")
    return BodyUntilClose() if length is None else SizedBody(int(length))


def keeps_alive(head: h11.Response) -> bool:
    """Return whether the connection carries another request after this answer (RFC 9112, section 9.3)."""
    options = [
        option.strip().lower() for name, value in head.headers if name == b"connection" for option in value.split(b",")
    ]
    return head.http_version >= b"1.1" and b"close" not in options
