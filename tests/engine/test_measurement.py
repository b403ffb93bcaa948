import asyncio

import pytest
from support.scripted import ScriptedBackend, Sink

from llmtui import events as ev
from llmtui.backends.base import BackendError, Chunk, End, GenerationRequest, Posted, Sent
from llmtui.engine.measurement import Measurement
from llmtui.engine.recorder import Recorder

ORIGIN = 1_000
MS = 1_000_000
REQUEST = GenerationRequest(model="m", messages=(("user", "hi"),))


class Playing:
    """Streams items whose moments are given."""

    def __init__(self, *items):
        self.items = items
        self.closed = False

    async def stream(self, _request):
        try:
            for item in self.items:
                if isinstance(item, BackendError):
                    raise item
                yield item
        finally:
            self.closed = True


def measurement(sink):
    return Measurement(Recorder(sink, clock=lambda: ORIGIN, origin_ns=ORIGIN), "j1.1", due_ns=5)


async def measured(*items):
    sink, backend = Sink(), Playing(*items)
    one = measurement(sink)
    await one.run(backend, REQUEST)
    assert backend.closed
    return one, sink


def at(ms, text="x", **more):
    return Chunk(ORIGIN + ms * MS, text, **more)


async def test_moments_count_from_the_sessions_origin():
    one, sink = await measured(
        Sent(ORIGIN + 7, 3), at(10), at(20), End(ORIGIN + 21 * MS, "stop", ev.Usage(completion_tokens=2))
    )
    assert (one.due_ns, one.sent_ns, one.arrivals_ns) == (5, 7, (10 * MS, 20 * MS))
    assert sink.of(ev.RequestSent) == [ev.RequestSent(t=7, request="j1.1", connect_ns=3)]
    assert one.figures().ttft_ns == 10 * MS - 7
    assert (one.figures().tokens, one.figures().tokens_basis) == (2, "server")
    assert one.problem is None


@pytest.mark.parametrize(
    ("messages", "logged"),
    [
        ([{"role": "user", "content": "hi"}], None),
        ([{"role": "user", "content": "changed by an option"}], [{"role": "user", "content": "changed by an option"}]),
    ],
)
async def test_what_was_posted_is_logged_and_its_messages_only_once(messages, logged):
    body = {"model": "m", "messages": messages, "seed": 1}
    _, sink = await measured(Sent(ORIGIN, None, posted=Posted("http://x/v1", body, keyed=True)), at(1))
    (sent,) = sink.of(ev.RequestSent)
    assert (sent.url, sent.keyed) == ("http://x/v1", True)
    assert list(sent.body.items()) == [("model", "m"), ("messages", logged), ("seed", 1)]


async def test_answer_and_reasoning_stand_apart():
    one, _ = await measured(Sent(ORIGIN, None), at(1, "hm", reasoning=True), at(2, "a"), at(3, "b"))
    assert (one.reasoning, one.text) == ("hm", "ab")


async def test_a_request_that_never_left_has_no_moments():
    one, sink = await measured(BackendError("unreachable", "nobody listens"))
    assert (one.sent_ns, one.arrivals_ns, one.text) == (None, (), "")
    assert (one.problem, one.problem_kind) == ("nobody listens", "unreachable")
    assert one.figures().ttft_ns is None
    assert one.figures().missing["ttft_ns"]
    assert sink.events == []


async def test_a_problem_in_mid_stream_keeps_and_logs_what_came():
    one, sink = await measured(Sent(ORIGIN, 1), at(1, "a"), at(2, "b"), BackendError("stalled", "it fell silent"))
    assert (one.problem_kind, one.text) == ("stalled", "ab")
    assert [text for batch in sink.of(ev.TokensReceived) for text in batch.texts] == ["a", "b"]
    assert one.figures().chunks == 2


@pytest.mark.parametrize(
    ("chunk", "usage", "uncounted"),
    [
        (at(1), ev.Usage(), True),
        (at(1), None, True),
        (at(1), ev.Usage(completion_tokens=0), True),
        (at(1), ev.Usage(completion_tokens=3), False),
        (at(1, tokens=3), ev.Usage(), False),
        (None, ev.Usage(), False),
    ],
)
async def test_whether_somebody_else_has_to_count(chunk, usage, uncounted):
    items = [Sent(ORIGIN, 1), *([chunk] if chunk else []), End(ORIGIN + 9, "stop", usage)]
    one, _ = await measured(*items)
    assert one.uncounted is uncounted


async def test_notes_of_the_backend_stand_beside_the_figures():
    one, _ = await measured(Sent(ORIGIN, 1), at(1), End(ORIGIN + 9, "stop", None, notes=("mind this",)))
    assert one.figures().notes[-1] == "mind this"


async def test_a_cancelled_request_logs_what_came_first():
    sink = Sink()
    one = measurement(sink)
    task = asyncio.create_task(one.run(ScriptedBackend(["a", 60.0]), REQUEST))
    async with asyncio.timeout(5):
        while not one.arrivals_ns:
            await asyncio.sleep(0.002)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [batch.texts for batch in sink.of(ev.TokensReceived)] == [("a",)]
