import asyncio
import re

import pytest

from llmtui.events import Figures, Model
from llmtui.quality.town import grammar
from llmtui.suites.kinds.long_context import QUICK_SIZES, LongContext, room_of
from llmtui.telemetry.sensors import Sample, Sensors
from llmtui.workloads.base import Generation, ModelLoad
from llmtui.workloads.registry import workload_for

S = 1_000_000_000
SIZES = (1024, 2048, 4096)
QUESTIONS = {
    form.question: re.compile(re.escape(form.statement).replace(r"\{value\}", r"(\d+)")) for form in grammar().facts
}


def right(_asked, message, question):
    (found,) = QUESTIONS[question].findall(message)
    return found


class Bench:
    """A server with a window; `answer(asked, message, question)` gives a text, or the (kind, sentence) of a problem.

    A word is a token. Each answer takes `ttft_s` to begin; `readings` are what the sensors say while the request with
    that number runs, `late` what they say after it.
    """

    def __init__(self, answer=right, *, kind="llamacpp", window=8192, trained=8192, tokenizer=True, ttft_s=1.0):
        self.answer = answer
        self.server_kind = kind
        self.model = Model(id="m", context=window, trained=trained)
        self.tokenizer = tokenizer
        self.ttft_s = ttft_s
        self.sensors = Sensors()
        self.blind = None
        self.cut_short = []
        self.readings = lambda _asked: {"swap.in.rate": 0.0, "memory.kills": 0.0}
        self.loading = lambda _options: ModelLoad(load_ns=2 * S, source="server")
        self.sent, self.loads, self.tried, self.scores, self.verdicts, self.told = [], [], [], [], [], []
        self.clock = 0
        self.late = {}

    def sample(self, readings):
        self.sensors.take(Sample(self.clock, readings, {}))

    async def describe_model(self):
        return self.model

    async def load_model(self, options):
        self.loads.append(options)
        return self.loading(options)

    async def count_tokens(self, text):
        return len(text.split()) if self.tokenizer else None

    async def generate(self, messages, **options):
        self.sent.append((messages, options))
        asked = len(self.sent)
        self.clock += S
        self.sample(self.readings(asked))
        await asyncio.sleep(0)
        if asked in self.late:
            asyncio.get_running_loop().call_soon(self.sample, self.late[asked])
        message = next(text for role, text in messages if role == "user")
        said = self.answer(asked, message, re.findall(r"[^.\n]*\?", messages[-1][1])[-1].strip())
        problem_kind, problem = said if isinstance(said, tuple) else (None, None)
        figures = Figures(ttft_ns=round(self.ttft_s * S), prompt_tokens=len(message) // 5, decode_rate=9.0)
        return Generation(
            status="failed" if problem else "done",
            text="" if problem else said,
            reasoning="",
            figures=Figures() if problem else figures,
            request=f"j1.{asked}",
            problem=problem,
            problem_kind=problem_kind,
        )

    async def apart(self, work):
        return work()

    def now(self):
        return self.clock

    def unique_line(self):
        return "[abcd1234]\n"

    def progress(self, phase, done, total, note=None):
        self.told.append((phase, done, total))

    def answer_scored(self, request, **score):
        self.scores.append((request, score))

    def context_tried(self, tried):
        self.tried.append(tried)

    def verdict_reached(self, verdict, sentence, evidence, criteria):
        self.verdicts.append((verdict, sentence, evidence, {each.name: each.passed for each in criteria}))

    @property
    def outcomes(self):
        return {tried.size: tried.outcome for tried in self.tried}


async def run(bench, **spec):
    spec = LongContext(**{"sizes": SIZES, "max_tokens": 32, **spec})
    return await workload_for(spec).run(spec, bench)


async def test_each_size_is_filled_exactly_and_asked_about_twice():
    bench = Bench()
    outcome = await run(bench)
    assert (outcome.status, outcome.passed) == ("done", True)
    assert bench.outcomes == dict.fromkeys(SIZES, "measured")
    room = room_of(LongContext(max_tokens=32))
    for place, tried in enumerate(bench.tried):
        first, second = (messages for messages, _ in bench.sent[2 * place : 2 * place + 2])
        assert len(first[-1][1].split()) == tried.text_tokens == tried.size - room
        assert tried.basis == "tokenizer"
        assert [role for role, _ in second] == ["user", "assistant", "user"]
        assert second[0] == first[0], "the second question must find the text in the prompt cache"
        assert tried.requests == (f"j1.{2 * place + 1}", f"j1.{2 * place + 2}")
        assert len(tried.depths) == 2
    assert all(score["passed"] for _, score in bench.scores)
    assert [score["task"] for _, score in bench.scores] == [str(size) for size in SIZES for _ in range(2)]
    assert bench.told[-1] == ("measuring", 6, 6)


async def test_the_text_begins_with_a_line_that_no_cache_knows():
    bench = Bench()
    await run(bench)
    assert all(messages[0][1].startswith("[abcd1234]\n") for messages, _ in bench.sent)
    assert not any(options.get("unique") for _, options in bench.sent), "the second question must not get another one"


async def test_the_same_seed_asks_the_same_and_the_sizes_differ():
    one, same, other = Bench(), Bench(), Bench()
    for bench, seed in ((one, 1), (same, 1), (other, 2)):
        await run(bench, seed=seed)
    assert one.sent[0][0] == same.sent[0][0] != other.sent[0][0]
    assert len({tried.depths for tried in one.tried}) == len(SIZES)


async def test_a_system_prompt_leads_both_conversations():
    bench = Bench()
    await run(bench, system="Be brief.")
    assert all(messages[0] == ("system", "Be brief.") for messages, _ in bench.sent)


@pytest.mark.parametrize("answer", ["", "   ", "I can't tell.", "12", "\x1b[2Jnothing", "4172 " * 900])
async def test_a_wrong_answer_is_scored_and_fails_nothing(answer):
    bench = Bench(lambda *_: answer)
    outcome = await run(bench)
    assert (outcome.status, outcome.passed) == ("done", True)
    assert not any(score["passed"] for _, score in bench.scores)
    assert len(bench.scores) == 6
    assert all(messages[1][1].strip() for messages, _ in bench.sent if len(messages) == 3)


async def test_sizes_above_the_window_do_not_fit_and_are_no_failures():
    bench = Bench(window=2048)
    outcome = await run(bench)
    assert (outcome.status, outcome.passed) == ("done", True)
    assert bench.outcomes == {1024: "measured", 2048: "measured", 4096: "does not fit"}
    assert "gives a request 2048 tokens" in bench.tried[-1].reason
    assert "start the server with a larger one" in bench.tried[-1].reason
    assert "larger" not in (await _last_reason(Bench(window=2048, trained=2048))), "there is none for this model"
    assert len(bench.sent) == 4


async def _last_reason(bench):
    await run(bench)
    return bench.tried[-1].reason


async def test_where_nothing_fits_the_job_is_skipped_with_the_reason():
    bench = Bench(window=512)
    outcome = await run(bench)
    assert (outcome.status, outcome.passed, bench.sent) == ("skipped", None, [])
    assert "512 tokens of context" in outcome.reason
    assert "--set sizes=" in outcome.reason


async def test_a_server_that_refuses_a_prompt_without_having_told_its_window():
    bench = Bench(
        lambda asked, *rest: ("context_full", "no room for this prompt") if asked == 3 else right(asked, *rest)
    )
    bench.model = None
    outcome = await run(bench)
    assert bench.outcomes == {1024: "measured", 2048: "does not fit", 4096: "does not fit"}
    assert (outcome.status, outcome.passed, len(bench.sent)) == ("done", True, 3)


async def test_ollama_loads_each_size_anew_and_is_asked_with_the_same_window():
    bench = Bench(kind="ollama", window=4096, tokenizer=False)
    await run(bench, options={"num_gpu": 3})
    assert bench.loads == [{"num_gpu": 3, "num_ctx": size} for size in SIZES]
    assert [options["options"] for _, options in bench.sent] == [
        {"num_gpu": 3, "num_ctx": size} for size in SIZES for _ in range(2)
    ]
    assert [(tried.load_ns, tried.load_source, tried.window) for tried in bench.tried] == [
        (2 * S, "server", size) for size in SIZES
    ]


async def test_a_load_and_the_first_token_count_together():
    bench = Bench(kind="ollama", ttft_s=3.0)
    assert (await run(bench, max_load_s=5.0)).passed is True
    slow = Bench(kind="ollama", ttft_s=3.0)
    assert (await run(slow, max_load_s=4.9)).passed is False
    assert slow.outcomes == {1024: "measured", 2048: "not tried", 4096: "not tried"}
    assert slow.tried[-1].reason == "after 1024 tokens: loading took 5.00 s, longer than 4.9 s"
    assert slow.verdicts[0][0] == "none usable"
    assert slow.verdicts[0][3]["load"] is False


async def test_without_a_tokenizer_the_lengths_are_estimates_that_learn():
    bench = Bench(tokenizer=False)
    await run(bench)
    assert all(tried.basis == "estimated" for tried in bench.tried)
    room = room_of(LongContext(max_tokens=32))
    counted = [len(messages[0][1]) / 5 for messages, _ in bench.sent[::2]]
    goals = [size - room for size in SIZES]
    assert counted[0] < 0.85 * goals[0], "an estimate must not overflow"
    assert all(0.95 * goal < count <= goal for count, goal in list(zip(counted, goals, strict=True))[1:])


async def test_swapping_ends_it_and_fails_the_memory():
    bench = Bench()
    bench.readings = lambda asked: {"swap.in.rate": 50e6 if asked == 4 else 0.0}
    outcome = await run(bench)
    assert bench.outcomes == {1024: "measured", 2048: "measured", 4096: "not tried"}
    assert (outcome.status, outcome.passed) == ("done", False)
    verdict, _, evidence, criteria = bench.verdicts[0]
    assert (verdict, criteria) == ("usable to 1024", {"load": True, "memory": False})
    assert "swap" in evidence[0]
    assert bench.tried[1].swapped_in == 50e6
    assert "swap" in bench.tried[1].ran_out
    assert bench.tried[0].ran_out is None


@pytest.mark.parametrize(
    ("problem", "kills", "outcome"),
    [
        (("disconnected", "closed the connection before its answer was whole"), 1.0, "out of memory"),
        (("disconnected", "closed the connection before its answer was whole"), 0.0, "failed"),
        (("server_error", "model requires more system memory (9 GiB) than is available"), 0.0, "out of memory"),
        (("server_error", "cudaMalloc failed: out of memory"), 0.0, "out of memory"),
        (("timeout", "did not answer in time"), 0.0, "failed"),
    ],
)
async def test_a_server_that_breaks_down_ends_it(problem, kills, outcome):
    bench = Bench(lambda asked, *rest: problem if asked == 3 else right(asked, *rest))
    bench.late = {3: {"memory.kills": kills}}
    ended = await run(bench)
    assert bench.outcomes == {1024: "measured", 2048: outcome, 4096: "not tried"}
    assert bench.verdicts[0][0] == "usable to 1024"
    if outcome == "out of memory":
        assert (ended.status, ended.passed) == ("done", False)
        assert bench.verdicts[0][3]["memory"] is False
    else:
        assert (ended.status, ended.reason) == ("failed", problem[1])


async def test_a_server_that_fails_at_once_fails_the_job():
    bench = Bench(lambda *_: ("server_error", "it broke"))
    outcome = await run(bench)
    assert (outcome.status, outcome.reason, bench.verdicts) == ("failed", "it broke", [])


async def test_a_window_that_can_not_be_loaded_ends_it():
    bench = Bench(kind="ollama")
    bench.loading = lambda options: (
        ModelLoad(problem="unable to allocate CUDA buffer", problem_kind="server_error")
        if options["num_ctx"] > 1024
        else ModelLoad(load_ns=S, source="server")
    )
    outcome = await run(bench)
    assert bench.outcomes == {1024: "measured", 2048: "out of memory", 4096: "not tried"}
    assert outcome.passed is False


async def test_a_second_question_without_an_answer_is_told_and_ends_it():
    bench = Bench(lambda asked, *rest: ("stalled", "it fell silent") if asked == 2 else right(asked, *rest))
    outcome = await run(bench)
    assert bench.outcomes == {1024: "measured", 2048: "not tried", 4096: "not tried"}
    assert bench.tried[0].reason == "the second question got no answer: it fell silent"
    assert outcome.status == "failed"


async def test_the_memory_of_another_machine_is_not_judged():
    bench = Bench()
    bench.blind = "the server runs on elsewhere, not on this machine"
    bench.readings = lambda _asked: {"swap.in.rate": 50e9}
    outcome = await run(bench)
    assert (outcome.passed, bench.verdicts[0][3]) == (True, {"load": True, "memory": None})


async def test_a_quick_run_tries_two_small_sizes():
    bench = Bench()
    await run(bench, quick=True)
    assert tuple(bench.outcomes) == QUICK_SIZES


async def test_what_would_not_fit_anyway_says_so_after_a_slow_one_too():
    bench = Bench(window=2048, ttft_s=9.0)
    await run(bench, max_load_s=5.0)
    assert bench.outcomes == {1024: "measured", 2048: "not tried", 4096: "does not fit"}
    assert "loading took" in bench.verdicts[0][2][0]
