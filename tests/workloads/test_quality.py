from collections import Counter

import pytest

from llmtui.events import Figures
from llmtui.quality.tasks import CATEGORIES, chosen_tasks
from llmtui.suites.schema import Quality
from llmtui.workloads.base import Generation
from llmtui.workloads.registry import workload_for

TASKS = {task.question: task for _, task in chosen_tasks(CATEGORIES, quick=False)}
CATEGORY = {task.question: category for category, task in chosen_tasks(CATEGORIES, quick=False)}


class Bench:
    """Answers each question as `script` says: "right", "wrong", "cut", or the kind of a problem."""

    def __init__(self, script):
        self.script = script
        self.sent = []
        self.scores = []
        self.told = []

    async def generate(self, messages, **options):
        self.sent.append((messages, options))
        task = TASKS[messages[-1][1]]
        said = self.script(task)
        problem = said if said not in {"right", "wrong", "cut"} else None
        return Generation(
            status="failed" if problem else "done",
            text=task.tempting[0] if said == "wrong" else "" if problem else task.reference,
            reasoning="",
            figures=Figures(),
            request=f"j1.{len(self.sent)}",
            finish_reason="length" if said == "cut" else "stop",
            problem=problem and f"it was {problem}",
            problem_kind=problem,
        )

    def answer_scored(self, request, **score):
        self.scores.append((request, score))

    def progress(self, phase, done, total, note=None):
        self.told.append((phase, done, total))


async def run(script, **spec):
    bench = Bench(script)
    quality = Quality(**spec)
    return bench, await workload_for(quality).run(quality, bench)


def right(_task):
    return "right"


async def test_each_question_is_asked_once_and_its_answer_logged():
    bench, outcome = await run(right, system="be exact")
    assert (outcome.status, outcome.passed) == ("done", True)
    assert [messages for messages, _ in bench.sent] == [
        (("system", "be exact"), ("user", question)) for question in TASKS
    ]
    assert [request for request, _ in bench.scores] == [f"j1.{place}" for place in range(1, len(TASKS) + 1)]
    assert [score["task"] for _, score in bench.scores] == [task.name for task in TASKS.values()]
    assert {score["category"] for _, score in bench.scores} == set(CATEGORIES)
    assert all(score["passed"] and score["score"] == 1 and score["detail"] for _, score in bench.scores)
    assert bench.told[-1] == ("measuring", len(TASKS), len(TASKS))


async def test_questions_are_asked_the_same_way_each_time():
    bench, _ = await run(right, quick=True)
    assert all((options["temperature"], options["seed"]) == (0.0, 42) for _, options in bench.sent)
    assert not any(options.get("unique") for _, options in bench.sent), "a line of its own would change the question"


async def test_a_quick_run_asks_two_of_each_chosen_category():
    bench, _ = await run(right, quick=True, categories=("format", "math"))
    asked = Counter(CATEGORY[messages[-1][1]] for messages, _ in bench.sent)
    assert asked == {"format": 2, "math": 2}


@pytest.mark.parametrize(("mark", "passed"), [(50, True), (51, False), (0, True)])
async def test_a_category_below_its_mark_fails_the_job(mark, passed):
    wrong = next(task.name for task in TASKS.values())
    bench, outcome = await run(
        lambda task: "wrong" if task.name == wrong else "right", quick=True, pass_marks={"math": mark}
    )
    assert [score["passed"] for _, score in bench.scores].count(False) == 1
    assert (outcome.status, outcome.passed) == ("done", passed)


async def test_a_question_without_an_answer_leaves_no_verdict():
    lost = next(task.name for task in TASKS.values())
    bench, outcome = await run(lambda task: "truncated" if task.name == lost else "right", quick=True)
    assert (outcome.status, outcome.passed) == ("failed", None)
    assert outcome.reason == "it was truncated (1 of 8 questions got no answer)"
    assert len(bench.scores) == 7


async def test_what_every_question_would_meet_ends_it():
    bench, outcome = await run(lambda _task: "no_model")
    assert (outcome.status, len(bench.sent), bench.scores) == ("failed", 1, [])


async def test_an_answer_that_was_cut_off_says_so():
    bench, _ = await run(lambda _task: "cut", quick=True)
    assert all(score["detail"].endswith("cut off at max_tokens") for _, score in bench.scores)
