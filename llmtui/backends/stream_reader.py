"""What the readers of all protocols share: timed reads in, chunks out, and an error that loses no text before it."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from llmtui.backends.base import BackendError, Chunk, End
from llmtui.backends.connection import TimedRead
from llmtui.backends.problems import redact, stream_problem
from llmtui.backends.wire import SseEvent, SseParser, WireError, decode_json

FrameT = TypeVar("FrameT")


class FrameParser(Protocol[FrameT]):
    """Splits bytes into frames: `wire.SseParser`, `wire.NdjsonParser`."""

    fault: WireError | None

    @property
    def progress(self) -> int:
        """How many bytes came that say something."""

    def feed(self, data: bytes) -> list[FrameT]:
        """Take the next bytes, and return the frames that are whole now."""

    def finish(self) -> list[FrameT]:
        """Return what the end of the body leaves."""


class StreamReader(ABC, Generic[FrameT]):
    """Turns the timed reads of one answer into chunks, and its end into `End`.

    Args:
        parser: Splits the bytes into frames.
        url: The server, as error sentences name it.
        model: The model that was asked for, as error sentences name it.
        secret: A key that no error sentence may hold.

    Attributes:
        done: Whether the mark of the end or an error came; nothing that matters follows.
        has_text: Whether a chunk came.
        received: How many bytes came, comments included.
    """

    server: ClassVar[str]
    """Whose protocol this is, as error sentences name it."""

    def __init__(
        self, parser: FrameParser[FrameT], *, url: str, model: str | None = None, secret: str | None = None
    ) -> None:
        self.done = False
        self.has_text = False
        self.received = 0
        self._parser = parser
        self._url = url
        self._model = model
        self._secret = secret
        self._frames = 0
        self._last_ns = 0
        self._problem: BackendError | None = None

    @property
    def progress(self) -> int:
        """How many bytes came that are neither comment nor blank line; for `TimedExchange.reads`."""
        return self._parser.progress

    def feed(self, *reads: TimedRead) -> list[Chunk]:
        """Return the chunks that `reads` complete. `BackendError`: an error of the server in mid-stream, malformed.

        Chunks that came together with an error are returned, with `done` set; `flush` raises the error then.
        """
        chunks: list[Chunk] = []
        try:
            for read in reads:
                self._last_ns = read.at_ns
                self.received += len(read.data)
                for frame in self._parser.feed(read.data):
                    if not self.done:
                        self._take(frame, read.at_ns, chunks)
                if self._parser.fault is not None and not self.done:
                    raise self._parser.fault
        except WireError as fault:
            self._problem = self._malformed(fault)
        except BackendError as problem:
            self._problem = problem
        if self._problem is not None:
            self.done = True
            if not chunks:
                raise self._problem
        self.has_text = self.has_text or bool(chunks)
        return chunks

    def flush(self) -> list[Chunk]:
        """Return what the end of the body completes: a last frame without its end, unless it was cut within.

        `BackendError`: an error of the server that came at the end.
        """
        if self._problem is not None:
            raise self._problem
        chunks: list[Chunk] = []
        try:
            for frame in self._parser.finish():
                if not self.done:
                    self._take(frame, self._last_ns, chunks)
        except WireError:
            pass
        except BackendError as error:
            if error.kind != "malformed":
                raise
        return chunks

    @abstractmethod
    def finish(self) -> End:
        """Return how the answer ended, after `flush`. `BackendError`: empty, truncated, given up by the server."""

    @abstractmethod
    def _take(self, frame: FrameT, at_ns: int, chunks: list[Chunk]) -> None:
        """Add the chunks of a frame. `BackendError`: what it says that went wrong; `WireError`: it is no JSON."""

    def _require_frames(self) -> None:
        if self._frames == 0:
            text = f"{self._url} answered with an empty stream: the prompt may not fit; look into the server's log."
            raise BackendError("empty", text)

    def _malformed(self, reason: object) -> BackendError:
        text = redact(f"{self._url} does not stream as {self.server} does: {reason}", self._secret)
        return BackendError("malformed", text)

    def _failure(self, error: Any) -> BackendError:
        return stream_problem(error, url=self._url, model=self._model, secret=self._secret)


class EventReader(StreamReader[SseEvent]):
    """Reads server-sent events of JSON: comments are nothing, [DONE] is the end, an event named "error" is one."""

    def __init__(self, *, url: str, model: str | None = None, secret: str | None = None) -> None:
        self._events = SseParser()
        super().__init__(self._events, url=url, model=model, secret=secret)

    @abstractmethod
    def _take_value(self, value: Any, at_ns: int, chunks: list[Chunk]) -> None:
        """Add the chunks of the JSON of one event."""

    def _take(self, frame: SseEvent, at_ns: int, chunks: list[Chunk]) -> None:
        if frame.comment:
            return
        if frame.data.strip() == "[DONE]":
            self.done = True
            return
        value = decode_json(frame.data)
        if frame.name == "error":
            raise self._failure(value)
        self._take_value(value, at_ns, chunks)
