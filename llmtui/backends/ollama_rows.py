"""Ollama's native protocol: the body of a request, the meaning of each row, and what its counters cover. Pure, no I/O.

Read in the source of Ollama 0.11.0, 0.20.0 and 0.32.15, and in recordings of 0.11.0 and 0.32.15.
"""

from collections.abc import Mapping
from typing import Any

from llmtui.backends.base import BackendError, Chunk, End, GenerationRequest
from llmtui.backends.counters import read_positive
from llmtui.backends.stream_reader import StreamReader
from llmtui.backends.wire import NdjsonParser, decode_json
from llmtui.events import Model, ServerTimings, Usage

PROMPT_SETTINGS = frozenset({"format", "raw", "suffix", "system", "template", "think", "tools"})
"""Options that stand beside the messages, not under `options`, and change what the model reads."""

_TOP_LEVEL = PROMPT_SETTINGS | {"keep_alive", "logprobs", "shift", "top_logprobs", "truncate"}

_UNITS = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


def split_options(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part the options into those that Ollama reads beside the messages, and those that it reads under `options`."""
    beside = {key: value for key, value in options.items() if key in _TOP_LEVEL}
    return beside, {key: value for key, value in options.items() if key not in _TOP_LEVEL}


def generation_body(request: GenerationRequest) -> tuple[str, dict[str, Any]]:
    """Return the path and the body that ask for `request`. `BackendError` when there is nothing to answer."""
    beside, of_model = split_options(request.options)
    fields = {
        "num_predict": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
        "stop": list(request.stop) or None,
    }
    options = {key: value for key, value in fields.items() if value is not None} | of_model
    # Ollama would cut a prompt that is too long without a word, and the figures would be those of another prompt.
    body = {"model": request.model, "stream": True, "truncate": False, "shift": False, "options": options} | beside
    if request.messages:
        return "/api/chat", body | {"messages": [{"role": role, "content": text} for role, text in request.messages]}
    if request.prompt:
        return "/api/generate", body | {"prompt": request.prompt}
    raise BackendError("bad_request", "The request holds no text, and Ollama answers none: give it a prompt.")


class RowReader(StreamReader[bytes]):
    """Reads the rows of /api/chat and /api/generate."""

    server = "Ollama"

    def __init__(self, *, url: str, model: str | None = None, secret: str | None = None) -> None:
        super().__init__(NdjsonParser(), url=url, model=model, secret=secret)
        self._end: End | None = None

    def finish(self) -> End:
        """Return how the answer ended, after `flush`.

        `BackendError`: `empty` without any row, `truncated` when no row said that it was the last one. Ollama ends so
        without a word when a model repeats one token more than 30 times, or when its runner dies between two rows.
        """
        self._require_frames()
        if self._end is None:
            text = "ended its answer without saying that it was done: the model repeats itself, or its runner died."
            raise BackendError("truncated", f"{self._url} {text}")
        return self._end

    def _take(self, frame: bytes, at_ns: int, chunks: list[Chunk]) -> None:
        row = decode_json(frame)
        if not isinstance(row, dict):
            raise self._malformed("The server sent a row that is no JSON object.")
        self._frames += 1
        if row.get("error"):
            raise self._failure(row)
        chunks += read_chunks(row, at_ns)
        if row.get("done") is True:
            self.done = True
            self._end = self._read_end(row, at_ns)

    def _read_end(self, row: Mapping[str, Any], at_ns: int) -> End:
        reason = _text(row, "done_reason")
        if reason == "load":
            raise BackendError("bad_request", "Ollama only loaded the model: the request held no text to answer.")
        if reason == "error":  # LocalAI's imitation of Ollama
            raise BackendError("server_error", f"{self._url} gave up the answer: look into the server's log.")
        return End(at_ns, reason, read_usage(row), read_timings(row))


def read_chunks(row: Mapping[str, Any], at_ns: int) -> list[Chunk]:
    """Return the pieces of text in a row of /api/chat or /api/generate, reasoning first."""
    message = row.get("message")
    if isinstance(message, dict):
        thinking, answer = message.get("thinking"), message.get("content")
    else:
        thinking, answer = row.get("thinking"), row.get("response")
    chunks = []
    if thinking and isinstance(thinking, str):
        chunks.append(Chunk(at_ns, thinking, reasoning=True))
    if answer and isinstance(answer, str):
        chunks.append(Chunk(at_ns, answer))
    return chunks


def read_usage(row: Mapping[str, Any]) -> Usage | None:
    """Return the token counts of a last row. Ollama leaves a 0 out, so that a missing one is not known to be 0."""
    prompt, completion = read_positive(row.get("prompt_eval_count")), read_positive(row.get("eval_count"))
    return None if prompt is completion is None else Usage(prompt_tokens=prompt, completion_tokens=completion)


def read_timings(row: Mapping[str, Any]) -> ServerTimings:
    """Return the counters of a last row, all of them nanoseconds.

    `eval_duration` starts when the first token is there, so it covers one token less than `eval_count`.
    `prompt_eval_count` includes tokens from the cache that `prompt_eval_duration` leaves out, so `prefill_tokens` stays
    open here.
    """
    tokens = read_positive(row.get("eval_count"))
    decoded = tokens - 1 if tokens is not None and tokens > 1 else None
    return ServerTimings(
        load_ns=read_positive(row.get("load_duration")),
        prefill_ns=read_positive(row.get("prompt_eval_duration")),
        decode_ns=read_positive(row.get("eval_duration")) if decoded else None,
        decode_tokens=decoded if read_positive(row.get("eval_duration")) else None,
        total_ns=read_positive(row.get("total_duration")),
    )


def read_model(tag: Mapping[str, Any], show: Mapping[str, Any], loaded: Mapping[str, Any] | None) -> Model:
    """Put together what /api/tags, /api/show and /api/ps (the model's row there) say of one model.

    `context` is the window that the model is loaded with, or else the longest that it was trained for.
    """
    details = {**_mapping(tag, "details"), **_mapping(show, "details")}
    info = _mapping(show, "model_info")
    trained = next((info[key] for key in info if key.endswith(".context_length")), details.get("context_length"))
    window = (loaded or {}).get("context_length") or trained
    return Model(
        id=str(tag.get("name") or tag.get("model")),
        family=_text(details, "family"),
        parameters=read_positive(info.get("general.parameter_count")) or read_size_label(details.get("parameter_size")),
        quantization=_text(details, "quantization_level"),
        context=read_positive(window),
        trained=read_positive(trained),
        size=read_positive(tag.get("size")),
        digest=_text(tag, "digest"),
        loaded=loaded is not None,
    )


def read_size_label(label: object) -> int | None:
    """Read a number of parameters such as "134.52M"."""
    if not isinstance(label, str) or label[-1:] not in _UNITS:
        return None
    try:
        return read_positive(round(float(label[:-1]) * _UNITS[label[-1]]))
    except (ValueError, OverflowError):
        return None


def full_name(model: str) -> str:
    """Return the name under which Ollama lists `model`: without a tag it means ":latest"."""
    return model if ":" in model.rpartition("/")[2] else f"{model}:latest"


def _text(row: Mapping[str, Any], key: str) -> str | None:
    value = row.get(key)
    return value if isinstance(value, str) and value else None


def _mapping(row: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = row.get(key)
    return value if isinstance(value, dict) else {}
