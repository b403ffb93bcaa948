from llmtui.events import Figures
from llmtui.suites.schema import Generate, Watch
from llmtui.workloads.base import Generation
from llmtui.workloads.registry import workload_for


class Bench:
    def __init__(self, problems=()):
        self.sent = []
        self.told = []
        self.slept = []
        self.problems = dict(problems)

    async def generate(self, messages, **options):
        self.sent.append((messages, options))
        kind = self.problems.get(len(self.sent))
        return Generation(
            status="failed" if kind else "done",
            text="",
            reasoning="",
            figures=Figures(),
            problem=kind and f"it was {kind}",
            problem_kind=kind,
        )

    async def sleep(self, seconds):
        self.slept.append(seconds)

    def progress(self, phase, done, total, note=None):
        self.told.append((phase, done, total))


async def run(spec, bench):
    return await workload_for(spec).run(spec, bench)


async def test_each_prompt_is_one_request_with_the_suites_parameters():
    bench = Bench()
    spec = Generate(prompts=("a", "b"), system="be short", max_tokens=7, temperature=0.3, seed=5, options={"top_k": 1})
    assert (await run(spec, bench)).status == "done"
    assert [messages for messages, _ in bench.sent] == [(("system", "be short"), ("user", prompt)) for prompt in "ab"]
    assert bench.sent[0][1] == {
        "max_tokens": 7,
        "temperature": 0.3,
        "seed": 5,
        "stop": (),
        "options": {"top_k": 1},
        "unique": True,
        "task": "",
        "category": "",
    }
    assert bench.told == [("measuring", 0, 2), ("measuring", 1, 2), ("measuring", 2, 2)]


async def test_the_prompt_cache_can_be_allowed():
    bench = Bench()
    await run(Generate(prompts=("a",), prompt_cache="allow"), bench)
    assert bench.sent[0][1]["unique"] is False


async def test_a_failure_is_counted_and_the_rest_goes_on():
    bench = Bench({1: "truncated"})
    outcome = await run(Generate(prompts=("a", "b", "c")), bench)
    assert (outcome.status, outcome.reason) == ("failed", "it was truncated (1 of 3 requests failed)")
    assert len(bench.sent) == 3


async def test_a_hopeless_failure_ends_it():
    bench = Bench({1: "no_model"})
    outcome = await run(Generate(prompts=("a", "b")), bench)
    assert outcome.status == "failed"
    assert len(bench.sent) == 1


async def test_a_watch_lasts_its_time():
    bench = Bench()
    assert (await run(Watch(duration_s=2.5), bench)).status == "done"
    assert bench.slept == [1.0, 1.0, 0.5]
    assert bench.sent == []
