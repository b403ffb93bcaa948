import pytest
from support.asking_bench import AskingBench, Reply

from llmtui.suites.schema import Interactive
from llmtui.workloads.registry import workload_for

GOOD = {"first token": True, "rate": True, "variation": True}


async def run(script=lambda _number, _asked: Reply(tokens=500, finish="length"), **spec):
    bench, interactive = AskingBench(script), Interactive(**spec)
    return bench, await workload_for(interactive).run(interactive, bench)


def one(number_of_it, **changes):
    """A script in which one answer differs from the others."""
    return lambda number, _asked: Reply(**{"tokens": 500, **(changes if number == number_of_it else {})})


async def test_a_story_is_continued_for_500_tokens_each_time_anew():
    bench, outcome = await run()
    assert (outcome.status, outcome.passed) == ("done", True)
    assert len(bench.asked) == 5
    assert {asked.options["max_tokens"] for asked in bench.asked} == {500}
    assert all(asked.options["unique"] for asked in bench.asked), "a second one must not come from the cache"
    assert "Continue this story" in bench.asked[0].messages[0][1]
    assert bench.verdict.passed() == GOOD
    assert bench.verdict.verdict == "fit to read along"
    assert bench.told[-1] == ("measuring", 5, 5)


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"ttft_s": 30.1}, {"first token": False}),
        ({"rate": 1.9}, {"rate": False, "variation": False}),
        ({"rate": 20.0}, {"variation": False}),
    ],
)
async def test_one_bad_answer_fails_what_it_breaks(changes, failed):
    bench, outcome = await run(one(3, **changes))
    assert (outcome.status, outcome.passed) == ("done", False)
    assert bench.verdict.passed() == GOOD | failed
    assert bench.verdict.verdict == "not fit to read along"


@pytest.mark.parametrize(
    ("limits", "changes"),
    [
        ({"max_ttft_s": 31}, {"ttft_s": 30.1}),
        ({"min_rate": 1.5, "max_variation": 10}, {"rate": 1.9}),
        ({"max_variation": 1.5}, {"rate": 20.0}),
    ],
)
async def test_the_suite_can_move_each_limit(limits, changes):
    _, outcome = await run(one(3, **changes), **limits)
    assert outcome.passed is True


@pytest.mark.parametrize(("ttft_s", "rate"), [(30.0, 2.0)])
async def test_just_at_the_limits_is_good_enough(ttft_s, rate):
    _, outcome = await run(lambda _number, _asked: Reply(tokens=500, ttft_s=ttft_s, rate=rate))
    assert outcome.passed is True


async def test_the_time_per_token_is_judged_and_not_how_long_the_answers_are():
    _, outcome = await run(lambda number, _asked: Reply(tokens=40 * number))
    assert outcome.passed is True


async def test_short_answers_are_told():
    bench, _ = await run(one(2, tokens=20))
    assert bench.verdict.evidence == ("1 of 5 answers ended before 500 tokens, the shortest with 20",)
    bench, _ = await run(lambda _number, _asked: Reply(tokens=500))
    assert bench.verdict.evidence == ()


async def test_empty_answers_are_not_judged():
    bench, outcome = await run(lambda _number, _asked: Reply(tokens=0))
    assert (outcome.status, outcome.passed) == ("done", None)
    assert set(bench.verdict.passed().values()) == {None}
    assert all(criterion.text.startswith("not evaluated") for criterion in bench.verdict.criteria)


async def test_one_empty_answer_leaves_it_open_and_hides_no_failure():
    bench, outcome = await run(one(2, tokens=0))
    assert outcome.passed is None
    assert bench.verdict.passed()["rate"] is None
    bench, outcome = await run(lambda number, _asked: Reply(tokens=0 if number == 2 else 500, rate=1.0))
    assert outcome.passed is False


async def test_a_failing_server_leaves_no_pass():
    bench, outcome = await run(one(2, problem="truncated"))
    assert (outcome.status, outcome.passed) == ("failed", None)
    assert outcome.reason == "it was truncated (1 of 5 requests got no answer)"
    assert bench.verdict.passed() == GOOD
    _, outcome = await run(lambda number, _asked: Reply(problem="truncated" if number == 2 else None, rate=1.0))
    assert (outcome.status, outcome.passed) == ("failed", False)


async def test_what_every_request_would_meet_ends_it():
    bench, outcome = await run(lambda _number, _asked: Reply(problem="unreachable"))
    assert (outcome.status, outcome.passed, len(bench.asked), bench.verdicts) == ("failed", None, 1, [])


async def test_a_quick_run_is_short():
    bench, _ = await run(quick=True)
    assert len(bench.asked) == Interactive(quick=True).planned_requests == 3
    assert {asked.options["max_tokens"] for asked in bench.asked} == {32}
