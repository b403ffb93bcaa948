"""What the frames of /v1/chat/completions and /v1/completions mean: timed bytes in, chunks and the end out; no I/O.

`read_frame` knows one frame, `ChatStreamReader` the whole stream. What counts: text, and only text, is a chunk. A role,
an empty string, null, progress of the prompt, usage and keep-alive comments are none. Usage may come on a frame of its
own, with the finish reason, on every frame or never; the choices may be missing. A finish reason is the proof that the
answer is whole, [DONE] is not: it also follows answers that were broken off.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from llmtui.backends.base import BackendError, Chunk, End
from llmtui.backends.connection import TimedRead
from llmtui.backends.problems import redact, stream_problem
from llmtui.backends.wire import SseEvent, SseParser, WireError, decode_json
from llmtui.events import ServerTimings, Usage

_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
_FINISHES_OF_FAILURE = frozenset({"error", "abort"})


class TextPiece(NamedTuple):
    """A piece of text, never empty."""

    text: str
    reasoning: bool


class ChatFrame(NamedTuple):
    """What one frame says. `error` is the server's own error object or string, for `problems.stream_problem`."""

    pieces: tuple[TextPiece, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    error: Any = None


def read_frame(frame: Mapping[str, Any]) -> ChatFrame:
    """Interpret one parsed JSON frame of a stream."""
    error = _error_of(frame)
    if error is not None:
        return ChatFrame(error=error)
    pieces: list[TextPiece] = []
    finish_reason = None
    choices = frame.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict):
            pieces += _pieces_of(choice)
            finish_reason = _text(choice.get("finish_reason")) or finish_reason
    return ChatFrame(tuple(pieces), finish_reason, read_usage(frame.get("usage")))


def read_usage(usage: Any) -> Usage | None:
    """Interpret a usage object; None where there is none."""
    if not isinstance(usage, dict):
        return None
    prompt = usage.get("prompt_tokens_details")
    completion = usage.get("completion_tokens_details")
    details = completion if isinstance(completion, dict) else usage
    return Usage(
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        reasoning_tokens=_count(details.get("reasoning_tokens")),
        cached_tokens=_count(prompt.get("cached_tokens")) if isinstance(prompt, dict) else None,
    )


class ChatStreamReader:
    """Turns the timed reads of one answer into chunks, and its end into `End`.

    Args:
        url: The server, as error sentences name it.
        model: The model that was asked for, as error sentences name it.
        secret: A key that no error sentence may hold.
        read_timings: Finds the server's own timings in a frame; the last that is not None goes into `End.timings`.

    Attributes:
        done: Whether [DONE] or an error of the server came; nothing that matters follows.
    """

    def __init__(
        self,
        *,
        url: str,
        model: str | None = None,
        secret: str | None = None,
        read_timings: Callable[[Mapping[str, Any]], ServerTimings | None] | None = None,
    ) -> None:
        self.done = False
        self._url = url
        self._model = model
        self._secret = secret
        self._read_timings = read_timings
        self._parser = SseParser()
        self._frames = 0
        self._finish_reason: str | None = None
        self._finished_ns = 0
        self._last_ns = 0
        self._problem: BackendError | None = None
        self._usage: Usage | None = None
        self._timings: ServerTimings | None = None
        self._counts_as_it_goes: bool | None = None

    @property
    def progress(self) -> int:
        """How many bytes came that are neither comment nor blank line; for `TimedExchange.reads`."""
        return self._parser.progress

    def feed(self, read: TimedRead) -> list[Chunk]:
        """Return the chunks that `read` completes. `BackendError`: an error of the server in mid-stream, malformed.

        Chunks that came in one read with an error are returned, with `done` set; `flush` raises the error then.
        """
        self._last_ns = read.at_ns
        chunks: list[Chunk] = []
        try:
            for event in self._parser.feed(read.data):
                if not event.comment and not self.done:
                    self._take(event, read.at_ns, chunks)
        except WireError as error:
            self._problem = self._malformed(error)
        except BackendError as problem:
            self._problem = problem
        if self._problem is not None:
            self.done = True
            if not chunks:
                raise self._problem
        return chunks

    def flush(self) -> list[Chunk]:
        """Return what the end of the body completes: a last frame without its blank line, unless it was cut within.

        `BackendError`: an error of the server that came at the end.
        """
        if self._problem is not None:
            raise self._problem
        chunks: list[Chunk] = []
        try:
            for event in self._parser.finish():
                if not event.comment and not self.done:
                    self._take(event, self._last_ns, chunks)
        except BackendError as error:
            if error.kind != "malformed":
                raise
        return chunks

    def finish(self, notes: tuple[str, ...] = ()) -> End:
        """Return how the answer ended, after `flush` or [DONE]; `notes` go into `End.notes`.

        `BackendError`: empty, truncated, or given up by the server.
        """
        if self._frames == 0:
            text = f"{self._url} answered with an empty stream: the prompt may not fit; look into the server's log."
            raise BackendError("empty", text)
        if self._finish_reason is None:
            text = (
                f"{self._url} ended its answer without a finish reason: it was broken off; look into the server's log."
            )
            raise BackendError("truncated", text)
        if self._finish_reason in _FINISHES_OF_FAILURE:
            text = f"{self._url} gave up the answer (finish reason {self._finish_reason}): look into the server's log."
            raise BackendError("server_error", text)
        if self._parser.undecodable_lines:
            notes += (f"{self._parser.undecodable_lines} lines of the answer held bytes that are no UTF-8",)
        return End(self._finished_ns, self._finish_reason, self._usage, self._timings, notes)

    def _take(self, event: SseEvent, at_ns: int, chunks: list[Chunk]) -> None:
        if event.data.strip() == "[DONE]":
            self.done = True
            return
        try:
            value = decode_json(event.data)
        except WireError as error:
            raise self._malformed(error) from None
        if event.name == "error":
            raise stream_problem(value, url=self._url, model=self._model, secret=self._secret)
        if isinstance(value, dict):
            self._take_frame(value, at_ns, chunks)

    def _take_frame(self, value: dict[str, Any], at_ns: int, chunks: list[Chunk]) -> None:
        frame = read_frame(value)
        if frame.error is not None:
            raise stream_problem(frame.error, url=self._url, model=self._model, secret=self._secret)
        self._frames += 1
        if frame.usage is not None:
            self._usage = frame.usage
        if self._read_timings is not None:
            self._timings = self._read_timings(value) or self._timings
        if frame.pieces:
            tokens = self._running_count(frame.usage)
            chunks += [Chunk(at_ns, piece.text, piece.reasoning, tokens) for piece in frame.pieces]
        if frame.finish_reason is not None:
            self._finish_reason = frame.finish_reason
            self._finished_ns = at_ns

    def _running_count(self, usage: Usage | None) -> int | None:
        """Return the server's count with this text, if it has given one with every text so far.

        A server that states its usage only once may do so on a frame with text; a lone count is no running one.
        """
        count = usage.completion_tokens if usage is not None else None
        self._counts_as_it_goes = count is not None and self._counts_as_it_goes is not False
        return count if self._counts_as_it_goes else None

    def _malformed(self, error: WireError) -> BackendError:
        text = redact(f"{self._url} does not stream as OpenAI does: {error}", self._secret)
        return BackendError("malformed", text)


def _error_of(frame: Mapping[str, Any]) -> Any:
    if frame.get("error"):
        # LM Studio repeats the words beside the object, others have all of it there.
        return frame
    if frame.get("object") == "error" or ("detail" in frame and "choices" not in frame):
        return frame
    return None


def _pieces_of(choice: dict[str, Any]) -> list[TextPiece]:
    delta = choice.get("delta")
    if not isinstance(delta, dict):
        delta = {"content": choice.get("text")}
    reasoning = next((text for field in _REASONING_FIELDS if (text := _text(delta.get(field)))), "")
    answer = _text(delta.get("content"))
    pieces = (TextPiece(reasoning, reasoning=True), TextPiece(answer, reasoning=False))
    return [piece for piece in pieces if piece.text]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
