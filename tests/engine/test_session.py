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

TWO_JOBS = """
name: q
warmup: 0
workloads:
  - {kind: generate, name: first, prompts: [one, two]}
  - {kind: generate, name: second, prompts: [three]}
"""


class Targets:
    """One target with a scripted backend, or the sentence that says why there is none."""

    def __init__(self, backend=None, problem=None):
        self.backend = backend
        self.problem = problem
        self.closed = False
        self.residence = Residence()

    async def resolve(self, suite):
        server = None if self.problem else Server(url="http://127.0.0.1:9", kind="scripted", models=(Model(id="m"),))
        return [PlannedTarget("t", server, self.problem)]

    async def ready(self, name):
        if self.problem:
            return self.problem
        return ReadyTarget(name, "http://127.0.0.1:9", None, self.backend, self.residence)

    async def aclose(self):
        self.closed = True


class Watcher:
    def __init__(self):
        self.seen = []

    def watch(self, target, url, pid):
        self.seen.append((target, url, pid))


def session_for(backend, text=TWO_JOBS, problem=None):
    sink, watcher = Sink(), Watcher()
    targets = Targets(backend, problem)
    return Session("s", read_suite(text, "f"), Recorder(sink), targets=targets, watcher=watcher), sink, targets, watcher


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_session_runs_its_queue_and_closes_everything():
    session, sink, targets, watcher = session_for(ScriptedBackend())
    assert await session.run() == ("completed", None)
    assert [event.job for event in sink.of(ev.JobQueued)] == ["j1", "j2"]
    assert [(event.job, event.status) for event in sink.of(ev.JobFinished)] == [("j1", "done"), ("j2", "done")]
    assert targets.closed
    assert watcher.seen[0] == ("t", "http://127.0.0.1:9", None)
    assert set(map(type, sink.durable)) == {ev.JobFinished}


async def test_a_failed_job_does_not_stop_the_rest():
    def script(number):
        return [BackendError("server_error", "it broke")] if number == 1 else ["x"]

    session, sink, _, _ = session_for(ScriptedBackend(script))
    assert (await session.run())[0] == "completed"
    assert [event.status for event in sink.of(ev.JobFinished)] == ["failed", "done"]
    assert "it broke" in sink.of(ev.AlertRaised)[0].text


async def test_a_target_that_is_not_there_fails_a_job_with_its_sentence_and_the_others_are_skipped():
    session, sink, _, _ = session_for(None, problem="nobody listens there; start it")
    await session.run()
    assert [(event.job, event.status, event.reason) for event in sink.of(ev.JobFinished)] == [
        ("j1", "failed", "nobody listens there; start it"),
        (
            *("j2", "skipped"),
            "t has no server, see j1; 1 job skipped; once it has one, run them by: llmtui rerun s --bad",
        ),
    ]
    assert [event.job for event in sink.of(ev.JobStarted)] == ["j1"]


async def test_pausing_holds_the_next_request_and_resuming_lets_it_go():
    backend = ScriptedBackend(["x", 0.05])
    session, sink, _, _ = session_for(backend)
    running = asyncio.create_task(session.run())
    await until(lambda: len(backend.requests) == 1)
    assert session.pause()[0]
    assert not session.pause()[0]
    await until(lambda: len(sink.of(ev.RequestFinished)) == 1)
    await asyncio.sleep(0.05)
    assert len(backend.requests) == 1
    assert session.status() == (True, "0 of 2 jobs ended, j1 (first) runs, paused")
    assert session.resume()[0]
    await running
    assert len(backend.requests) == 3
    assert sink.of(ev.QueuePaused)
    assert sink.of(ev.QueueResumed)


async def test_skipping_the_running_job_closes_its_request_and_goes_on():
    backend = ScriptedBackend(lambda number: ["x", 60.0] if number == 1 else ["y"])
    session, sink, _, _ = session_for(backend)
    running = asyncio.create_task(session.run())
    await until(lambda: sink.of(ev.TokensReceived))
    assert session.skip(None) == (True, "j1 skipped")
    await running
    assert sink.of(ev.RequestFinished)[0].status == "cancelled"
    assert [(event.status, event.cause) for event in sink.of(ev.JobFinished)] == [("skipped", "user"), ("done", None)]


async def test_skipping_a_job_that_waits_never_starts_it():
    backend = ScriptedBackend(["x", 0.05])
    session, sink, _, _ = session_for(backend)
    running = asyncio.create_task(session.run())
    await until(lambda: sink.of(ev.JobStarted))
    assert session.skip("j2")[0]
    assert not session.skip("j9")[0]
    await running
    assert [event.job for event in sink.of(ev.JobStarted)] == ["j1"]
    assert [(event.job, event.cause) for event in sink.of(ev.JobFinished)] == [("j2", "user"), ("j1", None)]
    assert not session.skip("j1")[0]


async def test_a_rerun_is_a_new_iteration_at_the_end():
    backend = ScriptedBackend(["x", 0.05])
    session, sink, _, _ = session_for(backend)
    running = asyncio.create_task(session.run())
    await until(lambda: sink.of(ev.JobStarted))
    assert session.orders.rerun(["j1"]) == (True, "queued as j3")
    assert not session.orders.rerun(["j1", "nope"])[0]
    assert not session.orders.rerun([])[0]
    await running
    again = sink.of(ev.JobQueued)[2]
    assert (again.job, again.rerun_of, again.iteration) == ("j3", "j1", 2)
    assert [event.job for event in sink.of(ev.JobFinished)] == ["j1", "j2", "j3"]


@pytest.mark.parametrize("now", [True, False])
async def test_stopping_leaves_the_rest_of_the_queue_unfinished(now):
    backend = ScriptedBackend(lambda _number: ["x", 60.0 if now else 0.02])
    session, sink, targets, _ = session_for(backend)
    running = asyncio.create_task(session.run())
    await until(lambda: sink.of(ev.TokensReceived))
    session.stop(now=now)
    assert (await running)[0] == "stopped"
    assert [(event.job, event.status) for event in sink.of(ev.JobFinished)] == [("j1", "cancelled" if now else "done")]
    assert targets.closed


async def test_stopping_a_paused_session_does_not_wait_for_it():
    backend = ScriptedBackend(["x"])
    session, _, _, _ = session_for(backend)
    session.pause()
    running = asyncio.create_task(session.run())
    await asyncio.sleep(0.02)
    session.stop(now=False)
    async with asyncio.timeout(2):
        assert (await running)[0] == "stopped"
    assert backend.requests == []


async def test_a_marker_is_an_event():
    session, sink, _, _ = session_for(ScriptedBackend())
    session.mark("here")
    assert sink.of(ev.MarkerPlaced)[0].label == "here"


async def test_a_watch_needs_no_server():
    text = "name: w\nworkloads:\n  - {kind: watch, duration_s: 0.01}\n"
    session, sink, _, _ = session_for(None, text, problem="no server")
    await session.run()
    assert [event.status for event in sink.of(ev.JobFinished)] == ["done"]
