"""The shape of the workload `sweep`."""

from collections.abc import Iterator
from typing import Literal

from llmtui.suites.kinds.base import Generating


class Sweep(Generating, frozen=True, kw_only=True, tag="sweep"):
    """What is asked at each point of the suite's `grid`: each prompt is one measured request, one after another.

    Any other kind can be swept as well; this one has a prompt of its own. `quick` asks the first prompt alone, for 24
    tokens. `prompt_cache` is as for `generate`.
    """

    prompts: tuple[str, ...] = (
        "Explain to a ten-year-old how a lighthouse warns ships, and why each one blinks in its own way.",
    )
    quick: bool = False
    prompt_cache: Literal["avoid", "allow"] = "avoid"

    @property
    def planned_requests(self) -> int:
        """How many measured requests a job plans."""
        return 1 if self.quick else len(self.prompts)


def sweep_problems(spec: Sweep) -> Iterator[str]:
    """Yield problems that begin with the name of the key and its closing quote."""
    if not spec.prompts:
        yield "prompts` is empty; give one prompt at least"
