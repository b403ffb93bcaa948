import asyncio
from types import SimpleNamespace

import pytest

from llmtui.events import Figures
from llmtui.suites.schema import CompareModels
from llmtui.workloads.base import Generation
from llmtui.workloads.registry import workload_for


class Model:
    """Answers each prompt as `script` says: a text, or the kind of a problem after `!`; `load_problem` keeps it out."""

    def __init__(self, name, told, script=lambda _number: "fine", load_problem=None, after=0):
        self.name = name
        self.told = told
        self.script = script
        self.load_problem = load_problem
        self.after = after
        self.sent = []
        self.most = 0

    async def load(self, spec):
        self.told.append((self.name, "load"))
        return self.load_problem

    async def generate(self, messages, **options):
        self.sent.append((messages, options))
        self.told.append((self.name, "asked"))
        for _ in range(1 + self.after):
            await asyncio.sleep(0)
        said = self.script(len(self.sent))
        problem = said[1:] if said.startswith("!") else None
        self.told.append((self.name, "answered"))
        return Generation(
            status="failed" if problem else "done",
            text="" if problem else said,
            reasoning="",
            figures=Figures(),
            problem=problem and f"it was {problem}",
            problem_kind=problem,
        )

    def ended(self, status, problem=None):
        self.told.append((self.name, status, problem))

    async def unload(self):
        self.told.append((self.name, "unload"))


class Lineup:
    def __init__(self, models, told):
        self.models = models
        self.told = told

    async def clear(self):
        self.told.append("clear")

    async def check_together(self):
        self.told.append("check")

    def same_line(self, number):
        return f"[line {number}]\n"


async def run(*models, told, gate=None, **spec):
    progress = []

    async def passage():
        if gate is not None:
            await gate.wait()

    bench = SimpleNamespace(
        lineup=Lineup(models, told),
        progress=lambda phase, done, total, note=None: progress.append((phase, done, total)),
        passage=passage,
    )
    workload = CompareModels(**{"prompts": ("one", "two"), **spec})
    return await workload_for(workload).run(workload, bench), progress


async def test_one_model_is_alone_and_asked_every_prompt_in_turn():
    told = []
    model = Model("a", told)
    outcome, progress = await run(model, told=told, system="be brief")
    assert (outcome.status, outcome.reason, outcome.passed) == ("done", None, None)
    asked = [("a", "asked"), ("a", "answered")] * 2
    assert told == ["clear", ("a", "load"), *asked, ("a", "done", None), ("a", "unload")]
    assert [messages for messages, _ in model.sent] == [
        (("system", f"[line {number}]\nbe brief"), ("user", text)) for number, text in enumerate(("one", "two"))
    ]
    assert [options["task"] for _, options in model.sent] == ["prompt 1", "prompt 2"]
    assert (progress[0], progress[-1]) == (("loading", 0, 2), ("measuring", 2, 2))


async def test_while_the_queue_is_paused_no_model_is_loaded():
    told, gate = [], asyncio.Event()
    task = asyncio.create_task(run(Model("a", told), told=told, gate=gate))
    for _ in range(5):
        await asyncio.sleep(0)
    assert told == ["clear"]
    gate.set()
    assert (await task)[0].status == "done"


async def test_prompts_can_be_sent_as_they_are():
    model = Model("a", [])
    await run(model, told=[], prompt_cache="allow", temperature=0.3, seed=7, stop=("x",), options={"top_k": 4})
    messages, options = model.sent[0]
    assert messages == (("user", "one"),)
    assert (options["temperature"], options["seed"], options["stop"]) == (0.3, 7, ("x",))
    assert (options["max_tokens"], options["options"]) == (256, {"top_k": 4})


async def test_together_all_are_loaded_before_the_first_is_asked_and_gone_at_the_end():
    told = []
    models = [Model(name, told, after=place) for place, name in enumerate("abc")]
    outcome, progress = await run(*models, told=told, mode="parallel", prompts=("one",))
    assert outcome.status == "done"
    assert told[:4] == [("a", "load"), ("b", "load"), ("c", "load"), "check"]
    assert told[4:7] == [("a", "asked"), ("b", "asked"), ("c", "asked")], "the same moment for all"
    assert told[-3:] == [("a", "unload"), ("b", "unload"), ("c", "unload")]
    assert "clear" not in told, "nobody asked for the memory of other models"
    assert progress[-1] == ("measuring", 3, 3)


async def test_one_of_them_fails_alone():
    told = []
    models = [
        Model("a", told),
        Model("b", told, script=lambda _number: "!truncated"),
        Model("c", told, load_problem="no such model"),
    ]
    outcome, _ = await run(*models, told=told, mode="parallel")
    assert outcome.status == "failed"
    assert outcome.reason == ("2 of 3 models failed: c: no such model; b: it was truncated (2 of 2 prompts failed)")
    assert ("a", "done", None) in told
    assert ("b", "failed", "it was truncated (2 of 2 prompts failed)") in told
    assert ("c", "failed", "no such model") in told
    assert len(models[1].sent) == 2
    assert models[2].sent == []
    assert told.index(("c", "failed", "no such model")) < told.index(("a", "asked")), "told when it happened"


async def test_what_every_prompt_would_meet_ends_a_model():
    model = Model("a", [], script=lambda _number: "!unreachable")
    outcome, _ = await run(model, told=[])
    assert (outcome.status, len(model.sent)) == ("failed", 1)
    assert outcome.reason == "it was unreachable (1 of 2 prompts failed)"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (lambda _number: "!truncated", "none of the 2 models answered: "),
        (lambda number: "fine" if number == 1 else "!truncated", "2 of 2 models failed: "),
    ],
)
async def test_that_none_answered_is_said_only_when_none_did(script, words):
    outcome, _ = await run(Model("a", [], script), Model("b", [], script), told=[], mode="parallel")
    assert outcome.reason.startswith(words)


async def test_an_empty_answer_is_an_answer():
    outcome, _ = await run(Model("a", [], script=lambda _number: ""), told=[])
    assert outcome.status == "done"


async def test_a_job_that_is_ended_says_so_of_those_that_had_not_answered():
    told = []
    models = [Model("a", told), Model("b", told, after=10**6)]
    task = asyncio.create_task(run(*models, told=told, mode="parallel", prompts=("one",)))
    while ("a", "done", None) not in told:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [entry for entry in told if entry[1] == "cancelled"] == [
        ("b", "cancelled", "ended before it had answered every prompt")
    ]
    assert told[-2:] == [("a", "unload"), ("b", "unload")]
