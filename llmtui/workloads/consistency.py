"""Workload `consistency`: the same prompt again and again, to see how much the answers differ.

Sends: one prompt, as it is, several times at each temperature; above 0 each time with another seed. Measures: the
figures of each request, and for each answer whether it is the usual one at its temperature and how far it is from the
others (edit distance over the length of the longer one). Judges: if the suite gives a limit, the share of same answers
at temperature 0.
"""

from collections.abc import Sequence
from functools import partial

import msgspec

from llmtui import wording
from llmtui.events import Criterion
from llmtui.metrics.sameness import Likeness, likenesses
from llmtui.suites.kinds.everyday import QUICK_TOKENS, Consistency
from llmtui.workloads.asking import ask, hopeless, outcome_of, with_system
from llmtui.workloads.base import Bench, Generation, NeedsOnlyServer, Outcome


class ConsistencyWorkload(NeedsOnlyServer):
    """Runs `llmtui.suites.schema.Consistency`."""

    async def run(self, spec: Consistency, bench: Bench) -> Outcome:
        """Ask at each temperature in turn; what is known of one stands in the log before the next begins."""
        failures: list[Generation] = []
        criteria: tuple[Criterion, ...] = ()
        bench.progress("measuring", 0, spec.planned_requests)
        for place, temperature in enumerate(spec.temperatures):
            answers = await _answers(spec, bench, temperature, place * spec.planned_repeats)
            failures += [answer for answer in answers if answer.status != "done"]
            done = [answer for answer in answers if answer.status == "done"]
            # Long answers are compared in a thread: nothing here may make the engine late for the next token.
            alike = await bench.apart(partial(likenesses, [_said(answer) for answer in done]))
            for answer, likeness in zip(done, alike, strict=True):
                _score(bench, temperature, answer, likeness)
            if temperature == 0:
                criteria = _judge(spec, bench, done, alike)
            if any(map(hopeless, answers)):
                break
        return outcome_of(failures, spec.planned_requests, "requests", None if spec.min_identical is None else criteria)


async def _answers(spec: Consistency, bench: Bench, temperature: float, before: int) -> list[Generation]:
    answers: list[Generation] = []
    for number in range(spec.planned_repeats):
        seed = spec.seed if temperature == 0 or spec.seed is None else spec.seed + number
        generation = await ask(
            msgspec.structs.replace(spec, temperature=temperature, seed=seed),
            bench,
            with_system(spec.system, spec.prompt),
            most_tokens=QUICK_TOKENS if spec.quick else None,
            task=f"answer-{number + 1}",
            category=category_of(temperature),
        )
        answers.append(generation)
        if hopeless(generation):
            break
        bench.progress("measuring", before + number + 1, spec.planned_requests)
    return answers


def category_of(temperature: float) -> str:
    """Return what the log calls the group of answers at a temperature."""
    return f"temperature {temperature:g}"


def _said(answer: Generation) -> str:
    """Return what is compared: the answer, or of one that was cut off before it the reasoning."""
    return answer.text or answer.reasoning


def _score(bench: Bench, temperature: float, answer: Generation, likeness: Likeness) -> None:
    same = "the usual answer" if likeness.usual else "not the usual answer"
    empty = "" if answer.text else "; it has reasoning only" if answer.reasoning else "; it is empty"
    bench.answer_scored(
        answer.request,
        task=category_of(temperature),
        category=category_of(temperature),
        score=1 - likeness.distance,
        passed=likeness.usual,
        detail=f"{same}, {wording.percent(likeness.distance, 1)} of its characters from the others{empty}",
    )


def _judge(
    spec: Consistency, bench: Bench, done: Sequence[Generation], alike: Sequence[Likeness]
) -> tuple[Criterion, ...]:
    """Log what is to be said of temperature 0, and return what it had to keep."""
    if len(done) < 2:  # noqa: PLR2004 - one answer is like itself
        text = f"not evaluated: {len(done)} answers at temperature 0 are too few to compare"
        return (Criterion(name="same answers", passed=None, text=text),)
    usual = sum(likeness.usual for likeness in alike)
    share = usual / len(alike)
    verdict = "same answers" if usual == len(alike) else "different answers"
    same = f"{usual} of {len(alike)} answers are the same ({wording.percent(share)})"
    told = same if usual else "no two answers are the same"
    sentence = f"{verdict}: at temperature 0 {told}"
    criteria: tuple[Criterion, ...] = ()
    if spec.min_identical is not None:
        text = f"{wording.percent(share)} at temperature 0; needed is {wording.percent(spec.min_identical)}"
        criteria = (Criterion(name="same answers", passed=share >= spec.min_identical, text=text),)
    bench.verdict_reached(verdict, sentence, (), criteria)
    return criteria
