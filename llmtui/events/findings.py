"""What a job found out, beyond the figures of its single requests."""

from typing import Literal

from llmtui.events.base import Event
from llmtui.events.payloads import Criterion, OfferedLoad, TokenBasis

ContextOutcome = Literal["measured", "does not fit", "out of memory", "failed", "not tried"]


class AnswerScored(Event, frozen=True, kw_only=True):
    """Code has scored an answer. `score` is from 0 to 1, `detail` one sentence on what was right or wrong.

    `task` names the question within the suite, `category` the group in which it counts. `parts` are the figures of
    which a score is made, where it has several.
    """

    job: str
    request: str
    task: str
    category: str
    score: float
    passed: bool
    detail: str
    parts: dict[str, float] = {}


class StepFinished(Event, frozen=True, kw_only=True):
    """One level of load was held and measured.

    The window `[window_start, window_end]` (ns since the origin) leaves warm-up and cool-down out: `requests` are those
    that were due in it, `failed` those of them that failed, `good` those that kept the SLO (None: there is none).
    `token_rate` is the tokens that arrived in the window by its length, over all streams; `request_rate` and `goodput`
    are answers, and answers that kept the SLO, by the same length. `in_flight` is the mean number of requests under
    way in the window.
    """

    job: str
    step: int
    load: OfferedLoad
    window_start: int
    window_end: int
    requests: int
    failed: int = 0
    good: int | None = None
    token_rate: float | None = None
    request_rate: float | None = None
    goodput: float | None = None
    in_flight: float | None = None
    kept_slo: bool | None = None
    notes: tuple[str, ...] = ()


class CapacityFound(Event, frozen=True, kw_only=True):
    """The search of a job ended: `load` is the highest that kept the SLO, None when not even the lowest did."""

    job: str
    load: OfferedLoad | None
    sentence: str


class IntervalRecorded(Event, frozen=True, kw_only=True):
    """One record of a long run, over [start, end) in ns since the origin.

    `decode_rate` counts only gaps between chunks that lie wholly in the interval. `figures` holds the least, the mean
    and the greatest reading of each figure.
    """

    job: str
    start: int
    end: int
    tokens: int = 0
    decode_rate: float | None = None
    figures: dict[str, tuple[float, float, float]] = {}


class ContextTried(Event, frozen=True, kw_only=True):
    """A context of one size was filled and asked about, or not: then `reason` says why.

    `size` is the window in tokens; `text_tokens` is what was sent to fill it but for the room of template and answers,
    counted as `basis` says. `window` is what the server gives the model, `trained` what the model was trained for.
    `depths` are the shares of the text before the facts of the first and the second question, which `requests` names.
    `load_ns` is the loading of the model with a window of this size, None where one window serves all sizes.
    `swapped_in` are the bytes that came back from the swap meanwhile, None where that can't be read; `ran_out` is why
    the memory did not suffice, None where it did or nobody can tell.
    """

    job: str
    size: int
    outcome: ContextOutcome
    reason: str | None = None
    text_tokens: int | None = None
    basis: TokenBasis | None = None
    window: int | None = None
    trained: int | None = None
    depths: tuple[float, ...] = ()
    requests: tuple[str, ...] = ()
    load_ns: int | None = None
    load_source: Literal["server", "client"] | None = None
    swapped_in: float | None = None
    ran_out: str | None = None


class VerdictReached(Event, frozen=True, kw_only=True):
    """What a run says of the machine: the verdict in a word, a sentence, its evidence and each criterion."""

    job: str
    verdict: str
    sentence: str
    evidence: tuple[str, ...] = ()
    criteria: tuple[Criterion, ...] = ()
