"""Which fields an OpenAI-compatible server takes, learnt from its rejections; no I/O."""

import re

import httpx
import msgspec

from llmtui.backends.base import BackendError
from llmtui.backends.problems import error_message

_REJECTIONS = frozenset({httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY})
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
