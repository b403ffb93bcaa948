"""Says in one sentence what went wrong between llmtui and a server, and what to do about it.

Servers agree on no shape for their errors. Seen: `{"error": {"message", "type", "code", "param"}}`,
`{"error": "text"}`, `{"error": "{...}"}` with JSON inside the string, flat `{"object": "error", "message"}`,
`{"detail": "text"}` and `{"detail": [{"loc", "msg"}]}`, plain text, HTML, nothing at all.
"""

import re
from http import HTTPStatus
from typing import Any, NamedTuple

from llmtui.backends.base import BackendError, ProblemKind
from llmtui.backends.transport_errors import (
    ConnectError,
    ConnectionLostError,
    ConnectTimeoutError,
    ForeignProtocolError,
)
from llmtui.backends.wire import WireError, decode_json

_QUOTE_LIMIT = 300
_NESTING_LIMIT = 8
_TAGS = ("type", "code", "param", "error_type", "status")

_CONTEXT = re.compile(
    r"exceed_context|context_length_exceeded|input_tokens"
    r"|(?:context|max_model_len|maximum (?:model|input) length)[^.]*(?:exceed|too (?:long|small)|maximum|longer|fit)"
    r"|(?:exceed|longer than|too (?:long|large) for|maximum)[^.]*context"
    r"|max_new_tokens[^.]*must be <=",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"model_not_found|notfounderror"
    r"|model\b[^.]*(?:not found|does ?n[o']t exist|not exist|unknown|is not (?:loaded|available|served))"
    r"|(?:unknown|invalid|no such|could not find)[^.]*\bmodel\b|no models? (?:is |are )?loaded",
    re.IGNORECASE,
)
_BAD_OPTION = re.compile(r"must be of type", re.IGNORECASE)  # Ollama, with a 500
_LOADING = re.compile(r"\bloading\b|still starting|not ready", re.IGNORECASE)
_NOT_SUPPORTED = re.compile(r"not_supported|does not support|not supported by this (?:server|model)", re.IGNORECASE)


class _Said(NamedTuple):
    """What a server says of its error: the words for people, and the marks for programs."""

    message: str
    marks: str


class _Finding(NamedTuple):
    kind: ProblemKind
    claim: str
    advice: str


_NOT_OFFERED = "check its version and the URL"
_BY_STATUS = {
    404: _Finding("not_supported", "does not offer this (404)", _NOT_OFFERED),
    405: _Finding("not_supported", "does not offer this (405)", _NOT_OFFERED),
    424: _Finding("server_error", "could not generate (424)", "look into the server's log"),
    429: _Finding("overloaded", "takes no more requests (429)", "send fewer at once"),
    501: _Finding("not_supported", "does not offer this (501)", _NOT_OFFERED),
    503: _Finding("overloaded", "is not available (503)", "try again later"),
}


def error_message(body: Any) -> str:
    """Return the words for people of an error in any known shape, bytes or parsed JSON; "" when there are none."""
    return _read(body).message


def http_problem(
    status: int, body: bytes, *, url: str, model: str | None = None, secret: str | None = None
) -> BackendError:
    """Return what an HTTP answer that is no success means. `secret` is a key that the sentence must not hold."""
    said = _read(body)
    finding = _of_status(status, said, model)
    return BackendError(finding.kind, _sentence(url, finding, said, secret), status=status)


def stream_problem(error: Any, *, url: str, model: str | None = None, secret: str | None = None) -> BackendError:
    """Return what an error inside a stream means; `error` is the whole frame or the value of its "error"."""
    said = _read(error)
    fallback = _Finding("server_error", "broke off the answer", "look into the server's log")
    return _problem(url, _of_words(said, model) or fallback, said, secret)


def transport_problem(error: Exception, *, url: str, secret: str | None = None) -> BackendError:
    """Return what a failed connection means: a `TransportError` or one of the operating system."""
    said = _Said("", "")
    match error:
        case ConnectTimeoutError():
            finding = _Finding("unreachable", "does not take connections", "check host, port and firewall")
        case ConnectError():
            said = _Said(str(error), "")
            finding = _Finding("unreachable", "is not reachable", "start the server, or check host and port")
        case TimeoutError():
            finding = _Finding("timeout", "did not answer in time", "try again, or raise the limit")
        case ConnectionLostError() | OSError():
            finding = _Finding(
                "disconnected", "closed the connection before its answer was whole", "look into the server's log"
            )
        case ForeignProtocolError() | WireError():
            said = _Said(str(error), "")
            finding = _Finding(
                "malformed", "sends what llmtui cannot read", "check that the URL is that of an LLM server"
            )
        case _:
            said = _Said(str(error), "")
            finding = _Finding("bad_request", "cannot be sent this request", "check URL, key and options")
    return _problem(url, finding, said, secret)


def redact(text: str, secret: str | None) -> str:
    """Return `text` without `secret`."""
    return text.replace(secret, "***") if secret else text


def _of_status(status: int, said: _Said, model: str | None) -> _Finding:
    if status in {401, 403}:
        return _Finding("refused", f"refuses this client ({status})", "check the API key")
    finding = _of_words(said, model)
    if finding is None and status == HTTPStatus.SERVICE_UNAVAILABLE and _LOADING.search(said.message):
        finding = _Finding("loading", "is still loading its model (503)", "wait, and try again")
    return finding or _BY_STATUS.get(status) or _of_class(status)


def _of_class(status: int) -> _Finding:
    if status < HTTPStatus.BAD_REQUEST:
        return _Finding("bad_request", f"sends its clients elsewhere ({status})", "use the URL that it names")
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _Finding("bad_request", f"rejects the request ({status})", "check the request's options")
    return _Finding("server_error", f"failed ({status})", "look into the server's log")


def _of_words(said: _Said, model: str | None) -> _Finding | None:
    """Find what several servers say with different statuses, and some in mid-stream."""
    words = f"{said.message} {said.marks}"
    if _CONTEXT.search(words):
        return _Finding("context_full", "has no room for this prompt", "shorten it, or load with a larger context")
    if _NO_MODEL.search(words):
        name = f"the model {model!r}" if model else "that model"
        return _Finding("no_model", f"does not have {name}", "choose one that it lists")
    if _NOT_SUPPORTED.search(words):
        return _Finding("not_supported", "does not offer this", "leave it out, or use another model")
    if _BAD_OPTION.search(words):
        return _Finding("bad_request", "rejects the request", "check the request's options")
    return None


def _problem(url: str, finding: _Finding, said: _Said, secret: str | None) -> BackendError:
    return BackendError(finding.kind, _sentence(url, finding, said, secret))


def _sentence(url: str, finding: _Finding, said: _Said, secret: str | None) -> str:
    message = redact(" ".join(redact(said.message, secret).split()), secret)
    message = "".join(letter for letter in message if letter.isprintable()).rstrip(".")
    if len(message) > _QUOTE_LIMIT:
        message = message[: _QUOTE_LIMIT - 1] + "…"
    quote = f" ({message})" if message else ""
    return f"{url} {finding.claim}{quote}: {finding.advice}."


def _read(body: Any, depth: int = 0) -> _Said:
    if isinstance(body, bytes):
        return _read_text(body.decode(errors="replace"), depth)
    if isinstance(body, str):
        return _read_text(body, depth)
    if isinstance(body, list):
        parts = [_read(item, depth + 1) for item in body[:3]] if depth < _NESTING_LIMIT else []
        return _Said("; ".join(part.message for part in parts if part.message), " ".join(part.marks for part in parts))
    if isinstance(body, dict) and depth < _NESTING_LIMIT:
        return _read_object(body, depth)
    return _Said("", "")


def _read_text(text: str, depth: int) -> _Said:
    text = text.strip()
    if text.startswith(("{", "[")) and depth < _NESTING_LIMIT:
        try:
            return _read(decode_json(text), depth + 1)
        except WireError:
            pass
    if text.startswith("<"):
        title = re.search(r"<title>([^<]*)</title>", text, re.IGNORECASE)
        return _Said(title[1] if title else "an HTML page", "")
    return _Said(text, "")


def _read_object(body: dict[str, Any], depth: int) -> _Said:
    marks = " ".join(str(body[tag]) for tag in _TAGS if isinstance(body.get(tag), str | int))
    for key in ("error", "message", "detail", "msg", "errors"):
        inner = _read(body[key], depth + 1) if body.get(key) else _Said("", "")
        if inner.message:
            where = body.get("loc")
            place = f"{'.'.join(map(str, where))}: " if key == "msg" and isinstance(where, list) else ""
            return _Said(place + inner.message, f"{marks} {inner.marks}".strip())
    return _Said("", marks)
