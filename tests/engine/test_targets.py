import socket

import pytest
from support.scripted import Sink

from llmtui import events as ev
from llmtui.engine.recorder import Recorder
from llmtui.engine.targets import NOBODY, TargetSet
from llmtui.events import Model
from llmtui.servers.base import ServerError
from llmtui.suites.reading import read_suite
from llmtui.testing.answers import Answer
from llmtui.testing.byte_server import ByteServer


class FakeServer:
    """A server of ours that lives as long as it is told to; `server` is what answers at its address."""

    def __init__(self, name, server, problem=None):
        self.server = server
        self.model = Model(id=name)
        self.pid = None
        self.running = False
        self.starts = 0
        self._problem = problem

    async def start(self):
        if self._problem:
            raise ServerError(self._problem)
        self.starts += 1
        self.pid, self.running = 1000 + self.starts, True
        return self.server.url

    async def stop(self):
        self.pid, self.running = None, False
        return 0

    def problem(self):
        return "the embedded server ended by signal SIGKILL"


class Factory:
    def __init__(self, server=None, problem=None, start_problem=None):
        self.made = []
        self._server = server
        self._problem = problem
        self._start_problem = start_problem

    def prepare(self, model, suite):
        if self._problem:
            raise ServerError(self._problem)
        self.made.append(FakeServer(model or "default", self._server, self._start_problem))
        return self.made[-1]


def respond(request):
    if request.path.startswith("/props"):
        return Answer.json({"default_generation_settings": {"n_ctx": 64}, "total_slots": 1, "model_alias": "default"})
    return Answer.json({"object": "list", "data": [{"id": "default", "owned_by": "llamacpp"}]})


@pytest.fixture
def answering():
    with ByteServer(respond) as server:
        yield server


def suite(targets, **overrides):
    text = f"name: q\ntargets: [{targets}]\nworkloads:\n  - {{kind: generate, prompts: [x]}}\n"
    return read_suite(text, "f", overrides)


@pytest.fixture
def silent_port():
    """A port that is bound, so that nobody else can take it, but on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


async def test_our_server_starts_when_its_turn_comes_and_stops_at_the_end(answering):
    sink, factory = Sink(), Factory(answering)
    targets = TargetSet(Recorder(sink), factory)
    (planned,) = await targets.resolve(suite("embedded"))
    assert planned.server.models == (Model(id="default"),)
    assert factory.made[0].starts == 0
    ready = await targets.ready("embedded")
    assert (ready.url, ready.pid) == (answering.url, 1001)
    assert (await targets.ready("embedded")).pid == 1001
    await targets.aclose()
    assert factory.made[0].starts == 1
    assert sink.of(ev.ServerStarted)[0].pid == 1001
    stopped = sink.of(ev.ServerStopped)[0]
    assert (stopped.pid, stopped.reason) == (1001, None)


async def test_a_server_of_ours_that_died_is_reported_and_started_anew(answering):
    sink, factory = Sink(), Factory(answering)
    targets = TargetSet(Recorder(sink), factory)
    await targets.resolve(suite("embedded"))
    first = await targets.ready("embedded")
    first.residence.loaded = "default"
    factory.made[0].running = False
    second = await targets.ready("embedded")
    await targets.aclose()
    assert second.pid == 1002
    assert second.residence.loaded is None
    assert "SIGKILL" in sink.of(ev.ServerStopped)[0].reason
    assert sink.of(ev.AlertRaised)[0].code == "server-died"


async def test_a_server_of_ours_that_no_longer_answers_is_started_anew():
    factory = Factory(ByteServer(respond))
    factory._server.start()
    targets = TargetSet(Recorder(Sink()), factory)
    await targets.resolve(suite("embedded"))
    assert (await targets.ready("embedded")).pid == 1001
    factory._server.close()
    assert (await targets.ready("embedded")).pid == 1002
    await targets.aclose()


async def test_two_models_are_never_in_memory_at_once(answering):
    sink, factory = Sink(), Factory(answering)
    targets = TargetSet(Recorder(sink), factory)
    planned = await targets.resolve(suite("embedded", models="[a, b]"))
    assert [(target.name, target.models) for target in planned] == [("embedded:a", ("a",)), ("embedded:b", ("b",))]
    await targets.ready("embedded:a")
    await targets.ready("embedded:b")
    assert [server.running for server in factory.made] == [False, True]
    await targets.aclose()


@pytest.mark.parametrize("stage", ["prepare", "start"])
async def test_a_server_that_cannot_be_had_says_why(stage):
    sentence = "the embedded server is not installed; run this"
    factory = Factory(problem=sentence) if stage == "prepare" else Factory(start_problem=sentence)
    targets = TargetSet(Recorder(Sink()), factory)
    (planned,) = await targets.resolve(suite("embedded"))
    assert (planned.problem if stage == "prepare" else await targets.ready("embedded")) == sentence
    await targets.aclose()


async def test_a_url_where_nobody_listens_gets_a_sentence_and_an_alert(silent_port):
    sink = Sink()
    url = f"http://127.0.0.1:{silent_port}"
    targets = TargetSet(Recorder(sink), Factory(), urls=(url,))
    (planned,) = await targets.resolve(suite("embedded"))
    assert planned.name == url
    assert planned.server is None
    assert url in planned.problem
    assert sink.of(ev.AlertRaised)[0].text == planned.problem
    assert await targets.ready(url) == f"there is no target `{url}`"
    await targets.aclose()


async def test_without_servers_the_user_learns_what_to_do():
    targets = TargetSet(Recorder(Sink()), Factory(), usual_urls=())
    (planned,) = await targets.resolve(suite(""))
    assert planned.problem == NOBODY
    await targets.aclose()


@pytest.mark.embedded
async def test_a_real_server_is_found_by_its_url_and_not_stopped(llamacpp_server):
    sink = Sink()
    targets = TargetSet(Recorder(sink), Factory(), urls=(llamacpp_server.url,))
    (planned,) = await targets.resolve(suite("embedded"))
    assert planned.server.models[0].id == llamacpp_server.model
    ready = await targets.ready(llamacpp_server.url)
    assert ready.pid is None
    await targets.aclose()
    assert sink.of(ev.ServerStopped) == []


async def test_a_server_that_runs_beside_another_one_does_not_stop_it(answering):
    sink, factory = Sink(), Factory(answering)
    targets = TargetSet(Recorder(sink), factory)
    await targets.resolve(suite("embedded", models="[a, b]"))
    await targets.ready("embedded:a")
    await targets.ready("embedded:b", beside=True)
    assert [server.running for server in factory.made] == [True, True]
    assert [ready.name for ready in targets.connected()] == ["embedded:a", "embedded:b"]
    await targets.ready("embedded:b")
    assert factory.made[0].running, "one that runs already needs no room made for it"
    await targets.aclose()


async def test_a_server_of_ours_is_released_and_one_of_others_is_not(answering):
    sink, factory = Sink(), Factory(answering)
    targets = TargetSet(Recorder(sink), factory)
    await targets.resolve(suite(f"embedded, '{answering.url}'"))
    await targets.ready("embedded")
    assert not await targets.release(answering.url)
    assert await targets.release("embedded")
    assert not await targets.release("embedded")
    assert not await targets.release("nobody")
    assert [ready.name for ready in targets.connected()] == [answering.url]
    assert [event.target for event in sink.of(ev.ServerStopped)] == ["embedded"]
    assert sink.of(ev.AlertRaised) == []
    await targets.aclose()


async def test_beside_the_others_a_server_that_fell_silent_is_still_started_anew():
    factory = Factory(ByteServer(respond))
    factory._server.start()
    targets = TargetSet(Recorder(Sink()), factory)
    await targets.resolve(suite("embedded"))
    await targets.ready("embedded")
    factory._server.close()
    assert (await targets.ready("embedded", beside=True)).pid == 1002
    await targets.aclose()
