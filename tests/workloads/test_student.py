from collections import Counter

import pytest
from support.asking_bench import AskingBench, Reply

from llmtui.suites.schema import Student
from llmtui.workloads.registry import workload_for
from llmtui.workloads.student import AFTER_S, FIRST, QUESTIONS, SYSTEM


async def run(script=lambda number, _asked: Reply(f"answer {number}"), **spec):
    bench, student = AskingBench(script), Student(**spec)
    return bench, await workload_for(student).run(student, bench)


async def test_twelve_questions_are_asked_in_four_categories_in_their_order():
    bench, outcome = await run()
    assert (outcome.status, outcome.passed, outcome.reason) == ("done", None, None)
    assert [asked.messages[-1][1] for asked in bench.asked] == [
        q for questions in QUESTIONS.values() for q in questions
    ]
    assert [asked.options["category"] for asked in bench.asked] == [
        category for category in ("short", "medium", "long", "follow-up") for _ in range(3)
    ]
    assert [asked.options["task"] for asked in bench.asked[:4]] == ["short-1", "short-2", "short-3", "medium-1"]
    assert bench.told[-1] == ("measuring", 12, 12)
    assert len(bench.asked) == Student().planned_requests
    assert bench.verdicts == bench.scores == []


async def test_all_are_asked_the_same_way_under_the_system_prompt():
    bench, _ = await run()
    assert all(asked.messages[0] == ("system", SYSTEM) for asked in bench.asked)
    assert {(o["temperature"], o["seed"], o["max_tokens"], o["unique"]) for _, o, _ in bench.asked} == {
        (0.0, 42, 1024, True)
    }


async def test_follow_ups_carry_the_conversation_of_the_first_short_question():
    bench, _ = await run()
    for asked in bench.asked[9:]:
        assert asked.messages[1:-1] == (("user", FIRST), ("assistant", "answer 1"))
        assert asked.messages[-1][0] == "user"
    assert all(len(asked.messages) == 2 for asked in bench.asked[:9])


@pytest.mark.parametrize("text", ["", "\x1b[2J\u202eno"])
async def test_an_odd_first_answer_is_carried_as_it_is(text):
    bench, outcome = await run(lambda _number, _asked: Reply(text))
    assert outcome.status == "done"
    assert bench.asked[-1].messages[2] == ("assistant", text)


async def test_half_a_second_passes_between_two_questions_and_not_before_the_first():
    bench, _ = await run()
    taken = 0.1 + 10 / 50 + 0.001
    assert [asked.at_s for asked in bench.asked[:3]] == pytest.approx([0, taken + 0.5, 2 * taken + 1])
    assert bench.now() / 1e9 == pytest.approx(12 * taken + 11 * 0.5 + AFTER_S)
    quicker, _ = await run(pause_s=0)
    assert quicker.asked[1].at_s == pytest.approx(taken)


async def test_a_quick_run_asks_one_of_each_category_for_few_tokens():
    bench, _ = await run(quick=True)
    assert Counter(asked.options["category"] for asked in bench.asked) == dict.fromkeys(QUESTIONS, 1)
    assert {asked.options["max_tokens"] for asked in bench.asked} == {32}
    assert len(bench.asked) == Student(quick=True).planned_requests
    short, _ = await run(quick=True, max_tokens=8)
    assert {asked.options["max_tokens"] for asked in short.asked} == {8}


async def test_a_question_without_an_answer_does_not_keep_the_others_from_being_asked():
    bench, outcome = await run(lambda number, _asked: Reply(problem="truncated" if number == 5 else None))
    assert len(bench.asked) == 12
    assert (outcome.status, outcome.passed) == ("failed", None)
    assert outcome.reason == "it was truncated (1 of 12 questions got no answer)"


async def test_without_an_answer_to_the_first_question_nothing_can_follow_it():
    bench, outcome = await run(lambda number, _asked: Reply(problem="truncated" if number == 1 else None))
    assert len(bench.asked) == 9
    assert outcome.status == "failed"


async def test_what_every_question_would_meet_ends_it():
    bench, outcome = await run(lambda _number, _asked: Reply(problem="no_model"))
    assert (outcome.status, len(bench.asked)) == ("failed", 1)


async def test_a_suite_has_its_own_system_prompt_and_may_allow_the_cache():
    bench, _ = await run(system="be brief", prompt_cache="allow")
    assert {asked.messages[0] for asked in bench.asked} == {("system", "be brief")}
    assert not any(asked.options["unique"] for asked in bench.asked)
