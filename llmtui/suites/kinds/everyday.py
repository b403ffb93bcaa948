"""What people do with a model every day: ask it to learn, talk to it, let it work through a pile, ask it twice."""

from collections.abc import Iterator
from typing import Literal

from llmtui.suites.kinds.base import Generating

QUICK_TOKENS = 32
"""The longest answer of a quick run."""

CONTINUATION = (
    "Continue this story for about 400 words. Do not end it, and do not comment on it.\n\n"
    "The ferry to the outer island had not run for nine days when Marit found the second letter. It lay where the "
    "first one had lain, under the brass bell at the end of the pier, folded around a key that was too large for any "
    "door she knew. The handwriting was her grandmother's, but the ink was still wet. Behind her the fog came in over "
    "the harbour, and somewhere in it, slowly and quite close, a pair of oars began to knock against their pins."
)

QUESTION = "Describe in three sentences how a bicycle stays upright while it is ridden."


class Student(Generating, frozen=True, kw_only=True, tag="student"):
    """Ask what pupils of 11 to 18 ask who learn to program: twelve questions, short, medium, long and follow-up.

    A follow-up carries the conversation of the first short question. Between two questions a pause of `pause_s` is
    made. `system` is what makes the model a patient teacher, if not given a text of llmtui's own. `prompt_cache`
    "avoid" begins each request with a line of its own; with "allow" a server may know its beginning from the one
    before. `quick` asks one question of each category, for at most 32 tokens. Measures only; nothing is judged.
    """

    max_tokens: int = 1024
    pause_s: float = 0.5
    prompt_cache: Literal["avoid", "allow"] = "avoid"
    quick: bool = False

    @property
    def planned_requests(self) -> int:
        """One question of each of four categories, or three."""
        return 4 if self.quick else 12


class Interactive(Generating, frozen=True, kw_only=True, tag="interactive"):
    """Let a story be continued for 500 tokens, `requests` times, as somebody would who waits and reads along.

    Passes when in every answer the first token came within `max_ttft_s` and the rest at `min_rate` tokens a second or
    more, and when the timing varied by no more than `max_variation` between the answers: the coefficient of variation
    (standard deviation over mean) of the time per token (TPOT), which does not depend on how long an answer is.
    `quick` asks three times for at most 32 tokens.
    """

    prompt: str = CONTINUATION
    max_tokens: int = 500
    requests: int = 5
    max_ttft_s: float = 30.0
    min_rate: float = 2.0
    max_variation: float = 0.2
    quick: bool = False

    @property
    def planned_requests(self) -> int:
        """As many answers."""
        return min(self.requests, 3) if self.quick else self.requests


class Batch(Generating, frozen=True, kw_only=True, tag="batch"):
    """Let `documents` different texts of `least_tokens` to `most_tokens` be summarised, one after another.

    Passes when the times varied by no more than `max_variation`. The documents differ in length, so each time is taken
    over the one that its length lets expect at the pace of this job; what varies is that ratio (coefficient of
    variation). The trend of the server's memory is told; with `max_growth` it also has to keep that: it must not surely
    grow by more than such a share of itself over the job. A server that keeps prompts for later, as llama.cpp's does,
    grows until its cache is full. The texts are composed by `text_seed`, the same ones for the same seed. `quick` takes
    six documents, for at most 32 tokens each.
    """

    documents: int = 30
    least_tokens: int = 200
    most_tokens: int = 500
    text_seed: int = 1
    max_variation: float = 0.2
    max_growth: float | None = None
    quick: bool = False

    @property
    def planned_requests(self) -> int:
        """One for each document."""
        return min(self.documents, 6) if self.quick else self.documents


class Consistency(Generating, frozen=True, kw_only=True, tag="consistency"):
    """Send the same prompt `repeats` times at each of `temperatures`, and see how much the answers differ.

    At temperature 0 each request has the same `seed`; above it the seeds count up from it, since the same one would
    give the same answer. The prompts are sent as they are, so a server may answer from its prompt cache, which is one
    of the reasons for which answers at temperature 0 differ. With `min_identical` it passes when at temperature 0 at
    least that share of the answers is the same; without it nothing is judged. `quick` sends three at each temperature,
    for at most 32 tokens.
    """

    prompt: str = QUESTION
    temperatures: tuple[float, ...] = (0.0, 0.7)
    repeats: int = 10
    min_identical: float | None = None
    quick: bool = False

    @property
    def planned_requests(self) -> int:
        """So many at each temperature."""
        return len(self.temperatures) * self.planned_repeats

    @property
    def planned_repeats(self) -> int:
        """How often the prompt is sent at one temperature."""
        return min(self.repeats, 3) if self.quick else self.repeats


Everyday = Student | Interactive | Batch | Consistency


def everyday_problems(workload: object) -> Iterator[str]:
    """Yield what is wrong, each beginning with the name of the key and its closing quote."""
    leasts = {"pause_s": 0, "requests": 2, "documents": 4, "least_tokens": 20, "repeats": 2}
    for name, least in leasts.items():
        value = getattr(workload, name, None)
        if value is not None and value < least:
            yield f"{name}` is {value:g}; it must be at least {least}"
    for name in ("max_ttft_s", "min_rate", "max_variation", "max_growth"):
        value = getattr(workload, name, None)
        if value is not None and not value > 0:
            yield f"{name}` is {value:g}; it must be above 0"
    if isinstance(workload, Batch) and workload.most_tokens < workload.least_tokens:
        yield f"most_tokens` is {workload.most_tokens}; it must be at least `least_tokens`, {workload.least_tokens}"
    if isinstance(workload, Consistency):
        yield from _consistency_problems(workload)


def _consistency_problems(workload: Consistency) -> Iterator[str]:
    if not workload.temperatures:
        yield "temperatures` is empty; give one temperature at least"
    if workload.temperature != 0:
        yield "temperature` has no effect here; give a list of them in `temperatures`"
    for temperature in workload.temperatures:
        if not 0 <= temperature <= 10:  # noqa: PLR2004 - more is a slip of the pen
            yield f"temperatures` has {temperature:g}; a temperature is from 0 to 10"
        if workload.temperatures.count(temperature) > 1:
            yield f"temperatures` has {temperature:g} twice"
    if workload.min_identical is not None:
        if not 0 < workload.min_identical <= 1:
            yield f"min_identical` is {workload.min_identical:g}; it must be above 0 and at most 1"
        if 0 not in workload.temperatures:
            yield "min_identical` is about temperature 0, which `temperatures` does not have"
