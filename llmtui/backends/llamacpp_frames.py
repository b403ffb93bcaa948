"""What llama.cpp's server sends beyond OpenAI's protocol: its own timings, the rows of /completion, its lists. Pure.

Recorded from llama-server b11434 and xllamacpp 2026.10.11549.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from llmtui.backends.base import BackendError, Chunk, End, GenerationRequest, ServerStats
from llmtui.backends.chat_frames import ChatStreamReader
from llmtui.backends.problems import redact, stream_problem
from llmtui.backends.prometheus import Metrics
from llmtui.backends.transport import TimedRead
from llmtui.backends.wire import SseEvent, SseParser, WireError, decode_json
from llmtui.events import Model, ServerTimings, Usage

_COUNTING = {"stream": True, "timings_per_token": True, "return_progress": True}
"""With these each frame tells how many tokens there are, and a long prompt shows that it is being read."""

_FINISH_REASONS = {"limit": "length", "eos": "stop", "word": "stop"}


def chat_body(request: GenerationRequest) -> dict[str, Any]:
    """Return the body for /v1/chat/completions, with progress of the prompt and running counts."""
    counting = {"stream_options": {"include_usage": True}, **_COUNTING}
    messages = [{"role": role, "content": text} for role, text in request.messages]
    return _given(request, "max_tokens") | {"messages": messages} | counting | request.options


def completion_body(request: GenerationRequest) -> dict[str, Any]:
    """Return the body for /completion: plain completion of `request.prompt`, with progress and running counts."""
    return _given(request, "n_predict") | {"prompt": request.prompt} | _COUNTING | request.options


def _given(request: GenerationRequest, limit_name: str) -> dict[str, Any]:
    fields = {
        "model": request.model,
        limit_name: request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
        "stop": list(request.stop) or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def read_timings(frame: Mapping[str, Any]) -> ServerTimings | None:
    """Return the `timings` of a frame, in nanoseconds instead of milliseconds; None when it has none.

    `predicted_ms` starts when the first token is there, so it covers `predicted_n - 1` tokens. `prompt_n` leaves out
    the tokens that were found in the cache, `cache_n`.
    """
    timings = frame.get("timings")
    if not isinstance(timings, dict):
        return None
    predicted, prefilled = _count(timings.get("predicted_n")), _count(timings.get("prompt_n"))
    decoded = predicted - 1 if predicted is not None and predicted > 1 else None
    decode_ns = _nanoseconds(timings.get("predicted_ms"))
    return ServerTimings(
        prefill_ns=_nanoseconds(timings.get("prompt_ms")) if prefilled else None,
        prefill_tokens=prefilled or None,
        cached_tokens=_count(timings.get("cache_n")),
        decode_ns=decode_ns if decoded else None,
        decode_tokens=decoded if decode_ns else None,
    )


def read_running_count(frame: Mapping[str, Any]) -> int | None:
    """Return how many tokens the server has generated up to this frame, where `timings_per_token` makes it tell."""
    timings = frame.get("timings")
    return _count(timings.get("predicted_n")) or None if isinstance(timings, dict) else None


class CountingChatReader(ChatStreamReader):
    """Reads /v1/chat/completions with `timings_per_token`: each chunk tells how many tokens there are with it."""

    def _take_frame(self, value: dict[str, Any], at_ns: int, chunks: list[Chunk]) -> None:
        first = len(chunks)
        super()._take_frame(value, at_ns, chunks)
        count = read_running_count(value)
        chunks[first:] = [msgspec.structs.replace(chunk, tokens=count) for chunk in chunks[first:]]


class CompletionReader:
    """Turns timed reads of a /completion stream into chunks and the end; no [DONE] stands at that end.

    `url` and `model` serve the sentences of errors, `secret` is a key that must not show up in them.

    Attributes:
        done: Whether the row that ends the stream has come, or an error; nothing that matters follows.
    """

    def __init__(self, *, url: str, model: str, secret: str | None = None) -> None:
        self.done = False
        self._url = url
        self._model = model
        self._secret = secret
        self._parser = SseParser()
        self._rows = 0
        self._last_ns = 0
        self._end: End | None = None
        self._problem: BackendError | None = None

    @property
    def progress(self) -> int:
        """How many bytes came that are neither comment nor blank line; for `TimedExchange.reads`."""
        return self._parser.progress

    def feed(self, read: TimedRead) -> list[Chunk]:
        """Return the chunks that `read` completes. `BackendError`: an error in mid-stream, or bytes that are none.

        Chunks that came in one read with an error are returned, with `done` set; `flush` raises the error then.
        """
        self._last_ns = read.at_ns
        chunks: list[Chunk] = []
        try:
            for event in self._parser.feed(read.data):
                chunks += self._read_event(event, read.at_ns)
        except WireError as error:
            self._problem = self._malformed(str(error))
        except BackendError as problem:
            self._problem = problem
        if self._problem is not None:
            self.done = True
            if not chunks:
                raise self._problem
        return chunks

    def flush(self) -> list[Chunk]:
        """Return what the end of the body completes: a last row without its blank line, unless it was cut within.

        `BackendError`: an error of the server that came at the end.
        """
        if self._problem is not None:
            raise self._problem
        try:
            return [chunk for event in self._parser.finish() for chunk in self._read_event(event, self._last_ns)]
        except BackendError as error:
            if error.kind != "malformed":
                raise
            return []

    def finish(self) -> End:
        """Return how the answer ended, after `flush`. `BackendError`: empty, truncated (no row said `stop`)."""
        if self._end is not None:
            return self._end
        if not self._rows:
            raise BackendError("empty", f"{self._url} answered 200 and then sent nothing: look into the server's log.")
        raise BackendError("truncated", f"{self._url} ended its answer without a last row: look into the server's log.")

    def _read_event(self, event: SseEvent, at_ns: int) -> list[Chunk]:
        if event.comment or self.done or event.data.strip() == "[DONE]":
            return []
        try:
            row = decode_json(event.data)
        except WireError as error:
            raise self._malformed(str(error)) from None
        if not isinstance(row, dict):
            raise self._malformed("The server sent a row that is no JSON object.")
        self._rows += 1
        if row.get("error"):
            raise stream_problem(row, url=self._url, model=self._model, secret=self._secret)
        if row.get("stop") is True:
            self.done = True
            self._end = _read_end(row, at_ns)
        text, count = row.get("content"), _count(row.get("tokens_predicted"))
        return [Chunk(at_ns, text, tokens=count or None)] if isinstance(text, str) and text else []

    def _malformed(self, reason: str) -> BackendError:
        text = redact(f"{self._url} does not stream as llama.cpp does: {reason}", self._secret)
        return BackendError("malformed", text)


def _read_end(row: Mapping[str, Any], at_ns: int) -> End:
    timings = read_timings(row)
    usage = Usage(
        prompt_tokens=_count(row.get("tokens_evaluated")),
        completion_tokens=_count(row.get("tokens_predicted")),
        cached_tokens=timings.cached_tokens if timings else None,
    )
    notes = ("the server cut the prompt to its context",) if row.get("truncated") is True else ()
    reason = row.get("stop_type")
    return End(at_ns, _FINISH_REASONS.get(str(reason), str(reason) if reason else "stop"), usage, timings, notes)


def rows_of(listing: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of GET /v1/models; beside them the server lists the same models in Ollama's shape."""
    rows = listing.get("data")
    return [row for row in rows if isinstance(row, dict) and row.get("id")] if isinstance(rows, list) else []


def read_model(row: Mapping[str, Any], props: Mapping[str, Any]) -> Model:
    """Describe a model by its row in the list and by GET /props of the process that has it loaded.

    `context` is what one slot has.
    """
    found, settings = row.get("meta"), props.get("default_generation_settings")
    meta = found if isinstance(found, dict) else {}
    per_slot = settings.get("n_ctx") if isinstance(settings, dict) else None
    quantization = meta.get("ftype") or props.get("model_ftype")
    return Model(
        id=str(row["id"]),
        parameters=_count(meta.get("n_params")),
        quantization=str(quantization) if quantization else None,
        context=_count(per_slot) or _count(meta.get("n_ctx")),
        size=_count(meta.get("size")),
        loaded=status_of(row) in {None, "loaded"},
    )


def status_of(row: Mapping[str, Any]) -> str | None:
    """Return a router's word for a model: unloaded, loading, loaded, sleeping, downloading; None without a router."""
    status = row.get("status")
    value = status.get("value") if isinstance(status, dict) else None
    return str(value) if value else None


def has_failed(row: Mapping[str, Any]) -> bool:
    """Return whether a router's last attempt to load this model came to nothing."""
    status = row.get("status")
    return isinstance(status, dict) and bool(status.get("failed")) and status.get("value") != "loading"


def names_of(row: Mapping[str, Any]) -> set[str]:
    """Return every name under which the server knows the model of this row."""
    aliases = row.get("aliases")
    return {str(row.get("id")), *(map(str, aliases) if isinstance(aliases, list) else ())}


def requests_of_metrics(metrics: Metrics) -> tuple[int | None, int | None]:
    """Return how many requests run and how many wait, as /metrics says."""
    return _count(metrics.total("llamacpp:requests_processing")), _count(metrics.total("llamacpp:requests_deferred"))


def stats_of_slots(slots: object) -> ServerStats:
    """Return what GET /slots says: busy slots, and the share of all contexts that busy slots have filled."""
    rows = [slot for slot in slots if isinstance(slot, dict)] if isinstance(slots, list) else []
    busy = [slot for slot in rows if slot.get("is_processing") is True]
    room = sum(_number(slot.get("n_ctx")) or 0 for slot in rows)
    used = sum(_used(slot) for slot in busy)
    return ServerStats(running=len(busy) if rows else None, kv_usage=min(used / room, 1.0) if room else None)


def _used(slot: Mapping[str, Any]) -> float:
    tokens = slot.get("next_token")
    decoded = sum(_number(token.get("n_decoded")) or 0 for token in tokens) if isinstance(tokens, list) else 0
    return (_number(slot.get("n_prompt_tokens")) or 0) + decoded


def _count(value: object) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None


def _nanoseconds(milliseconds: object) -> int | None:
    value = _number(milliseconds)
    return round(value * 1e6) if value else None
