import asyncio
from collections import Counter

import pytest
from support.scripted import ScriptedBackend, Sink

from llmtui import events as ev
from llmtui.backends.base import BackendError
from llmtui.engine.recorder import Recorder
from llmtui.engine.residence import Residence
from llmtui.engine.session import Session
from llmtui.engine.targets import ReadyTarget
from llmtui.engine.unloading import CANNOT_UNLOAD, FOUND, UNKNOWN
from llmtui.events import Model, Server
from llmtui.suites.plan import PlannedTarget
from llmtui.suites.reading import read_suite
from llmtui.telemetry.sensors import Sample, Sensors

SUITE = "name: c\nwarmup: {warmup}\nworkloads:\n  - {{kind: compare-models, name: same, prompts: [one, two]}}\n"


class Holding(ScriptedBackend):
    """A server with models in memory, at most `room` of them: the oldest goes first.

    `liar` says that it unloaded a model and lists it all the same, `fixed` can't unload, `silent` does not tell.
    """

    def __init__(self, names, *, held=(), room=9, liar=False, fixed=False, silent=False, broken=(), script=("x", "y")):
        super().__init__(script)
        self.names = names
        self.held = list(held)
        self.room, self.liar, self.fixed, self.silent, self.broken = room, liar, fixed, silent, broken
        self.did = []

    async def describe(self):
        return Server(url=self.url, kind=self.kind, models=tuple(Model(id=name) for name in self.names))

    async def load(self, model, options):
        self.did.append(("load", model))
        if model in self.broken:
            raise BackendError("server_error", f"{model} is damaged")
        if model not in self.held:
            self.held = [*self.held, model][-self.room :]

    async def loaded(self):
        return None if self.silent else tuple(self.held)

    async def unload(self, model):
        if self.fixed:
            await super().unload(model)
        self.did.append(("unload", model))
        if not self.liar:
            self.held = [name for name in self.held if name != model]


class Targets:
    """Targets by name, each with a backend; those in `ours` are stopped and started by the session."""

    def __init__(self, ours=(), **backends):
        self.backends = backends
        self.ours = set(ours)
        self.running = set()
        self.most_running = 0
        self.residences = {name: Residence() for name in backends}

    async def resolve(self, _suite):
        return [PlannedTarget(name, await backend.describe()) for name, backend in self.backends.items()]

    def _ready(self, name):
        pid = 7 if name in self.ours else None
        return ReadyTarget(name, "http://127.0.0.1:9", pid, self.backends[name], self.residences[name])

    async def ready(self, name, *, beside=False):
        if name in self.ours:
            self.running = {*(self.running if beside else ()), name}
            self.most_running = max(self.most_running, len(self.running))
        return self._ready(name)

    def connected(self):
        return [self._ready(name) for name in self.backends if name not in self.ours or name in self.running]

    async def release(self, name):
        ran = name in self.running
        self.running.discard(name)
        return ran

    async def aclose(self):
        pass


class Watcher:
    def __init__(self):
        self.seen = []

    def watch(self, target, url, pid):
        self.seen.append(target)


def session_of(targets, models="", warmup=0, sensors=None, sink=None, **overrides):
    sink = sink or Sink()
    overrides |= {"models": f"[{', '.join(models)}]"} if models else {}
    suite = read_suite(SUITE.format(warmup=warmup), "f", {key: str(value) for key, value in overrides.items()})
    watcher = Watcher()
    return Session("s", suite, Recorder(sink), targets=targets, watcher=watcher, sensors=sensors), sink, watcher


async def run(targets, models="", **settings):
    session, sink, watcher = session_of(targets, models, **settings)
    assert (await session.run())[0] == "completed"
    return sink, watcher


def unloads(sink):
    return [(event.job, event.model, event.gone, event.found) for event in sink.of(ev.ModelUnloaded)]


async def test_one_after_another_each_is_alone_in_memory():
    server = Holding(("a", "b"))
    sink, _ = await run(Targets(x=server), "ab")
    assert server.did == [("load", "a"), ("unload", "a"), ("load", "b"), ("unload", "b")]
    assert unloads(sink) == [("j1", "a", True, False), ("j2", "b", True, False)]
    assert [(event.job, event.model, event.status) for event in sink.of(ev.ModelFinished)] == [
        ("j1", "a", "done"),
        ("j2", "b", "done"),
    ]
    assert all(event.wait_ns is not None for event in sink.of(ev.ModelUnloaded))
    assert [event.model for event in sink.of(ev.ModelLoaded)] == ["a", "b"]
    assert all(event.load_ns is not None and event.source == "client" for event in sink.of(ev.ModelLoaded))
    assert {event.status for event in sink.of(ev.JobFinished)} == {"done"}


async def test_what_was_in_memory_before_makes_room_is_told_and_not_loaded_again():
    server = Holding(("a", "b", "z"), held=("z", "a"))
    sink, _ = await run(Targets(x=server), "a")
    assert server.did == [("unload", "z"), ("unload", "a"), ("load", "a"), ("unload", "a")]
    assert unloads(sink) == [("j1", "z", True, True), ("j1", "a", True, True), ("j1", "a", True, False)]
    assert server.held == []


async def test_all_targets_of_the_session_make_room():
    one, other = Holding(("a",)), Holding(("b",), held=("b",))
    await run(Targets(x=one, y=other), "a")
    assert other.did == [("unload", "b")]


async def test_a_server_that_says_it_unloaded_but_still_lists_the_model_has_not():
    server = Holding(("a", "b"), liar=True)
    sink, _ = await run(Targets(x=server), "ab")
    stays = [event for event in sink.of(ev.ModelUnloaded) if event.gone is False]
    assert [(event.job, event.model) for event in stays] == [("j1", "a"), ("j2", "a"), ("j2", "b")]
    assert all("still lists it" in event.reason and event.wait_ns is None for event in stays)
    assert not any(event.found for event in stays), "the session itself asked for it"
    assert Counter(event.code for event in sink.of(ev.AlertRaised)) == {"stays-in-memory": 3}


async def test_a_server_that_cannot_unload_says_so_once_a_model():
    server = Holding(("a",), held=("a",), fixed=True)
    sink, _ = await run(Targets(x=server), "a")
    (event,) = sink.of(ev.ModelUnloaded)
    assert (event.gone, event.reason) == (False, CANNOT_UNLOAD)
    (alert,) = sink.of(ev.AlertRaised)
    assert "stays in memory" in alert.text
    (loaded,) = sink.of(ev.ModelLoaded)
    assert (loaded.load_ns, loaded.source) == (None, None), "it was loaded already, so no time is known"


async def test_a_server_that_does_not_tell_leaves_it_unknown():
    sink, _ = await run(Targets(x=Holding(("a",), silent=True)), "a")
    (event,) = sink.of(ev.ModelUnloaded)
    assert (event.gone, event.reason, event.wait_ns) == (None, UNKNOWN, None)
    assert sink.of(ev.AlertRaised) == []


async def test_together_they_are_one_job_with_requests_to_each():
    one, other = Holding(("a", "b")), Holding(("c",))
    sink, watcher = await run(Targets(x=one, y=other), "abc", mode="parallel")
    (queued,) = sink.of(ev.JobQueued)
    assert [(place.target, place.model) for place in queued.models] == [("x", "a"), ("x", "b"), ("y", "c")]
    started = sink.of(ev.RequestStarted)
    assert Counter((event.target, event.model) for event in started) == {("x", "a"): 2, ("x", "b"): 2, ("y", "c"): 2}
    assert len({event.request for event in started}) == 6
    assert len({event.messages for event in started}) == 2, "word for word the same for all models"
    assert sorted(request.model for request in one.requests) == ["a", "a", "b", "b"]
    assert [request.model for request in other.requests] == ["c", "c"]
    assert {(event.model, event.gone) for event in sink.of(ev.ModelUnloaded)} == {("a", True), ("b", True), ("c", True)}
    assert set(watcher.seen) == {""}, "one server's processes would stand for all"
    order = [type(event) for event in sink.events if isinstance(event, ev.ModelLoaded | ev.RequestStarted)]
    assert order[:3] == [ev.ModelLoaded] * 3


async def test_together_what_was_in_memory_before_stays_there():
    server = Holding(("a", "b", "z"), held=("z", "a"))
    sink, _ = await run(Targets(x=server), "ab", mode="parallel")
    assert server.did == [("load", "a"), ("load", "b"), ("unload", "b")]
    kept = next(event for event in sink.of(ev.ModelUnloaded) if event.model == "a")
    assert (kept.gone, kept.found, kept.reason) == (False, True, FOUND)
    assert server.held == ["z", "a"]


@pytest.mark.parametrize(("room", "warned"), [(1, True), (2, False)])
async def test_a_server_without_room_for_all_at_once_is_told(room, warned):
    sink, _ = await run(Targets(x=Holding(("a", "b"), room=room)), "ab", mode="parallel")
    alerts = [event for event in sink.of(ev.AlertRaised) if event.code == "not-together"]
    assert bool(alerts) is warned
    assert all("does not hold 2 models at once: a had to go again" in alert.text for alert in alerts)


async def test_our_own_servers_run_beside_one_another_only_together():
    for mode, most in (("serial", 1), ("parallel", 2)):
        targets = Targets(ours=("x", "y"), x=Holding(("a",), fixed=True), y=Holding(("b",), fixed=True))
        sink, _ = await run(targets, mode=mode)
        assert targets.most_running == most
        assert targets.running == set()
        assert [event.gone for event in sink.of(ev.ModelUnloaded)] == [True, True], "their process is gone"


async def test_one_that_cannot_be_loaded_fails_alone_with_its_time():
    server = Holding(("a", "b"), broken=("b",))
    sink, _ = await run(Targets(x=server), "ab", mode="parallel")
    ended = {event.model: event for event in sink.of(ev.ModelFinished)}
    assert (ended["a"].status, ended["b"].status) == ("done", "failed")
    assert (ended["b"].problem, ended["b"].asked) == ("b is damaged", None)
    assert ended["b"].t >= ended["b"].start
    assert sink.of(ev.JobFinished)[0].reason == "1 of 2 models failed: b: b is damaged"
    assert len(sink.of(ev.RequestFinished)) == 2
    assert ("unload", "b") not in server.did, "it never was in memory"


async def test_a_load_that_takes_too_long_is_given_up():
    class Slow(Holding):
        async def load(self, model, options):
            await asyncio.sleep(30)

    sink, _ = await run(Targets(x=Slow(("a",))), "a", **{"limits.load_s": 0.05})
    assert sink.of(ev.JobFinished)[0].reason == "a was not loaded within 0.05 s; raise `limits.load_s` in the suite"


async def test_each_model_is_warmed_up():
    sink, _ = await run(Targets(x=Holding(("a", "b"))), "ab", warmup=1, mode="parallel")
    assert [event.model for event in sink.of(ev.RequestStarted) if event.warmup] == ["a", "b"]


async def test_a_warm_up_that_fails_is_the_end_of_its_model():
    server = Holding(("a",), script=[BackendError("unreachable", "nobody listens")])
    sink, _ = await run(Targets(x=server), "a", warmup=1)
    assert [event.problem for event in sink.of(ev.ModelFinished)] == ["nobody listens"]
    assert len(server.requests) == 1
    assert server.held == [], "it was loaded, so it is unloaded"


async def test_the_limit_of_a_job_ends_a_comparison():
    server = Holding(("a",), script=["x", 30.0])
    sink, _ = await run(Targets(x=server), "a", **{"limits.job_s": 0.1})
    assert "took longer than 0.1 s" in sink.of(ev.JobFinished)[0].reason
    assert [event.status for event in sink.of(ev.ModelFinished)] == ["cancelled"]
    assert server.held == []


async def test_a_job_that_is_skipped_leaves_nothing_in_memory():
    server = Holding(("a", "b"), script=["x", 30.0])
    session, sink, _ = session_of(Targets(x=server), "ab", mode="parallel")
    running = asyncio.create_task(session.run())
    async with asyncio.timeout(5):
        while len(server.requests) < 2:
            await asyncio.sleep(0.005)
    assert session.skip(None)[0]
    await running
    assert [event.status for event in sink.of(ev.JobFinished)] == ["skipped"]
    assert [event.status for event in sink.of(ev.ModelFinished)] == ["cancelled"] * 2
    assert server.held == []


async def test_the_memory_is_read_after_the_model_is_gone():
    sensors, sink = Sensors(), Sink()
    session, _, _ = session_of(Targets(x=Holding(("a",))), "a", sensors=sensors, sink=sink)
    recorder = session._recorder

    async def sample():
        used = 900.0
        while True:
            values = {"ram.used": used, "gpu.0.memory.used": 5.0, "cpu.percent": 3.0}
            sensors.take(Sample(recorder.now(), values, {}))
            await asyncio.sleep(0.005)

    sampling = asyncio.create_task(sample())
    await session.run()
    sampling.cancel()
    (event,) = sink.of(ev.ModelUnloaded)
    assert event.memory == {"ram.used": 900.0, "gpu.0.memory.used": 5.0}


async def test_without_a_sampler_nobody_waits_for_the_memory():
    sink, _ = await run(Targets(x=Holding(("a",))), "a")
    assert [event.memory for event in sink.of(ev.ModelUnloaded)] == [{}]


async def test_other_jobs_of_the_session_load_again_what_a_comparison_let_go():
    text = """
name: c
warmup: 0
workloads:
  - {kind: generate, name: before, prompts: [x]}
  - {kind: compare-models, name: same, prompts: [one]}
  - {kind: generate, name: after, prompts: [x]}
"""
    server, sink = Holding(("a",)), Sink()
    session = Session("s", read_suite(text, "f", {}), Recorder(sink), targets=Targets(x=server), watcher=Watcher())
    await session.run()
    assert {event.status for event in sink.of(ev.JobFinished)} == {"done"}
    moves = [("load", "a"), ("unload", "a")]
    assert server.did == [*moves, *moves, ("load", "a")]
    assert not any(event.found for event in sink.of(ev.ModelUnloaded)), "the session itself had loaded it"
    assert [event.target for event in sink.of(ev.RequestStarted)] == ["", "x", ""]
