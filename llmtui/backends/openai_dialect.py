"""What an OpenAI-compatible server is asked, and which fields it takes, learnt from its rejections; no I/O."""

import re
from http import HTTPStatus
from typing import Any

import msgspec

from llmtui.backends.base import BackendError, GenerationRequest
from llmtui.backends.openai_kinds import STANDARD_FIELDS, Kind
from llmtui.backends.problems import error_message

_REJECTIONS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})
_STREAM_OPTIONS = re.compile(r"stream[_ ]options|include_usage|continuous_usage_stats", re.IGNORECASE)
_MAX_TOKENS_REFUSED = re.compile(
    r"max_completion_tokens"
    r"|(?:unsupported|unexpected|unknown|unrecognized|extra|not (?:supported|permitted|allowed))\b.*max_tokens"
    r"|max_tokens\b.*(?:unsupported|unexpected|unknown|unrecognized|extra|not (?:supported|permitted|allowed))",
    re.IGNORECASE | re.DOTALL,
)


class Dialect(msgspec.Struct, frozen=True):
    """What the server was found to take; learnt from its rejections, and kept once a request went through."""

    stream_options: bool = True
    limit_field: str = "max_tokens"


def adapt(dialect: Dialect, problem: BackendError, body: bytes) -> Dialect:
    """Return what to try after a rejection; raises `problem` when there is nothing left to try."""
    if problem.status not in _REJECTIONS or problem.kind not in {"bad_request", "not_supported"}:
        raise problem
    words = body.decode(errors="replace")
    if dialect.stream_options and (_STREAM_OPTIONS.search(words) or not error_message(body)):
        return msgspec.structs.replace(dialect, stream_options=False)
    if dialect.limit_field == "max_tokens" and _MAX_TOKENS_REFUSED.search(words):
        return msgspec.structs.replace(dialect, limit_field="max_completion_tokens")
    raise problem


def compose(request: GenerationRequest, dialect: Dialect, kind: Kind) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """Return path, body and the notes on what was left out."""
    options = dict(request.options)
    forced = options.pop("extra_body", {})
    if request.seed is not None:
        options["seed"] = request.seed
    taken = {name: value for name, value in options.items() if kind.extra_fields or name in STANDARD_FIELDS}
    left_out = ", ".join(sorted(options.keys() - taken.keys()))
    payload: dict[str, Any] = {"model": request.model, "stream": True}
    if request.messages:
        path = "/v1/chat/completions"
        payload["messages"] = [{"role": role, "content": content} for role, content in request.messages]
    else:
        path = "/v1/completions"
        payload["prompt"] = request.prompt
    fields = {
        dialect.limit_field if request.messages else "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "stop": list(request.stop) or None,
        "stream_options": _stream_options(kind) if dialect.stream_options else None,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    notes = (f"left out, since not every server takes it: {left_out}",) if left_out else ()
    return path, given | taken | forced | payload, notes


def _stream_options(kind: Kind) -> dict[str, bool]:
    wanted = {"include_usage": True}
    if kind.continuous_usage:
        wanted["continuous_usage_stats"] = True
    return wanted
