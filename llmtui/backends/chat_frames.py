"""What the frames of /v1/chat/completions and /v1/completions mean: timed bytes in, chunks and the end out; no I/O.

`read_frame` knows one frame, `ChatStreamReader` the whole stream. What counts: text, and only text, is a chunk. A role,
an empty string, null, progress of the prompt, usage and keep-alive comments are none. Usage may come on a frame of its
own, with the finish reason, on every frame or never; the choices may be missing. A finish reason is the proof that the
answer is whole, [DONE] is not: it also follows answers that were broken off.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from llmtui.backends.base import BackendError, Chunk, End
from llmtui.backends.counters import read_count
from llmtui.backends.stream_reader import EventReader
from llmtui.events import ServerTimings, Usage

_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
_FINISHES_OF_FAILURE = frozenset({"error", "abort"})


class TextPiece(msgspec.Struct, frozen=True):
    """A piece of text, never empty."""

    text: str
    reasoning: bool


class ChatFrame(msgspec.Struct, frozen=True):
    """What one frame says. `error` is the server's own error object or string, for `problems.stream_problem`."""

    pieces: tuple[TextPiece, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    error: Any = None


def read_frame(frame: Mapping[str, Any]) -> ChatFrame:
    """Interpret one parsed JSON frame of a stream."""
    if frame.get("error") or frame.get("object") == "error" or ("detail" in frame and "choices" not in frame):
        # LM Studio repeats the words beside the object, others have all of it there.
        return ChatFrame(error=frame)
    pieces: list[TextPiece] = []
    finish_reason = None
    choices = frame.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, dict):
            continue
        _add_pieces(choice, pieces)
        reason = choice.get("finish_reason")
        if reason and isinstance(reason, str):
            finish_reason = reason
    usage = frame.get("usage")
    return ChatFrame(tuple(pieces), finish_reason, None if usage is None else read_usage(usage))


def read_usage(usage: Any) -> Usage | None:
    """Interpret a usage object; None where there is none."""
    if not isinstance(usage, dict):
        return None
    prompt = usage.get("prompt_tokens_details")
    completion = usage.get("completion_tokens_details")
    details = completion if isinstance(completion, dict) else usage
    return Usage(
        prompt_tokens=read_count(usage.get("prompt_tokens")),
        completion_tokens=read_count(usage.get("completion_tokens")),
        reasoning_tokens=read_count(details.get("reasoning_tokens")),
        cached_tokens=read_count(prompt.get("cached_tokens")) if isinstance(prompt, dict) else None,
    )


class ChatStreamReader(EventReader):
    """Reads the frames of an OpenAI-compatible stream; see `StreamReader` for what all readers share.

    Args:
        url: The server, as error sentences name it.
        model: The model that was asked for, as error sentences name it.
        secret: A key that no error sentence may hold.
        read_timings: Reads the server's own timings, for `End.timings`, in the last frame that has an object `timings`.
        read_running_count: Finds how many tokens there are up to a frame; without it the usage of each frame may tell.
    """

    server = "OpenAI"

    def __init__(
        self,
        *,
        url: str,
        model: str | None = None,
        secret: str | None = None,
        read_timings: Callable[[Mapping[str, Any]], ServerTimings | None] | None = None,
        read_running_count: Callable[[Mapping[str, Any]], int | None] | None = None,
    ) -> None:
        super().__init__(url=url, model=model, secret=secret)
        self._read_timings = read_timings
        self._read_running_count = read_running_count
        self._finish_reason: str | None = None
        self._finished_ns = 0
        self._usage: Usage | None = None
        self._timed: Mapping[str, Any] | None = None
        self._counts_as_it_goes = True

    def finish(self, notes: tuple[str, ...] = ()) -> End:
        """Return how the answer ended, after `flush` or [DONE]; `notes` go into `End.notes`.

        `BackendError`: empty, truncated, or given up by the server.
        """
        self._require_frames()
        if self._finish_reason is None:
            text = (
                f"{self._url} ended its answer without a finish reason: it was broken off; look into the server's log."
            )
            raise BackendError("truncated", text)
        if self._finish_reason in _FINISHES_OF_FAILURE:
            text = f"{self._url} gave up the answer (finish reason {self._finish_reason}): look into the server's log."
            raise BackendError("server_error", text)
        if self._events.undecodable_lines:
            notes += (f"{self._events.undecodable_lines} lines of the answer held bytes that are no UTF-8",)
        timings = self._read_timings(self._timed) if self._read_timings and self._timed else None
        return End(self._finished_ns, self._finish_reason, self._usage, timings, notes)

    def _take_value(self, value: Any, at_ns: int, chunks: list[Chunk]) -> None:
        if not isinstance(value, dict):
            return
        frame = read_frame(value)
        if frame.error is not None:
            raise self._failure(frame.error)
        self._frames += 1
        if frame.usage is not None:
            self._usage = frame.usage
        if self._read_timings is not None and isinstance(value.get("timings"), dict):
            self._timed = value
        if frame.pieces:
            tokens = None
            if self._read_running_count is not None:
                tokens = self._read_running_count(value)
            elif self._counts_as_it_goes:
                # A server that states its usage only once may do so on a frame with text; a lone count is no running
                # one, so that each text so far must have come with one.
                tokens = frame.usage.completion_tokens if frame.usage is not None else None
                self._counts_as_it_goes = tokens is not None
            chunks += [Chunk(at_ns, piece.text, piece.reasoning, tokens) for piece in frame.pieces]
        if frame.finish_reason is not None:
            self._finish_reason = frame.finish_reason
            self._finished_ns = at_ns


def _add_pieces(choice: dict[str, Any], pieces: list[TextPiece]) -> None:
    delta = choice.get("delta")
    if isinstance(delta, dict):
        answer = delta.get("content")
        for field in _REASONING_FIELDS:
            reasoning = delta.get(field)
            if reasoning and isinstance(reasoning, str):
                pieces.append(TextPiece(reasoning, reasoning=True))
                break
    else:
        answer = choice.get("text")
    if answer and isinstance(answer, str):
        pieces.append(TextPiece(answer, reasoning=False))
