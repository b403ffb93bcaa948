import pytest
from support.asking_bench import AskingBench, Reply

from llmtui.suites.schema import Report, Sweep
from llmtui.workloads.registry import workload_for
from llmtui.workloads.report import QUICK_TOKENS
from llmtui.workloads.sweep import QUICK_TOKENS as SWEEP_QUICK_TOKENS


def words(count):
    return " ".join(f"word{number}" for number in range(count))


GOOD = words(900)


async def run(text=GOOD, **spec):
    return await ask(Report(**spec), lambda _number, _asked: text if isinstance(text, Reply) else Reply(text))


async def ask(spec, script=lambda _number, _asked: Reply()):
    bench = AskingBench(script)
    return bench, await workload_for(spec).run(spec, bench)


async def test_one_report_is_asked_for_with_the_parameters_of_the_suite():
    bench, outcome = await run(system="be exact", topic="tides", temperature=0.3, options={"top_k": 4}, max_tokens=999)
    assert (outcome.status, outcome.passed) == ("done", True)
    (asked,) = bench.asked
    assert asked.messages[0] == ("system", "be exact")
    assert "about tides" in asked.messages[1][1]
    assert "800 to 1000 words" in asked.messages[1][1]
    options = asked.options
    assert (options["max_tokens"], options["temperature"], options["options"]) == (999, 0.3, {"top_k": 4})
    assert (options["unique"], options["task"]) == (True, "report")
    assert bench.told == [("measuring", 0, 1), ("measuring", 1, 1)]


async def test_the_topic_may_have_braces():
    bench, _ = await run(topic="{least} {sets}")
    assert "about {least} {sets}" in bench.asked[0].messages[0][1]


@pytest.mark.parametrize(
    ("count", "passed"), [(799, False), (800, True), (1000, True), (1001, False), (0, False), (1, False)]
)
async def test_the_number_of_words_is_a_criterion(count, passed):
    bench, outcome = await run(words(count))
    assert outcome.passed is passed
    assert bench.verdict.passed() == {"words": passed, "end": True}
    assert bench.verdict.verdict == ("as asked" if passed else "too short" if count < 800 else "too long")
    ((request, score),) = bench.scores
    assert (request, score["parts"], score["passed"]) == ("j1.1", {"words": count}, passed)
    assert score["score"] == (1 if passed else 0.5)


async def test_a_report_that_was_cut_off_does_not_pass():
    bench, outcome = await run(Reply(words(900), finish="length"))
    assert outcome.passed is False
    assert bench.verdict.passed() == {"words": True, "end": False}
    assert bench.verdict.verdict == "cut off"
    assert "raise max_tokens" in bench.verdict.criteria[1].text


async def test_the_limits_can_be_changed():
    _, outcome = await run(words(5), least_words=5, most_words=5)
    assert outcome.passed is True


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (f"<think>{words(2000)}</think>{words(850)}", 850),
        (f"{words(400)}\x1b[2J\x1b]0;title\x07 {words(400)}", 800),
        ("# Bericht\n\n- eins\n- zwei\n", 3),
        ("\x1b[2J\u202e", 0),
    ],
)
async def test_words_are_those_that_a_reader_sees(text, count):
    bench, outcome = await run(text)
    assert bench.scores[0][1]["parts"] == {"words": count}
    assert outcome.passed is (count >= 800)


async def test_a_request_that_fails_leaves_no_verdict():
    bench, outcome = await run(Reply(problem="truncated"))
    assert (outcome.status, outcome.passed, outcome.reason) == ("failed", None, "it was truncated")
    assert bench.scores == bench.verdicts == []


async def test_a_quick_report_ends_early_and_is_not_judged():
    bench, outcome = await run(words(20), quick=True)
    assert (outcome.status, outcome.passed) == ("done", None)
    assert bench.asked[0].options["max_tokens"] == QUICK_TOKENS
    assert bench.verdicts == []
    assert bench.scores[0][1]["parts"] == {"words": 20}
    short, _ = await run(quick=True, max_tokens=3)
    assert short.asked[0].options["max_tokens"] == 3


async def test_the_cache_may_be_allowed():
    bench, _ = await run(prompt_cache="allow")
    assert bench.asked[0].options["unique"] is False


# sweep


async def test_a_sweep_asks_its_prompts_with_the_values_of_its_point():
    bench, outcome = await ask(Sweep(prompts=("a", "b"), temperature=0.7, options={"top_k": 3}, system="s"))
    assert (outcome.status, outcome.passed) == ("done", None)
    assert [asked.messages for asked in bench.asked] == [(("system", "s"), ("user", prompt)) for prompt in ("a", "b")]
    assert {(o["temperature"], str(o["options"]), o["unique"]) for _, o, _ in bench.asked} == {
        (0.7, "{'top_k': 3}", True)
    }
    assert Sweep(prompts=("a", "b")).planned_requests == 2


async def test_a_quick_sweep_asks_its_first_prompt_alone():
    spec = Sweep(prompts=("a", "b"), quick=True)
    bench, _ = await ask(spec)
    assert [asked.messages[-1][1] for asked in bench.asked] == ["a"]
    assert bench.asked[0].options["max_tokens"] == SWEEP_QUICK_TOKENS
    assert spec.planned_requests == 1


async def test_a_sweep_whose_server_is_gone_fails():
    _, outcome = await ask(Sweep(prompts=("a", "b")), lambda _n, _a: Reply(problem="unreachable"))
    assert (outcome.status, outcome.reason) == ("failed", "it was unreachable (1 of 2 requests failed)")
