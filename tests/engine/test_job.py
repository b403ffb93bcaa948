import asyncio

import pytest
from support.scripted import ScriptedBackend, Sink

from llmtui import events as ev
from llmtui.backends.base import BackendError
from llmtui.engine.bench import JobBench
from llmtui.engine.gate import Gate
from llmtui.engine.job import run_job
from llmtui.engine.recorder import Recorder
from llmtui.engine.residence import Residence
from llmtui.engine.warmup import WARMUP_PROMPT, WARMUP_TOKENS
from llmtui.events import Model, Server
from llmtui.suites.plan import PlannedTarget, plan_jobs
from llmtui.suites.reading import read_suite
from llmtui.suites.schema import Limits

SUITE = "name: q\nworkloads:\n  - kind: generate\n    prompts: [one, two, three]\n"


async def run(backend, sink, residence=None, text=SUITE, gate=None):
    suite = read_suite(text, "f")
    server = Server(url="http://127.0.0.1:9", kind="scripted", models=(Model(id="m"),))
    plan = plan_jobs(suite, [PlannedTarget("t", server)])[0]
    recorder = Recorder(sink)
    bench = JobBench(recorder, backend=backend, job="j1", model="m", limits=Limits(), gate=gate or Gate(), session="s")
    return await run_job(
        plan, suite, backend=backend, bench=bench, residence=residence or Residence(), recorder=recorder
    )


async def test_load_then_warm_up_then_measure():
    sink, backend, residence = Sink(), ScriptedBackend(), Residence()
    outcome = await run(backend, sink, residence)
    assert outcome.status == "done"
    assert [event.phase for event in sink.of(ev.JobProgressed)][:3] == ["loading", "warming up", "measuring"]
    finished = sink.of(ev.RequestFinished)
    assert [event.warmup for event in finished] == [True, False, False, False]
    assert sink.of(ev.ModelLoaded)[0].source == "server"
    await run(backend, sink, residence)
    assert len(backend.loads) == 1, "a resident model is not loaded again"
    assert sum(event.warmup for event in sink.of(ev.RequestFinished)) == 1


async def test_a_model_that_does_not_load_fails_the_job_with_its_sentence():
    backend = ScriptedBackend(load_problem=BackendError("no_model", "there is no model `m`; pull it first"))
    outcome = await run(backend, Sink())
    assert (outcome.status, outcome.reason) == ("failed", "there is no model `m`; pull it first")
    assert backend.requests == []


async def test_one_failed_request_does_not_keep_the_others_from_being_measured():
    def script(number):
        return ["x", BackendError("truncated", "the stream ended early")] if number == 3 else ["x", "y"]

    sink = Sink()
    outcome = await run(ScriptedBackend(script), sink)
    assert (outcome.status, outcome.reason) == ("failed", "the stream ended early (1 of 3 requests failed)")
    assert [event.status for event in sink.of(ev.RequestFinished)] == ["done", "done", "failed", "done"]


async def test_a_hopeless_problem_ends_the_job_at_once():
    def script(number):
        return [BackendError("unreachable", "nobody listens")] if number > 1 else ["x", "y"]

    backend = ScriptedBackend(script)
    outcome = await run(backend, Sink())
    assert outcome.status == "failed"
    assert len(backend.requests) == 2


async def test_a_watch_sends_nothing():
    backend = ScriptedBackend()
    text = "name: w\nworkloads:\n  - kind: watch\n    duration_s: 0.01\n"
    assert (await run(backend, Sink(), text=text)).status == "done"
    assert backend.requests == backend.loads == []


LOAD = "name: l\nworkloads:\n  - kind: load\n    prompts: [one, two]\n    concurrency: 3\n    requests: 6\n    max_tokens: 40\n"
MADE_UP = "name: l\nworkloads:\n  - kind: load\n    synthetic: {tokens: 4}\n    concurrency: 1\n    requests: 2\n    max_tokens: 4\n"


async def test_a_load_is_warmed_up_by_one_request_and_then_held():
    sink, backend = Sink(), ScriptedBackend(["x", 0.01, "y"])
    assert (await run(backend, sink, text=LOAD)).status == "done"
    finished = sink.of(ev.RequestFinished)
    assert [event.warmup for event in finished] == [True] + [False] * 6
    assert [event.step for event in sink.of(ev.RequestStarted)] == [0] + [1] * 6
    warmup, *held = backend.requests
    assert (warmup.max_tokens, {request.max_tokens for request in held}) == (WARMUP_TOKENS, {40})
    assert warmup.messages[0][1].endswith("one")
    (step,) = sink.of(ev.StepFinished)
    assert step.load == ev.OfferedLoad(concurrency=3)
    assert len(backend.loads) == 1


async def test_what_has_no_prompt_yet_is_warmed_up_with_one_of_ours():
    backend = ScriptedBackend(count=4)
    assert (await run(backend, Sink(), text=MADE_UP)).status == "done"
    assert backend.requests[0].messages[0][1].endswith(WARMUP_PROMPT)
    assert backend.requests[0].max_tokens == 4, "never more than the suite asks for"
    assert not any(WARMUP_PROMPT in request.messages[0][1] for request in backend.requests[1:])


async def test_a_warm_up_that_fails_keeps_a_load_from_being_sent():
    backend = ScriptedBackend([BackendError("unreachable", "nobody listens")])
    outcome = await run(backend, Sink(), text=LOAD)
    assert (outcome.status, outcome.reason) == ("failed", "nobody listens")
    assert len(backend.requests) == 1


@pytest.mark.parametrize(
    "workload", ["kind: generate, prompts: [one, two]", "kind: load, prompts: [a], concurrency: 2, requests: 4"]
)
async def test_a_job_that_takes_too_long_fails_with_what_it_has(workload):
    def script(number):
        return ["x", "y"] if number < 3 else ["x", 30.0, "y"]

    sink = Sink()
    text = f"name: q\nlimits: {{job_s: 0.2}}\nworkloads:\n  - {{{workload}}}\n"
    outcome = await run(ScriptedBackend(script), sink, text=text)
    assert outcome.status == "failed"
    assert "longer than 0.2 s" in outcome.reason
    statuses = [event.status for event in sink.of(ev.RequestFinished) if not event.warmup]
    assert statuses[0] == "done"
    assert "cancelled" in statuses


async def test_a_model_that_takes_too_long_to_load_fails_the_job():
    class Slow(ScriptedBackend):
        async def load(self, model, options):
            await asyncio.sleep(30)

    sink = Sink()
    outcome = await run(Slow(), sink, text=f"{SUITE}limits: {{load_s: 0.05}}\n")
    assert (outcome.status, sink.of(ev.ModelLoaded)) == ("failed", [])
    assert "not loaded within 0.05 s" in outcome.reason


async def test_the_time_of_a_pause_does_not_count():
    gate, sink = Gate(), Sink()

    def script(number):
        if number == 2:
            gate.close()
            asyncio.get_running_loop().call_later(0.4, gate.open)
        return ["x", "y"]

    text = f"{SUITE}limits: {{job_s: 0.3}}\n"
    assert (await run(ScriptedBackend(script), sink, text=text, gate=gate)).status == "done"
    assert gate.closed_ns() > 0.3e9


async def test_a_model_that_a_workload_loaded_in_another_way_is_loaded_anew_for_the_next_job():
    text = "name: l\nworkloads:\n  - {kind: long_context, quick: true}\n"

    class Windowed(ScriptedBackend):
        kind = "ollama"

        async def unload(self, model):
            pass

    backend, residence = Windowed(), Residence()
    first = await run(backend, Sink(), residence, text=text)
    assert first.status == "done", first.reason
    assert len(backend.loads) == 3, "once for the warm-up, and for each of two windows"
    assert residence.loaded is None
    await run(backend, Sink(), residence)
    assert len(backend.loads) == 4
