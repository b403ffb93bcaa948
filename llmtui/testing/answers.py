"""Answers for `byte_server`: which bytes go out when, and how the connection ends. They know nothing of sockets."""

import json
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Literal, NamedTuple, Self

Ending = Literal["keep", "close", "reset", "silent"]
"""After the last piece: wait for the next request, send FIN, send RST, or hold the connection open and say nothing."""


class Piece(NamedTuple):
    """Bytes that go out in one send, `delay_s` after the one before."""

    delay_s: float
    data: bytes


class Answer(NamedTuple):
    """What a server sends, byte for byte, its head included."""

    pieces: tuple[Piece, ...]
    ending: Ending = "keep"

    @classmethod
    def http(
        cls, status: int, body: bytes = b"", content_type: str = "application/json", *, ending: Ending = "keep"
    ) -> Self:
        """Make an answer with a Content-Length, head and body in one piece."""
        length = f"Content-Length: {len(body)}\r\n"
        return cls((Piece(0, _head(status, content_type, length) + body),), ending)

    @classmethod
    def json(cls, value: object, status: int = 200) -> Self:
        """Make an answer of `value` as JSON."""
        return cls.http(status, json.dumps(value).encode())

    @classmethod
    def stream(
        cls,
        pieces: Sequence[bytes | Piece],
        content_type: str = "text/event-stream",
        *,
        status: int = 200,
        ending: Ending = "keep",
    ) -> Self:
        """Make a chunked answer: the head at once, each piece as one chunk in one send, the last chunk with its end."""
        framed = [Piece(0, _head(status, content_type, "Transfer-Encoding: chunked\r\n"))]
        for item in pieces:
            piece = item if isinstance(item, Piece) else Piece(0, item)
            framed.append(Piece(piece.delay_s, b"%x\r\n%b\r\n" % (len(piece.data), piece.data)))
        framed.append(Piece(0, b"0\r\n\r\n"))
        return cls(tuple(framed), ending)

    @classmethod
    def until_close(cls, pieces: Sequence[bytes | Piece], content_type: str = "text/event-stream") -> Self:
        """Make an HTTP/1.0 answer, whose body ends where the connection does."""
        head = _head(200, content_type, "").replace(b"HTTP/1.1", b"HTTP/1.0", 1)
        return cls((Piece(0, head), *(item if isinstance(item, Piece) else Piece(0, item) for item in pieces)), "close")

    @classmethod
    def recording(cls, raw: Path, *, paced: bool = False) -> Self:
        """Play NAME.raw, the bytes of a real server: in one piece, or in those and at the pace of NAME.timing.jsonl.

        `ValueError` when the two files do not belong together.
        """
        data = raw.read_bytes()
        if not paced:
            return cls((Piece(0, data),), "close")
        rows = [json.loads(line) for line in raw.with_suffix(".timing.jsonl").read_text().splitlines()]
        pieces: list[Piece] = []
        start, before = 0, 0.0
        for row in rows:
            if "n" in row:
                pieces.append(Piece(row["t"] - before, data[start : start + row["n"]]))
                start, before = start + row["n"], row["t"]
        if start != len(data):
            raise ValueError(f"{raw.name} has {len(data)} bytes, but its timing tells of {start}: record both again.")
        return cls(tuple(pieces), "close")

    @property
    def data(self) -> bytes:
        """All bytes of the answer."""
        return b"".join(piece.data for piece in self.pieces)

    def split_every_byte(self) -> Self:
        """Return the same bytes at once, each in a send of its own."""
        data = self.data
        return self._replace(pieces=tuple(Piece(0, data[at : at + 1]) for at in range(len(data))))

    def split_at(self, offset: int, *, delay_s: float = 0.01) -> Self:
        """Return the same bytes in two sends, `delay_s` apart so that they arrive in two reads."""
        return self._replace(pieces=(Piece(0, self.data[:offset]), Piece(delay_s, self.data[offset:])))

    def cut(self, offset: int, ending: Ending = "close") -> Self:
        """Return only the first `offset` bytes, in one send, and then `ending`; below 0 it counts from the end."""
        return self._replace(pieces=(Piece(0, self.data[:offset]),), ending=ending)


def sse(*frames: object, newline: str = "\n", done: bool = True) -> list[bytes]:
    """Return server-sent events: a str goes out as it is (a comment or "[DONE]"), all else as JSON."""
    events = [
        frame if isinstance(frame, str) else json.dumps(frame) for frame in (*frames, *(["[DONE]"] if done else []))
    ]
    return [(event if event.startswith(":") else f"data: {event}").encode() + newline.encode() * 2 for event in events]


def _head(status: int, content_type: str, framing: str) -> bytes:
    reason = HTTPStatus(status).phrase
    return f"HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\n{framing}\r\n".encode()
