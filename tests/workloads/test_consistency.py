import pytest
from support.asking_bench import AskingBench, Reply

from llmtui.suites.schema import Consistency
from llmtui.workloads.registry import workload_for


def warm_differs(number, asked):
    return Reply("always this" if asked.options["temperature"] == 0 else f"answer {number}")


async def run(script=warm_differs, **spec):
    bench, consistency = AskingBench(script), Consistency(**{"repeats": 4, **spec})
    return bench, await workload_for(consistency).run(consistency, bench)


async def test_the_same_prompt_is_sent_at_each_temperature():
    bench, outcome = await run(temperatures=(0.0, 0.7, 1.5))
    assert (outcome.status, outcome.passed) == ("done", None)
    assert len({asked.messages for asked in bench.asked}) == 1
    assert [asked.options["temperature"] for asked in bench.asked] == [0.0] * 4 + [0.7] * 4 + [1.5] * 4
    assert not any(asked.options["unique"] for asked in bench.asked)
    assert bench.told[-1] == ("measuring", 12, 12)
    assert Consistency(repeats=4, temperatures=(0.0, 0.7, 1.5)).planned_requests == 12


async def test_seeds_count_up_only_where_chance_has_a_say():
    bench, _ = await run(seed=7)
    assert [asked.options["seed"] for asked in bench.asked] == [7, 7, 7, 7, 7, 8, 9, 10]
    bench, _ = await run(seed=None)
    assert {asked.options["seed"] for asked in bench.asked} == {None}


async def test_each_answer_is_held_against_the_others_of_its_temperature():
    texts = ["abcd", "abcd", "abcx", "abcd", "q", "q", "q", "q"]
    bench, _ = await run(lambda number, _asked: Reply(texts[number - 1]))
    scores = [score for _, score in bench.scores]
    assert [request for request, _ in bench.scores] == [f"j1.{number}" for number in range(1, 9)]
    assert [score["category"] for score in scores] == ["temperature 0"] * 4 + ["temperature 0.7"] * 4
    assert [score["passed"] for score in scores] == [True, True, False, True] + [True] * 4
    assert [score["score"] for score in scores[:4]] == pytest.approx([1 - 0.25 / 3] * 2 + [0.75] + [1 - 0.25 / 3])
    assert {score["score"] for score in scores[4:]} == {1}
    assert bench.verdict.verdict == "different answers"
    assert bench.verdict.sentence == "different answers: at temperature 0 3 of 4 answers are the same (75 %)"


@pytest.mark.parametrize(("least", "passed"), [(0.75, True), (0.76, False), (1.0, False)])
async def test_a_share_below_the_limit_fails(least, passed):
    texts = ["same", "same", "same", "other"]
    bench, outcome = await run(
        lambda number, _asked: Reply(texts[(number - 1) % 4]), min_identical=least, temperatures=(0.0,)
    )
    assert (outcome.status, outcome.passed) == ("done", passed)
    assert bench.verdict.passed() == {"same answers": passed}


async def test_answers_that_all_differ_are_none_the_same():
    bench, outcome = await run(
        lambda number, _asked: Reply(f"answer {number}"), temperatures=(0.0,), min_identical=0.01
    )
    assert bench.verdict.sentence == "different answers: at temperature 0 no two answers are the same"
    assert outcome.passed is False


async def test_without_temperature_0_there_is_no_verdict():
    bench, outcome = await run(temperatures=(0.7,))
    assert (outcome.passed, bench.verdicts, len(bench.scores)) == (None, [], 4)


async def test_empty_answers_are_the_same_answer_and_said_to_be_empty():
    bench, _ = await run(lambda _number, _asked: Reply(tokens=0), temperatures=(0.0,))
    assert bench.verdict.verdict == "same answers"
    assert all(score["detail"].endswith("; it is empty") for _, score in bench.scores)


async def test_answers_that_never_got_beyond_reasoning_are_compared_by_it():
    bench, _ = await run(lambda number, _asked: Reply("", reasoning=f"thought {number}"), temperatures=(0.0,))
    assert bench.verdict.verdict == "different answers"
    assert all(score["detail"].endswith("; it has reasoning only") for _, score in bench.scores)


async def test_a_failed_request_leaves_no_pass_but_its_others_are_compared():
    bench, outcome = await run(
        lambda number, _asked: Reply("x", problem="truncated" if number == 2 else None),
        temperatures=(0.0,),
        min_identical=1.0,
    )
    assert (outcome.status, outcome.passed) == ("failed", None)
    assert outcome.reason == "it was truncated (1 of 4 requests got no answer)"
    assert len(bench.scores) == 3


async def test_one_answer_alone_is_no_proof():
    bench, outcome = await run(
        lambda number, _asked: Reply("x", problem="truncated" if number > 1 else None),
        temperatures=(0.0,),
        min_identical=1.0,
    )
    assert (outcome.passed, bench.verdicts) == (None, [])


async def test_what_every_request_would_meet_ends_it():
    bench, outcome = await run(lambda _number, _asked: Reply(problem="no_model"), min_identical=1.0)
    assert (outcome.status, outcome.passed, len(bench.asked)) == ("failed", None, 1)


async def test_a_quick_run_is_short():
    bench, _ = await run(quick=True)
    assert len(bench.asked) == Consistency(quick=True).planned_requests == 6
    assert {asked.options["max_tokens"] for asked in bench.asked} == {32}
