"""What a run over growing contexts says: the largest usable one, and whether load and memory kept their limits."""

from collections.abc import Sequence
from typing import NamedTuple

from llmtui import wording
from llmtui.events import ContextOutcome, Criterion


class MeasuredContext(NamedTuple):
    """A context that was measured.

    `load_ns` is the loading of the model and the time to the first token together, None where no text came;
    `swapped_in` are bytes, None where they can't be read; `ran_out` is why the memory did not suffice.
    """

    size: int
    load_ns: int | None
    swapped_in: float | None
    ran_out: str | None = None


class ContextLimit(NamedTuple):
    """Why no greater context was tried."""

    outcome: ContextOutcome
    reason: str


class ContextVerdict(NamedTuple):
    """The verdict in a word, a sentence, its evidence and each criterion."""

    verdict: str
    sentence: str
    evidence: tuple[str, ...]
    criteria: tuple[Criterion, ...]

    @property
    def passed(self) -> bool:
        """Whether no criterion failed."""
        return all(criterion.passed is not False for criterion in self.criteria)


def judge_contexts(
    measured: Sequence[MeasuredContext], limit: ContextLimit | None, max_load_s: float, unread: str
) -> ContextVerdict:
    """Judge what was measured, in the order of size; `unread` is why the swap could not be read, where it could not."""
    usable = [each.size for each in measured if usable_context(each, max_load_s)]
    if usable:
        verdict = f"usable to {usable[-1]}"
        sentence = f"the largest usable context that was tried has {usable[-1]} tokens"
    else:
        verdict, sentence = "none usable", "no context that was tried is usable"
    evidence = f"it ends there: {limit.reason}" if limit else "every size that was asked for was measured"
    criteria = (_load_criterion(measured, max_load_s), _memory_criterion(measured, limit, unread))
    return ContextVerdict(verdict, sentence, (evidence,), criteria)


def usable_context(measured: MeasuredContext, max_load_s: float) -> bool:
    """Whether a context was loaded in time and fitted into the memory."""
    return measured.load_ns is not None and measured.load_ns <= max_load_s * 1e9 and measured.ran_out is None


def _load_criterion(measured: Sequence[MeasuredContext], max_load_s: float) -> Criterion:
    times = [(each.load_ns, each.size) for each in measured if each.load_ns is not None]
    if not times:
        return Criterion(name="load", passed=None, text="not evaluated: no text came")
    slowest, size = max(times)
    text = f"{size} tokens took {wording.duration(slowest)} to load, allowed are {max_load_s:g} s"
    return Criterion(name="load", passed=slowest <= max_load_s * 1e9, text=text)


def _memory_criterion(measured: Sequence[MeasuredContext], limit: ContextLimit | None, unread: str) -> Criterion:
    if limit is not None and limit.outcome == "out of memory":
        return Criterion(name="memory", passed=False, text=limit.reason)
    known = [each.swapped_in for each in measured if each.swapped_in is not None]
    if len(known) < len(measured):
        return Criterion(name="memory", passed=None, text=f"not evaluated: {unread}")
    return Criterion(name="memory", passed=True, text=f"{wording.size(sum(known))} came back from the swap")
