"""The workload within the engine's session: what reaches the log, and how a job without a compiler ends."""

import pytest
from support.scripted import ScriptedBackend, Sink

from llmtui import events as ev
from llmtui.engine.recorder import Recorder
from llmtui.engine.residence import Residence
from llmtui.engine.session import Session
from llmtui.engine.targets import ReadyTarget
from llmtui.events import Model, Server
from llmtui.refactoring.fixtures import FIXTURES, fixture_of
from llmtui.suites.plan import PlannedTarget
from llmtui.suites.reading import read_suite

URL = "http://127.0.0.1:9"


class Targets:
    def __init__(self, backend):
        self.backend = backend
        self.residence = Residence()
        self.started = 0

    async def resolve(self, suite):
        return [PlannedTarget("t", Server(url=URL, kind="scripted", models=(Model(id="m"),)))]

    async def ready(self, name):
        self.started += 1
        return ReadyTarget(name, URL, None, self.backend, self.residence)

    async def aclose(self):
        pass


class Watcher:
    def watch(self, target, url, pid):
        pass


@pytest.fixture
def run():
    async def run(keys, texts):
        backend = ScriptedBackend(lambda number: [texts[(number - 1) % len(texts)]])
        sink = Sink()
        suite = read_suite(f"name: q\nwarmup: 0\nworkloads:\n  - {{kind: refactor, {keys}}}\n", "f.yaml")
        targets = Targets(backend)
        session = Session("s", suite, Recorder(sink), targets=targets, watcher=Watcher())
        await session.run()
        return sink, backend, targets

    return run


async def test_scores_and_their_parts_reach_the_log(run):
    expected = [f"```vue\n{fixture_of(name).expected}```" for name in FIXTURES]
    sink, backend, _ = await run("compiler: none", [expected[0], fixture_of(FIXTURES[1]).input, "no"])
    assert [request.messages[-1][1] for request in backend.requests] == [fixture_of(name).prompt for name in FIXTURES]
    right, untyped, none = sink.of(ev.AnswerScored)
    assert (right.task, right.score, right.passed, right.parts["structure"]) == (FIXTURES[0], 1, True, 10)
    assert (untyped.task, untyped.passed, untyped.parts["structure"]) == (FIXTURES[1], False, 1)
    assert (none.task, none.score) == (FIXTURES[2], 0)
    (finished,) = sink.of(ev.JobFinished)
    assert (finished.status, finished.passed) == ("done", False)
    (queued,) = sink.of(ev.JobQueued)
    assert (queued.kind, queued.requests, queued.parameters["pass_mark"]) == ("refactor", 3, 80)


async def test_without_the_compiler_the_job_is_skipped_and_says_what_to_do(run):
    sink, backend, _ = await run("quick: true", ["unasked"])
    (finished,) = sink.of(ev.JobFinished)
    assert (finished.status, finished.passed, backend.requests) == ("skipped", None, [])
    assert "llmtui doctor --fix refactor" in finished.reason
    assert "--set compiler=none" in finished.reason
    assert sink.of(ev.AnswerScored) == []


@pytest.mark.parametrize(("compiler", "started"), [("vue-tsc", 0), ("none", 1)])
async def test_what_can_not_be_judged_here_starts_no_server_and_loads_no_model(run, compiler, started):
    sink, backend, targets = await run(f"quick: true, compiler: {compiler}", ["no"])
    assert (targets.started, len(backend.loads), len(sink.of(ev.ModelLoaded))) == (started,) * 3
    (finished,) = sink.of(ev.JobFinished)
    assert finished.status == ("done" if started else "skipped")
    assert [event.phase for event in sink.of(ev.JobProgressed)][:1] == ["loading"][:started]
