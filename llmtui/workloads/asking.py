"""What workloads share that send one request after another: the request itself, and what failures make of a job."""

from collections.abc import Sequence

from llmtui import wording
from llmtui.events import Criterion
from llmtui.metrics.statistics import coefficient_of_variation
from llmtui.suites.kinds.base import Generating
from llmtui.workloads.base import Bench, Generation, Messages, Outcome

HOPELESS = frozenset({"unreachable", "refused", "no_model", "bad_request", "not_supported"})
"""Problems that the next request would have as well."""


def hopeless(generation: Generation) -> bool:
    """Whether a request failed in a way in which the next one would fail as well."""
    return generation.status != "done" and generation.problem_kind in HOPELESS


async def ask(
    spec: Generating,
    bench: Bench,
    messages: Messages,
    *,
    most_tokens: int | None = None,
    unique: bool = False,
    task: str = "",
    category: str = "",
) -> Generation:
    """Send one request with the sampling of `spec`, for at most `most_tokens` if that is less than the suite gives."""
    return await bench.generate(
        messages,
        max_tokens=spec.max_tokens if most_tokens is None else min(most_tokens, spec.max_tokens),
        temperature=spec.temperature,
        seed=spec.seed,
        stop=spec.stop,
        options=dict(spec.options),
        unique=unique,
        task=task,
        category=category,
    )


def with_system(system: str | None, prompt: str) -> Messages:
    """Return a prompt after the system prompt, if there is one."""
    user = ("user", prompt)
    return (user,) if system is None else (("system", system), user)


def outcome_of(
    failures: Sequence[Generation], planned: int, what: str, criteria: Sequence[Criterion] | None = None
) -> Outcome:
    """Return how a job ended of whose `planned` requests, called `what`, some failed; None: it has no criteria.

    A job in which one failed may have failed its criteria, and can't have passed them.
    """
    passed = None if criteria is None else all_of(criteria)
    if failures:
        reason = f"{failures[0].problem} ({len(failures)} of {planned} {what} got no answer)"
        return Outcome(status="failed", reason=reason, passed=False if passed is False else None)
    return Outcome(passed=passed)


def all_of(criteria: Sequence[Criterion]) -> bool | None:
    """Return False when one failed, None when one could not be judged, True when all passed."""
    if any(criterion.passed is False for criterion in criteria):
        return False
    return None if any(criterion.passed is None for criterion in criteria) else True


def variation_criterion(values: Sequence[float], most: float, what: str) -> Criterion:
    """Return whether `what` varied by at most `most`, as its coefficient of variation over at least two values."""
    found = coefficient_of_variation(values)
    if found is None:
        text = f"not evaluated: {len(values)} of the answers have a known time, too few to show how much it varies"
        return Criterion(name="variation", passed=None, text=text)
    varied, allowed = wording.percent(found, 1), wording.percent(most)
    text = f"{what} varied by {varied} (coefficient of variation over {len(values)}); allowed is {allowed}"
    return Criterion(name="variation", passed=found <= most, text=text)
