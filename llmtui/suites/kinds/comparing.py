"""The same prompts for several models, one model after another or several at once."""

from collections.abc import Iterator
from typing import Literal

from llmtui.suites.kinds.base import Generating

MOST_TOGETHER = 5
"""More models than these are not asked at the same time."""

QUICK_TOKENS = 32
"""The longest answer of a quick run."""

PROMPTS = (
    "Explain to a new colleague, in about ten sentences, how a refrigerator keeps food cold.",
    "Write a Python function that returns the three most frequent words of a text, and explain it in two sentences.",
)


class CompareModels(Generating, frozen=True, kw_only=True, tag="compare-models"):
    """Ask each model the same prompts: those of the suite's `models`, or of `--model`, that its targets have.

    With `mode` "serial" each model is a job, alone in memory: whatever else the targets hold is unloaded first and not
    loaded again, and the model is unloaded when it has answered; the server's own list tells whether it is gone. With
    "parallel" up to `together` models are a job: loaded one after another, asked at the same time, unloaded before the
    next ones, unless they were in memory before. Each embedded model then has a server of its own, with its share of
    the cores. A server that can't unload keeps its model, and the summary says so. `prompt_cache` "avoid" begins each
    prompt with a line that this run alone has, the same for all models; "allow" sends the prompts as they are. `quick`
    asks only the first prompt, for at most 32 tokens. Nothing is judged.
    """

    prompts: tuple[str, ...] = PROMPTS
    mode: Literal["serial", "parallel"] = "serial"
    together: int = MOST_TOGETHER
    max_tokens: int = 256
    prompt_cache: Literal["avoid", "allow"] = "avoid"
    quick: bool = False

    @property
    def asked(self) -> tuple[str, ...]:
        """The prompts that are sent."""
        return self.prompts[:1] if self.quick else self.prompts

    @property
    def answer_tokens(self) -> int:
        """How long an answer may be."""
        return min(self.max_tokens, QUICK_TOKENS) if self.quick else self.max_tokens

    @property
    def planned_requests(self) -> int:
        """As many as there are prompts, for one model."""
        return len(self.asked)


def comparing_problems(comparison: CompareModels) -> Iterator[str]:
    """Yield problems that begin with the name of the key and its closing quote."""
    if not comparison.prompts:
        yield "prompts` is empty; give one prompt at least"
    if not 1 <= comparison.together <= MOST_TOGETHER:
        yield f"together` is {comparison.together}; it must be from 1 to {MOST_TOGETHER}"
