"""Workload `report`: one technical report of a given length, to compare settings by a long answer.

Sends: the system prompt, if any, and a request for a technical report of 800 to 1000 words with given sections.
Measures: the figures of the request, and how many words the answer has. Judges: whether the answer came to its own end
and has as many words as asked for; an answer is judged as it stands, in whatever language it is.
"""

from llmtui.events import Criterion
from llmtui.quality.answers import plain_answer
from llmtui.quality.shapes import words_of
from llmtui.suites.schema import Report
from llmtui.workloads.base import Bench, Generation, Messages, NeedsOnlyServer, Outcome

QUICK_TOKENS = 32
CUT_OFF = "length"
TASK = "report"
WORDS = "words"
"""The part of the score that holds the number of words."""

_PROMPT = """\
Write a technical report about {topic}.

The report is for engineers who have to decide and then build. Write {least} to {most} words of plain English, in full
sentences, with these six sections, each under a heading of its own:

1. Summary: the recommendation and the two facts that carry it.
2. Requirements: who uses the system, how many at a time, how long they may wait, what must not leave the house.
3. Options: three designs that could work, each with its hardware, its memory and its running cost.
4. Measurements: which figures decide, how to measure each one, and how often to repeat a measurement.
5. Risks: what can fail, how it would be noticed, and what to do about it.
6. Next steps: a list of six tasks in their order, each with the result that ends it.

Give every number its unit. Do not repeat yourself, do not write about this request, and end after the last section.
"""


class ReportWorkload(NeedsOnlyServer):
    """Runs `llmtui.suites.schema.Report`."""

    async def run(self, spec: Report, bench: Bench) -> Outcome:
        """Ask for the report and judge its length; without an answer there is no verdict."""
        bench.progress("measuring", 0, 1)
        generation = await bench.generate(
            _messages(spec),
            max_tokens=min(QUICK_TOKENS, spec.max_tokens) if spec.quick else spec.max_tokens,
            temperature=spec.temperature,
            seed=spec.seed,
            stop=spec.stop,
            options=dict(spec.options),
            unique=spec.prompt_cache == "avoid",
            task=TASK,
        )
        if generation.status != "done":
            return Outcome(status="failed", reason=generation.problem)
        bench.progress("measuring", 1, 1)
        return self._judge(spec, bench, generation)

    def _judge(self, spec: Report, bench: Bench, generation: Generation) -> Outcome:
        count = len(words_of(plain_answer(generation.text)))
        criteria = judge_report(spec, count, generation)
        passed = all(criterion.passed for criterion in criteria) if criteria else None
        bench.answer_scored(
            generation.request,
            task=TASK,
            category="",
            score=sum(bool(criterion.passed) for criterion in criteria) / max(1, len(criteria)),
            passed=bool(passed),
            detail="; ".join(criterion.text for criterion in criteria) or "a quick report is not judged",
            parts={WORDS: float(count)},
        )
        if criteria:
            sentence = f"the report has {count} words, asked for were {spec.least_words} to {spec.most_words}"
            bench.verdict_reached(_word(spec, count, generation), sentence, (), criteria)
        return Outcome(passed=passed)


def _word(spec: Report, count: int, generation: Generation) -> str:
    if generation.finish_reason == CUT_OFF:
        return "cut off"
    return "too short" if count < spec.least_words else "too long" if count > spec.most_words else "as asked"


def judge_report(spec: Report, count: int, generation: Generation) -> tuple[Criterion, ...]:
    """Return the criteria of a report with `count` words; a quick one, which is cut off on purpose, has none."""
    if spec.quick:
        return ()
    cut = generation.finish_reason == CUT_OFF
    end = f"it was cut off at {spec.max_tokens} tokens; raise max_tokens" if cut else "it came to its own end"
    enough = spec.least_words <= count <= spec.most_words
    asked = f"{count} words, asked for were {spec.least_words} to {spec.most_words}"
    return Criterion(name=WORDS, passed=enough, text=asked), Criterion(name="end", passed=not cut, text=end)


def _messages(spec: Report) -> Messages:
    text = _PROMPT.format(topic=spec.topic, least=spec.least_words, most=spec.most_words)
    user = ("user", text)
    return (user,) if spec.system is None else (("system", spec.system), user)
