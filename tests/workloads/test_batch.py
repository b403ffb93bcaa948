import pytest
from support.asking_bench import AskingBench, Reply

from llmtui.suites.schema import Batch
from llmtui.workloads.registry import workload_for


def words(text):
    """A tokenizer for which each word is a token."""
    return len(text.split())


def by_length(_number, asked):
    """A steady server: a hundred prompt tokens a second, then ten tokens a second."""
    prompt = words(asked.messages[-1][1])
    return Reply(ttft_s=0.05 + prompt / 100, rate=10.0, tokens=20, prompt_tokens=prompt)


def slower(factor, since):
    def script(number, asked):
        reply = by_length(number, asked)
        slow = factor if number >= since else 1.0
        return reply._replace(ttft_s=reply.ttft_s * slow, rate=reply.rate / slow)

    return script


async def run(script=by_length, count=words, spec=None, **bench):
    asking, batch = AskingBench(script, count=count, **bench), Batch(**(spec or {}))
    return asking, await workload_for(batch).run(batch, asking)


async def test_thirty_documents_of_200_to_500_tokens_are_summarised():
    bench, outcome = await run()
    assert (outcome.status, outcome.passed) == ("done", True)
    texts = [asked.messages[-1][1] for asked in bench.asked]
    documents = [text.partition("\n\n")[2] for text in texts]
    assert len(set(documents)) == len(documents) == 30 == Batch().planned_requests
    assert all(200 <= words(document) <= 500 for document in documents)
    assert all(text.startswith("Summarise the following text") for text in texts)
    assert all(asked.options["unique"] for asked in bench.asked)
    assert bench.told[-1] == ("measuring", 30, 30)


async def test_different_lengths_alone_are_no_variation():
    bench, _ = await run()
    assert bench.verdict.passed() == {"variation": True}
    assert "varied by 0.0 %" in bench.verdict.criteria[0].text
    assert bench.verdict.verdict == "steady"


@pytest.mark.parametrize(("script", "passed"), [(slower(3.0, 21), False), (slower(1.1, 21), True)])
async def test_a_server_that_gets_much_slower_is_not_steady(script, passed):
    bench, outcome = await run(script)
    assert outcome.passed is passed
    assert bench.verdict.verdict == ("steady" if passed else "not steady")


async def test_the_limit_is_the_suites():
    _, outcome = await run(slower(3.0, 21), spec={"max_variation": 2.0})
    assert outcome.passed is True


async def test_memory_that_grows_is_told_and_judged_only_by_a_limit():
    bench, outcome = await run(grows=1e7)
    assert outcome.passed is True
    assert bench.verdict.evidence[0].startswith("memory: memory of the server grew by 2")
    bench, outcome = await run(grows=1e7, spec={"max_growth": 0.05})
    assert (outcome.passed, bench.verdict.passed()["memory"]) == (False, False)
    bench, outcome = await run(grows=1e7, spec={"max_growth": 0.5})
    assert (outcome.passed, bench.verdict.passed()["memory"]) == (True, True)
    bench, outcome = await run(grows=0.0, spec={"max_growth": 0.05})
    assert outcome.passed is True


async def test_gpu_memory_is_watched_too():
    bench, _ = await run(memory=("server.memory.gpu",), grows=1e8, spec={"max_growth": 0.05})
    assert bench.verdict.passed()["memory"] is False
    assert "GPU memory of the server grew" in bench.verdict.criteria[1].text


@pytest.mark.parametrize(
    ("bench", "reason"),
    [({"memory": ()}, "can't be read here"), ({"blind": "the server runs on box, not on this machine"}, "runs on box")],
)
async def test_memory_that_can_not_be_read_is_not_judged(bench, reason):
    asking, outcome = await run(**bench, spec={"max_growth": 0.05})
    assert (outcome.status, outcome.passed) == ("done", None)
    assert reason in asking.verdict.criteria[1].text


async def test_a_server_without_tokenizer_is_given_estimated_lengths_and_that_is_told():
    bench, outcome = await run(count=lambda _text: None)
    assert outcome.passed is True
    assert len(bench.warnings) == 1
    assert "estimates" in bench.warnings[0]
    exact, _ = await run()
    assert exact.warnings == []


async def test_a_server_that_counts_nothing_is_not_judged():
    bench, outcome = await run(lambda number, asked: by_length(number, asked)._replace(prompt_tokens=None))
    assert (outcome.status, outcome.passed) == ("done", None)
    assert bench.verdict.criteria[0].text.startswith("not evaluated: 0 documents have known times")


async def test_empty_answers_are_not_judged():
    bench, outcome = await run(lambda _number, _asked: Reply(tokens=0))
    assert (outcome.status, outcome.passed, bench.verdict.verdict) == ("done", None, "not judged")


async def test_a_document_without_a_summary_leaves_no_pass():
    bench, outcome = await run(
        lambda number, asked: by_length(number, asked)._replace(problem="truncated" if number == 3 else None)
    )
    assert (outcome.status, outcome.passed, len(bench.asked)) == ("failed", None, 30)
    assert outcome.reason == "it was truncated (1 of 30 documents got no answer)"


async def test_what_every_document_would_meet_ends_it():
    bench, outcome = await run(lambda _number, _asked: Reply(problem="unreachable"))
    assert (outcome.status, len(bench.asked), bench.verdicts) == ("failed", 1, [])


async def test_a_quick_run_is_short():
    bench, _ = await run(spec={"quick": True})
    assert len(bench.asked) == Batch(quick=True).planned_requests == 6
    assert {asked.options["max_tokens"] for asked in bench.asked} == {32}


async def test_a_seed_makes_the_same_documents_again_and_another_one_others():
    runs = [await run(spec={"quick": True, "text_seed": seed}) for seed in (1, 1, 2)]
    first, again, other = ([asked.messages for asked in bench.asked] for bench, _ in runs)
    assert first == again != other
