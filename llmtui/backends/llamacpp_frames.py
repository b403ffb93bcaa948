"""What llama.cpp's server sends beyond OpenAI's protocol: its own timings, the rows of /completion, its lists. Pure.

Recorded from llama-server b11434 and xllamacpp 2026.10.11549.
"""

from collections.abc import Mapping
from typing import Any

from llmtui.backends.base import BackendError, Chunk, End, GenerationRequest
from llmtui.backends.chat_frames import ChatStreamReader
from llmtui.backends.counters import read_count, read_nanoseconds, read_positive
from llmtui.backends.stream_reader import EventReader
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
    predicted, prefilled = read_count(timings.get("predicted_n")), read_count(timings.get("prompt_n"))
    decoded = predicted - 1 if predicted is not None and predicted > 1 else None
    decode_ns = read_nanoseconds(timings.get("predicted_ms"))
    return ServerTimings(
        prefill_ns=read_nanoseconds(timings.get("prompt_ms")) if prefilled else None,
        prefill_tokens=prefilled or None,
        cached_tokens=read_count(timings.get("cache_n")),
        decode_ns=decode_ns if decoded else None,
        decode_tokens=decoded if decode_ns else None,
    )


def read_running_count(frame: Mapping[str, Any]) -> int | None:
    """Return how many tokens the server has generated up to this frame, where `timings_per_token` makes it tell."""
    timings = frame.get("timings")
    return read_positive(timings.get("predicted_n")) if isinstance(timings, dict) else None


class CountingChatReader(ChatStreamReader):
    """Reads /v1/chat/completions with `timings_per_token`: each chunk tells how many tokens there are with it."""

    server = "llama.cpp"

    def __init__(self, *, url: str, model: str | None = None, secret: str | None = None) -> None:
        super().__init__(
            url=url, model=model, secret=secret, read_timings=read_timings, read_running_count=read_running_count
        )


class CompletionReader(EventReader):
    """Reads the rows of /completion; no [DONE] stands at their end."""

    server = "llama.cpp"

    def __init__(self, *, url: str, model: str | None = None, secret: str | None = None) -> None:
        super().__init__(url=url, model=model, secret=secret)
        self._end: End | None = None

    def finish(self) -> End:
        """Return how the answer ended, after `flush`. `BackendError`: empty, truncated (no row said `stop`)."""
        self._require_frames()
        if self._end is None:
            text = f"{self._url} ended its answer without a last row: look into the server's log."
            raise BackendError("truncated", text)
        return self._end

    def _take_value(self, value: Any, at_ns: int, chunks: list[Chunk]) -> None:
        if not isinstance(value, dict):
            raise self._malformed("The server sent a row that is no JSON object.")
        self._frames += 1
        if value.get("error"):
            raise self._failure(value)
        if value.get("stop") is True:
            self.done = True
            self._end = _read_end(value, at_ns)
        text = value.get("content")
        if isinstance(text, str) and text:
            chunks.append(Chunk(at_ns, text, tokens=read_positive(value.get("tokens_predicted"))))


def _read_end(row: Mapping[str, Any], at_ns: int) -> End:
    timings = read_timings(row)
    usage = Usage(
        prompt_tokens=read_count(row.get("tokens_evaluated")),
        completion_tokens=read_count(row.get("tokens_predicted")),
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
        parameters=read_count(meta.get("n_params")),
        quantization=str(quantization) if quantization else None,
        context=read_count(per_slot) or read_count(meta.get("n_ctx")),
        trained=read_count(meta.get("n_ctx_train")),
        size=read_count(meta.get("size")),
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
