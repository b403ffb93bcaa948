"""The shape of the workload `report`."""

from collections.abc import Iterator
from typing import Literal

from llmtui.suites.kinds.base import Generating


class Report(Generating, frozen=True, kw_only=True, tag="report"):
    """Ask for one technical report about `topic`, of `least_words` to `most_words` words.

    Made for a comparison: give the suite `variants`, of which the first is the baseline. Passes when the answer came to
    its own end and has as many words as asked for; what a model thinks aloud is not counted. `quick` ends the answer
    after 32 tokens, and judges nothing. `reload` loads the model anew before each run, where the server can be told to,
    so that its load time is measured as often as all else. `prompt_cache` is as for `generate`.
    """

    topic: str = "how a small town library could run a language model on a computer of its own"
    least_words: int = 800
    most_words: int = 1000
    max_tokens: int = 2048
    quick: bool = False
    reload: bool = False
    prompt_cache: Literal["avoid", "allow"] = "avoid"

    @property
    def planned_requests(self) -> int:
        """How many measured requests a job plans."""
        return 1


def report_problems(spec: Report) -> Iterator[str]:
    """Yield problems that begin with the name of the key and its closing quote."""
    if spec.least_words < 1:
        yield f"least_words` is {spec.least_words}; it must be at least 1"
    if spec.most_words < spec.least_words:
        yield f"most_words` is {spec.most_words}; it must be at least `least_words`, {spec.least_words}"
    if not spec.topic.strip():
        yield "topic` is empty; say what the report is to be about"
