"""The tables by which results are rated, read in plain words, and recommended. Data, and nothing else."""

from typing import Literal, NamedTuple

Level = Literal["excellent", "good", "acceptable", "poor", "failed"]
Sense = Literal["at most", "at least", "share"]
"""Whether a threshold is an upper limit, a lower one, or a share in percent that is to be reached."""

LEVELS: tuple[tuple[Level, float], ...] = (("excellent", 0.5), ("good", 0.2), ("acceptable", 0.0), ("poor", -0.5))
"""Each level with the margin that every threshold needs for it, the best first; what has less has failed."""

LEVELS_TEXT = (
    "excellent: every threshold beaten by 50 %, good: by 20 %, acceptable: kept, poor: missed, "
    "failed: missed by more than 50 %"
)


class Threshold(NamedTuple):
    """A figure that a kind of job has to keep: `parameter` is the key of the job that holds the limit."""

    figure: str
    parameter: str
    sense: Sense
    label: str


THRESHOLDS: dict[str, tuple[Threshold, ...]] = {
    "interactive": (
        Threshold("slowest_ttft_s", "max_ttft_s", "at most", "first token"),
        Threshold("slowest_rate", "min_rate", "at least", "tokens/s"),
        Threshold("variation", "max_variation", "at most", "variation"),
    ),
    "long_context": (Threshold("longest_loading_s", "max_load_s", "at most", "loading of a context"),),
    "batch": (Threshold("variation", "max_variation", "at most", "variation"),),
    "quality": (
        Threshold("right_math", "pass_marks.math", "share", "math"),
        Threshold("right_reading", "pass_marks.reading", "share", "reading"),
        Threshold("right_reasoning", "pass_marks.reasoning", "share", "reasoning"),
        Threshold("right_format", "pass_marks.format", "share", "format"),
    ),
}
"""By the kind of job: what it is rated by."""


class Band(NamedTuple):
    """Values below `below` (None: all that are left) read as `words`."""

    below: float | None
    words: str


class Scale(NamedTuple):
    """How a figure is read in plain words; `unit` follows the value."""

    unit: str
    bands: tuple[Band, ...]


GIB = 1024.0**3

SCALES: dict[str, Scale] = {
    "decode_rate": Scale(
        "tokens/s",
        (
            Band(2, "slower than most people type"),
            Band(5, "slow but readable, like careful dictation"),
            Band(10, "about as fast as reading aloud"),
            Band(20, "as fast as most people read"),
            Band(40, "faster than most people read"),
            Band(None, "nearly instant"),
        ),
    ),
    "ttft_s": Scale(
        "s",
        (
            Band(0.5, "answers at once"),
            Band(2, "a short breath before it answers"),
            Band(10, "a pause that one notices"),
            Band(30, "long enough to look away"),
            Band(None, "too long for a conversation"),
        ),
    ),
    "loading_s": Scale(
        "s",
        (
            Band(5, "a document is at hand at once"),
            Band(15, "a document is at hand after a moment"),
            Band(60, "worth it when several questions follow"),
            Band(None, "time to get a coffee"),
        ),
    ),
    "memory": Scale(
        "B",
        (
            Band(2 * GIB, "fits beside other programs on a small machine"),
            Band(6 * GIB, "fits a machine of 8 GiB"),
            Band(12 * GIB, "fits a machine of 16 GiB"),
            Band(28 * GIB, "fits a machine of 32 GiB"),
            Band(None, "needs a large workstation"),
        ),
    ),
    "documents_hour": Scale(
        "documents an hour",
        (
            Band(30, "a few documents over a meal, a pile over night"),
            Band(120, "a document in a minute or so"),
            Band(600, "a pile in an hour"),
            Band(None, "an archive in a day"),
        ),
    ),
    "temperature": Scale(
        "°C",
        (
            Band(60, "cool"),
            Band(75, "warm, as is usual under load"),
            Band(85, "hot, but within what most devices bear"),
            Band(95, "close to where devices slow down"),
            Band(None, "hot enough to slow down or switch off"),
        ),
    ),
}
"""By the figure: what its values mean to somebody who does not measure for a living."""


class Use(NamedTuple):
    """What a model may be recommended for. The greatest `figure` decides; of equal ones `then`, the smallest first.

    A job of `kind` has to have been rated, and not as poor or failed; None: no rating is asked for.
    """

    name: str
    figure: str
    then: str
    kind: str | None
    how: str


USES: tuple[Use, ...] = (
    Use("interactive", "interactive_rate", "slowest_ttft_s", "interactive", "llmtui run interactive"),
    Use("long context", "usable_context", "loading_s", "long_context", "llmtui run long_context"),
    Use("batch", "documents_hour", "memory", "batch", "llmtui run batch"),
    Use("accuracy-critical", "right_share", "ttft_s", "quality", "llmtui run quality"),
    Use("overall", "cost_benefit", "memory", None, "llmtui run quality"),
)
"""What is recommended, in the order in which it is told."""

TITLES: dict[str, str] = {
    "decode_rate": "tokens/s",
    "interactive_rate": "tokens/s while somebody reads along",
    "ttft_s": "first token",
    "slowest_ttft_s": "slowest first token",
    "usable_context": "tokens of usable context",
    "loading_s": "loading of the largest usable context",
    "documents_hour": "documents an hour",
    "right_share": "right answers",
    "memory": "memory",
    "temperature": "temperature",
    "cost_benefit": "points of cost-benefit",
    "efficiency": "tokens/s x tokens of context / GB",
}
"""What each figure is called."""
