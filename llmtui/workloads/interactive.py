"""Workload `interactive`: a story is continued, and somebody reads along.

Sends: the beginning of a story, again and again, each time unique to the prompt cache, for 500 tokens. Measures: the
figures of each request. Judges: the longest wait for a first token, the lowest decode rate, and how much the time per
token varies between the answers (coefficient of variation of TPOT).
"""

from collections.abc import Iterator, Sequence

from llmtui import wording
from llmtui.events import Criterion
from llmtui.suites.kinds.everyday import QUICK_TOKENS, Interactive
from llmtui.workloads.asking import all_of, ask, hopeless, outcome_of, variation_criterion, with_system
from llmtui.workloads.base import Bench, Generation, NeedsOnlyServer, Outcome

_WORDS = {True: "fit to read along", False: "not fit to read along", None: "not judged"}


class InteractiveWorkload(NeedsOnlyServer):
    """Runs `llmtui.suites.schema.Interactive`."""

    async def run(self, spec: Interactive, bench: Bench) -> Outcome:
        """Ask for every continuation, then judge."""
        total = spec.planned_requests
        answers: list[Generation] = []
        bench.progress("measuring", 0, total)
        for number in range(total):
            generation = await ask(
                spec,
                bench,
                with_system(spec.system, spec.prompt),
                most_tokens=QUICK_TOKENS if spec.quick else None,
                unique=True,
                task=f"continuation-{number + 1}",
            )
            answers.append(generation)
            if hopeless(generation):
                break
            bench.progress("measuring", number + 1, total)
        done = [answer for answer in answers if answer.status == "done"]
        criteria = interactive_criteria(spec, done)
        if done:
            verdict = _WORDS[all_of(criteria)]
            bench.verdict_reached(verdict, _sentence(verdict, done), tuple(_evidence(spec, done)), criteria)
        return outcome_of([answer for answer in answers if answer.status != "done"], total, "requests", criteria)


def interactive_criteria(spec: Interactive, done: Sequence[Generation]) -> tuple[Criterion, ...]:
    """Return what the answers had to keep. An answer without a figure leaves its criterion open, unless another fails.

    The worst answer counts: whoever waits for it is not helped by the others.
    """
    waits = [answer.figures.ttft_ns for answer in done]
    rates = [answer.figures.decode_rate for answer in done]
    longest = max((wait for wait in waits if wait is not None), default=None)
    slowest = min((rate for rate in rates if rate is not None), default=None)
    limit_ns = spec.max_ttft_s * 1e9
    return (
        _criterion(
            "first token",
            f"after {wording.duration(longest)} at the latest; allowed is {wording.duration(limit_ns)}",
            passed=None if longest is None else longest <= limit_ns,
            unknown=waits.count(None),
        ),
        _criterion(
            "rate",
            f"{wording.rate(slowest)} tok/s at the slowest; needed is {wording.rate(spec.min_rate)}",
            passed=None if slowest is None else slowest >= spec.min_rate,
            unknown=rates.count(None),
        ),
        variation_criterion(
            [answer.figures.tpot_ns for answer in done if answer.figures.tpot_ns is not None],
            spec.max_variation,
            "the time per token",
        ),
    )


def _criterion(name: str, text: str, *, passed: bool | None, unknown: int) -> Criterion:
    if passed is None:
        return Criterion(name=name, passed=None, text="not evaluated: no answer has this figure")
    if unknown and passed:
        return Criterion(name=name, passed=None, text=f"not evaluated: unknown for {unknown} answers; else {text}")
    return Criterion(name=name, passed=passed, text=text)


def _sentence(verdict: str, done: Sequence[Generation]) -> str:
    return f"{verdict}: {len(done)} continuations, judged by the worst of them"


def _evidence(spec: Interactive, done: Sequence[Generation]) -> Iterator[str]:
    """Yield what a reader should know of the answers themselves."""
    wanted = min(QUICK_TOKENS, spec.max_tokens) if spec.quick else spec.max_tokens
    short = [answer.figures.tokens or 0 for answer in done if (answer.figures.tokens or 0) < wanted]
    if short:
        yield f"{len(short)} of {len(done)} answers ended before {wanted} tokens, the shortest with {min(short)}"
