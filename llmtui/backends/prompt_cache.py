"""How many tokens of a prompt a server may have found in its cache, for servers that do not say.

Ollama counts cached prompt tokens as evaluated but leaves their time out, so a prefill rate from its counters is too
high by an unknown factor. What we sent ourselves bounds that factor: no cached prefix is longer than what the prompt
shares with an earlier one.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from llmtui.backends.base import GenerationRequest

# A cached prefix that reaches this far is taken to reach to the end, so that a long run holds no long texts.
_COMPARED_BYTES = 256


class SentPrompt(msgspec.Struct, eq=False):
    """A prompt that went to a model: its first bytes, and its token counts once the server told them."""

    head: bytes
    raw: bool
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class PromptCache:
    """The prompts that one client sent to each model since that client loaded it.

    The bound holds as long as nobody else uses the server. A model that was loaded by somebody else has none.
    """

    def __init__(self) -> None:
        self._sent: dict[str, list[SentPrompt]] = {}

    def start_empty(self, model: str) -> None:
        """`model` was loaded just now, with nothing in its cache."""
        self._sent[model] = []

    def forget(self, model: str) -> None:
        """What the cache of `model` holds is not known any more."""
        self._sent.pop(model, None)

    def begin(self, request: GenerationRequest, settings: Mapping[str, Any]) -> SentPrompt:
        """Remember a request before it is sent. `settings` are those that go into the prompt, such as `system`."""
        # The chat template puts settings first, and so they come first here. The first role belongs to the template.
        first, *others = [part for turn in request.messages for part in turn][1:] or [request.prompt or ""]
        text = "\0".join([*(f"{key}={settings[key]!r}" for key in sorted(settings)), first, *others])
        sent = SentPrompt(text.encode("utf-8", "surrogatepass")[:_COMPARED_BYTES], bool(settings.get("raw")))
        if request.model in self._sent:
            self._sent[request.model].append(sent)
        return sent

    def bound(self, model: str, sent: SentPrompt) -> int | None:
        """Return the most tokens of `sent` that can have been cached, or None where no bound is known."""
        prompts = self._sent.get(model, [])
        if sent not in prompts:
            return None
        others = [other for other in prompts if other is not sent]
        if any(other.raw != sent.raw for other in others):
            return None  # a raw prompt can spell out a template, and then shares more than the texts show
        # Every prompt holds the whole template head, so that head is no longer than the shortest prompt.
        counts = [prompt.prompt_tokens for prompt in prompts if prompt.prompt_tokens is not None]
        if not counts:
            return 0 if not others else None
        shares = [_shared(sent.head, other, min(counts)) for other in others]
        return None if None in shares else max((share for share in shares if share is not None), default=0)


def _shared(head: bytes, other: SentPrompt, template_tokens: int) -> int | None:
    """Bound the tokens that the prompt starting with `head` has in common with `other` and its answer."""
    shorter = min(len(head), len(other.head))
    common = next((at for at in range(shorter) if head[at] != other.head[at]), shorter)
    if common < shorter:
        return template_tokens + common  # a token covers at least one byte
    if other.prompt_tokens is None or other.completion_tokens is None:
        return None
    return other.prompt_tokens + other.completion_tokens
