"""Workload `quality`: questions with answers that code can judge, one after another.

Sends: the system prompt, if any, and each question of the chosen categories, at temperature 0 and with a seed unless
the suite says otherwise. Measures: the figures of each request, and how each answer was scored. Judges: whether each
category reached its pass mark.
"""

from collections import Counter

from llmtui.quality.judging import score_answer
from llmtui.quality.tasks import chosen_tasks
from llmtui.suites.schema import Category, Quality
from llmtui.workloads.asking import ask, hopeless, outcome_of, with_system
from llmtui.workloads.base import Bench, Generation, NeedsOnlyServer, Outcome


class QualityWorkload(NeedsOnlyServer):
    """Runs `llmtui.suites.schema.Quality`."""

    async def run(self, spec: Quality, bench: Bench) -> Outcome:
        """Ask every question. One that gets no answer leaves the job without a verdict, but not the others unasked."""
        tasks = chosen_tasks(spec.categories, quick=spec.quick)
        asked: Counter[Category] = Counter()
        right: Counter[Category] = Counter()
        failures: list[Generation] = []
        bench.progress("measuring", 0, len(tasks))
        for place, (category, task) in enumerate(tasks):
            messages = with_system(spec.system, task.question)
            generation = await ask(spec, bench, messages, task=task.name, category=category)
            if generation.status != "done":
                failures.append(generation)
                if hopeless(generation):
                    break
            else:
                score = score_answer(task.scorer, generation.text)
                cut = "; the answer was cut off at max_tokens" if generation.finish_reason == "length" else ""
                bench.answer_scored(
                    generation.request,
                    task=task.name,
                    category=category,
                    score=score.score,
                    passed=score.passed,
                    detail=f"{score.detail}{cut}",
                )
                asked[category] += 1
                right[category] += score.passed
            bench.progress("measuring", place + 1, len(tasks))
        reached = (100 * right[each] >= spec.pass_marks[each] * asked[each] for each in spec.categories)
        return Outcome(passed=all(reached)) if not failures else outcome_of(failures, len(tasks), "questions")
