import asyncio

import pytest
from support.scripted import ScriptedBackend, Sink

from llmtui import events as ev
from llmtui.backends.base import BackendError
from llmtui.engine.recorder import Recorder
from llmtui.engine.residence import Residence
from llmtui.engine.session import Session
from llmtui.engine.targets import ReadyTarget
from llmtui.events import Model, Server
from llmtui.suites.plan import PlannedTarget
from llmtui.suites.reading import read_suite

FOUR = """
name: q
warmup: 1
iterations: 2
workloads:
  - {kind: generate, name: first, prompts: [one]}
  - {kind: generate, name: second, prompts: [two]}
"""
LOST = BackendError("disconnected", "it closed the connection")
REFUSED = BackendError("unreachable", "nobody listens")


class Server9(ScriptedBackend):
    """A server whose `problems` are the answers to being looked at, one after the other; after those it is well."""

    def __init__(self, script, problems=()):
        super().__init__(script)
        self.problems = list(problems)
        self.looks = 0

    async def describe(self):
        self.looks += 1
        if self.problems:
            raise self.problems.pop(0)
        return await super().describe()


class Targets:
    """Targets by name, each with its backend; those in `ours` are processes of the session."""

    def __init__(self, ours=(), **backends):
        self.backends = backends
        self.ours = ours
        self.residences = {name: Residence() for name in backends}

    async def resolve(self, _suite):
        server = Server(url="http://127.0.0.1:9", kind="scripted", models=(Model(id="m"),))
        return [PlannedTarget(name, server) for name in self.backends]

    async def ready(self, name):
        pid = 7 if name in self.ours else None
        return ReadyTarget(name, f"http://{name}:9", pid, self.backends[name], self.residences[name])

    async def aclose(self):
        pass


class Watcher:
    def watch(self, target, url, pid):
        pass


def dies_at(number, problem=LOST):
    """A script by which the server is gone from a request on."""
    return lambda request: ["x", problem] if request == number else [problem] if request > number else ["x", "y"]


def session_for(targets, within=0.0, text=FOUR):
    sink = Sink()
    session = Session(
        "s+1", read_suite(text, "f"), Recorder(sink), targets=targets, watcher=Watcher(), return_within_s=within
    )
    return session, sink


def ends(sink):
    return {event.job: event.status for event in sink.of(ev.JobFinished)}


@pytest.mark.parametrize("problem", [LOST, REFUSED])
async def test_a_server_that_is_gone_fails_one_job_and_the_others_are_skipped_in_one_sentence(problem):
    backend = Server9(dies_at(2, problem), [REFUSED] * 100)
    session, sink = session_for(Targets(t=backend))
    assert (await session.run())[0] == "completed"
    assert ends(sink) == {"j1": "failed", "j2": "skipped", "j3": "skipped", "j4": "skipped"}
    skipped = sink.of(ev.JobFinished)[1:]
    assert {(event.cause, event.reason) for event in skipped} == {
        (
            "server gone",
            "http://t:9 can't be reached; 3 jobs skipped; start it, then run them by: llmtui rerun s --bad",
        )
    }
    assert len(backend.requests) == 2, "nothing is sent to a server that is gone"
    assert [event.code for event in sink.of(ev.AlertRaised)] == ["job-failed", "server-gone"]


async def test_a_server_that_comes_back_while_it_is_waited_for_loses_no_job_and_is_warmed_up_anew():
    def script(request):
        return ["x", LOST] if request == 2 else ["x", "y"]

    backend = Server9(script, [REFUSED, REFUSED])
    session, sink = session_for(Targets(t=backend), within=30)
    await session.run()
    assert ends(sink) == {"j1": "failed", "j2": "done", "j3": "done", "j4": "done"}
    assert [event.phase for event in sink.of(ev.JobProgressed) if event.job == "j2"][:3] == [
        *("connecting", "loading", "warming up")
    ]
    assert backend.loads == ["m", "m"]
    assert sum(event.warmup for event in sink.of(ev.RequestFinished)) == 2
    assert backend.looks == 3


@pytest.mark.parametrize("kind", ["overloaded", "loading", "timeout", "refused"])
async def test_a_server_that_gives_any_answer_is_there(kind):
    backend = Server9(lambda request: ["x", LOST] if request == 2 else ["x", "y"], [BackendError(kind, "busy")])
    session, sink = session_for(Targets(t=backend))
    await session.run()
    assert ends(sink) == {"j1": "failed", "j2": "done", "j3": "done", "j4": "done"}


async def test_a_server_that_only_failed_is_not_looked_at():
    failing = BackendError("server_error", "it broke")
    backend = Server9(lambda request: ["x", failing] if request > 1 else ["x", "y"], [REFUSED] * 100)
    session, sink = session_for(Targets(t=backend))
    await session.run()
    assert set(ends(sink).values()) == {"failed"}
    assert backend.looks == 0


async def test_the_jobs_of_another_server_are_run():
    targets = Targets(a=Server9(dies_at(2), [REFUSED] * 100), b=Server9(["x", "y"]))
    session, sink = session_for(targets)
    await session.run()
    jobs = {event.job: event.target for event in sink.of(ev.JobQueued)}
    assert {(jobs[job], status) for job, status in ends(sink).items()} == {
        *(("a", "failed"), ("a", "skipped"), ("b", "done"))
    }


async def test_a_server_of_ours_is_left_to_what_starts_it_anew():
    backend = Server9(dies_at(2), [REFUSED] * 100)
    session, sink = session_for(Targets(ours=("t",), t=backend))
    await session.run()
    assert set(ends(sink).values()) == {"failed"}
    assert backend.looks == 0


async def test_the_user_can_skip_one_job_while_its_server_is_waited_for():
    backend = Server9(dies_at(2), [REFUSED] * 1000)
    session, sink = session_for(Targets(t=backend), within=3600)
    running = asyncio.create_task(session.run())
    async with asyncio.timeout(20):
        for job in ("j2", "j3", "j4"):
            while not any(e.phase == "connecting" and e.job == job for e in sink.of(ev.JobProgressed)):
                await asyncio.sleep(0.01)
            assert session.skip(None) == (True, f"{job} skipped")
        await running
    assert [event.cause for event in sink.of(ev.JobFinished)] == [None, "user", "user", "user"]


async def test_watching_needs_no_server():
    text = f"{FOUR}  - {{kind: watch, name: third, duration_s: 0.01}}\n"
    backend = Server9(dies_at(2), [REFUSED] * 100)
    session, sink = session_for(Targets(t=backend), text=text)
    await session.run()
    kinds = {event.job: event.kind for event in sink.of(ev.JobQueued)}
    assert {(kinds[job], status) for job, status in ends(sink).items()} == {
        *(("generate", "failed"), ("generate", "skipped"), ("watch", "done"))
    }
