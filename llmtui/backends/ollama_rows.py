"""Ollama's native protocol: the body of a request, the meaning of each row, and what its counters cover. Pure, no I/O.

Read in the source of Ollama 0.11.0, 0.20.0 and 0.32.15, and in recordings of 0.11.0 and 0.32.15.
"""

from collections.abc import Mapping
from typing import Any

from llmtui.backends.base import BackendError, Chunk, End, GenerationRequest
from llmtui.backends.problems import redact, stream_problem
from llmtui.backends.transport import TimedRead
from llmtui.backends.wire import NdjsonParser, WireError, decode_json
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


class RowReader:
    """Turns timed reads of an Ollama stream into chunks and the end.

    `url` and `model` serve the sentences of errors, `secret` is a key that must not show up in them.

    Attributes:
        done: Whether the row that ends the stream has come, or an error; nothing that matters follows.
    """

    def __init__(self, *, url: str, model: str, secret: str | None = None) -> None:
        self.done = False
        self._url = url
        self._model = model
        self._secret = secret
        self._parser = NdjsonParser()
        self._rows = 0
        self._last_ns = 0
        self._end: End | None = None
        self._problem: BackendError | None = None

    def feed(self, read: TimedRead) -> list[Chunk]:
        """Return the chunks that `read` completes. `BackendError`: an error in mid-stream, or bytes that are none.

        Chunks that came in one read with an error are returned, with `done` set; `flush` raises the error then.
        """
        self._last_ns = read.at_ns
        chunks: list[Chunk] = []
        try:
            for line in self._parser.feed(read.data):
                if not self.done:
                    chunks += self._read_line(line, read.at_ns)
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
        """Return what the end of the body completes: a last row without a line end, unless it was cut within.

        `BackendError`: an error of the server that came at the end.
        """
        if self._problem is not None:
            raise self._problem
        rest = self._parser.finish()
        try:
            return self._read_line(rest, self._last_ns) if rest is not None and not self.done else []
        except BackendError as error:
            if error.kind != "malformed":
                raise
            return []

    def finish(self) -> End:
        """Return how the answer ended, after `flush`.

        `BackendError`: `empty` without any row, `truncated` when no row said that it was the last one. Ollama ends so
        without a word when a model repeats one token more than 30 times, or when its runner dies between two rows.
        """
        if self._end is not None:
            return self._end
        if not self._rows:
            raise BackendError("empty", f"{self._url} answered 200 and then sent nothing: look into the server's log.")
        text = "ended its answer without saying that it was done: the model repeats itself, or its runner died."
        raise BackendError("truncated", f"{self._url} {text}")

    def _read_line(self, line: bytes, at_ns: int) -> list[Chunk]:
        try:
            row = decode_json(line)
        except WireError as error:
            raise self._malformed(str(error)) from None
        if not isinstance(row, dict):
            raise self._malformed("The server sent a row that is no JSON object.")
        self._rows += 1
        if row.get("error"):
            raise stream_problem(row, url=self._url, model=self._model, secret=self._secret)
        if row.get("done") is True:
            self.done = True
            self._end = self._read_end(row, at_ns)
        return read_chunks(row, at_ns)

    def _read_end(self, row: Mapping[str, Any], at_ns: int) -> End:
        reason = _text(row, "done_reason")
        if reason == "load":
            raise BackendError("bad_request", "Ollama only loaded the model: the request held no text to answer.")
        if reason == "error":  # LocalAI's imitation of Ollama
            raise BackendError("server_error", f"{self._url} gave up the answer: look into the server's log.")
        return End(at_ns, reason, read_usage(row), read_timings(row))

    def _malformed(self, reason: str) -> BackendError:
        return BackendError("malformed", redact(f"{self._url} does not stream as Ollama does: {reason}", self._secret))


def read_chunks(row: Mapping[str, Any], at_ns: int) -> list[Chunk]:
    """Return the pieces of text in a row of /api/chat or /api/generate, reasoning first."""
    message = row.get("message")
    if not isinstance(message, dict):
        message = {"thinking": row.get("thinking"), "content": row.get("response")}
    pieces = ((message.get("thinking"), True), (message.get("content"), False))
    return [Chunk(at_ns, text, reasoning) for text, reasoning in pieces if isinstance(text, str) and text]


def read_usage(row: Mapping[str, Any]) -> Usage | None:
    """Return the token counts of a last row. Ollama leaves a 0 out, so that a missing one is not known to be 0."""
    prompt, completion = _count(row, "prompt_eval_count"), _count(row, "eval_count")
    return None if prompt is completion is None else Usage(prompt_tokens=prompt, completion_tokens=completion)


def read_timings(row: Mapping[str, Any]) -> ServerTimings:
    """Return the counters of a last row, all of them nanoseconds.

    `eval_duration` starts when the first token is there, so it covers one token less than `eval_count`.
    `prompt_eval_count` includes tokens from the cache that `prompt_eval_duration` leaves out, so `prefill_tokens` stays
    open here.
    """
    tokens = _count(row, "eval_count")
    decoded = tokens - 1 if tokens is not None and tokens > 1 else None
    return ServerTimings(
        load_ns=_count(row, "load_duration"),
        prefill_ns=_count(row, "prompt_eval_duration"),
        decode_ns=_count(row, "eval_duration") if decoded else None,
        decode_tokens=decoded if _count(row, "eval_duration") else None,
        total_ns=_count(row, "total_duration"),
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
        parameters=_count(info, "general.parameter_count") or read_size_label(details.get("parameter_size")),
        quantization=_text(details, "quantization_level"),
        context=window if isinstance(window, int) and window > 0 else None,
        size=_count(tag, "size"),
        digest=_text(tag, "digest"),
        loaded=loaded is not None,
    )


def read_size_label(label: object) -> int | None:
    """Read a number of parameters such as "134.52M"."""
    if not isinstance(label, str) or label[-1:] not in _UNITS:
        return None
    try:
        return round(float(label[:-1]) * _UNITS[label[-1]])
    except (ValueError, OverflowError):
        return None


def full_name(model: str) -> str:
    """Return the name under which Ollama lists `model`: without a tag it means ":latest"."""
    return model if ":" in model.rpartition("/")[2] else f"{model}:latest"


def _count(row: Mapping[str, Any], key: str) -> int | None:
    value = row.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _text(row: Mapping[str, Any], key: str) -> str | None:
    value = row.get(key)
    return value if isinstance(value, str) and value else None


def _mapping(row: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = row.get(key)
    return value if isinstance(value, dict) else {}
