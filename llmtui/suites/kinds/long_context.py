"""Workload `long_context` in a suite, and how each context is shared between the text and what comes beside it."""

from llmtui.suites.kinds.base import Generating

TEMPLATE_TOKENS = 64
"""Tokens that a chat template may put around the turns of a short conversation."""

QUESTION_TOKENS = 64
"""Tokens that the second question may have."""

SYSTEM_CHARACTERS_PER_TOKEN = 2
"""A system prompt has hardly more tokens than one for so many characters."""

LEAST_TEXT = 128
"""Tokens of text below which nothing could be hidden in it."""

QUICK_SIZES = (512, 1024)


class LongContext(Generating, frozen=True, kw_only=True, tag="long_context"):
    """Fill contexts of growing `sizes`, in tokens, with a text that hides two facts, and ask for them.

    A context is filled up to the room for the answers (`max_tokens` each) and the chat template. The second question
    finds the text in the prompt cache. Passes when each context that was measured was loaded within `max_load_s`, the
    time to its first token and the loading of the model with such a window together, and no memory ran out. The first
    context that breaks this is the last that is tried. `seed` draws the text too. `quick` tries 512 and 1024 tokens.
    """

    sizes: tuple[int, ...] = (4096, 8192, 16384, 32768, 65536)
    max_tokens: int = 64
    max_load_s: float = 60.0
    quick: bool = False

    @property
    def planned_requests(self) -> int:
        """Two questions to each context."""
        return 2 * len(sizes_of(self))


def room_of(spec: LongContext) -> int:
    """Return how many tokens of a context are kept free of text: for both answers, the template and what is asked."""
    system = len(spec.system or "") // SYSTEM_CHARACTERS_PER_TOKEN
    return 2 * spec.max_tokens + TEMPLATE_TOKENS + QUESTION_TOKENS + system


def sizes_of(spec: LongContext) -> tuple[int, ...]:
    """Return the sizes that are tried, in tokens."""
    return QUICK_SIZES if spec.quick else spec.sizes
