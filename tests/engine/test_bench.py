import asyncio

import pytest
from support.scripted import ScriptedBackend, Sink

from llmtui import events as ev
from llmtui.backends.base import BackendError
from llmtui.engine.bench import JobBench
from llmtui.engine.gate import Gate
from llmtui.engine.recorder import Recorder
from llmtui.suites.schema import Limits

HI = (("user", "hi"),)


def bench(backend, sink, gate=None):
    return JobBench(
        Recorder(sink), backend=backend, job="j1", model="m", limits=Limits(), gate=gate or Gate(), session="s"
    )


async def test_a_request_is_logged_from_start_to_finish():
    sink = Sink()
    generation = await bench(ScriptedBackend(), sink).generate(HI, max_tokens=9, temperature=0.5, seed=1)
    kinds = [event.__struct_config__.tag for event in sink.events]
    assert kinds == ["request_started", "request_sent", "tokens_received", "request_finished"]
    assert (generation.status, generation.text) == ("done", "Hello world")
    finished = sink.events[-1]
    assert finished.figures.tokens_basis == "server"
    assert "a note of the backend" in finished.figures.notes
    assert finished.figures.connect_ns == 5
    assert sink.events[0].options == {"max_tokens": 9, "temperature": 0.5, "seed": 1}
    times = [event.t for event in sink.events]
    assert times == sorted(times)


async def test_a_failure_keeps_what_was_measured():
    sink = Sink()
    backend = ScriptedBackend(["a", "b", BackendError("disconnected", "the server went away; is it still running?")])
    generation = await bench(backend, sink).generate(HI, max_tokens=9)
    assert (generation.status, generation.problem_kind, generation.text) == ("failed", "disconnected", "ab")
    finished = sink.events[-1]
    assert finished.problem == "the server went away; is it still running?"
    assert finished.figures.ttft_ns is not None
    assert sink.of(ev.TokensReceived)[0].texts == ("a", "b")


async def test_a_cancelled_request_is_closed_in_the_log():
    sink = Sink()
    task = asyncio.create_task(bench(ScriptedBackend(["a", 60.0]), sink).generate(HI, max_tokens=9))
    while not sink.of(ev.TokensReceived):
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sink.events[-1].status == "cancelled"
    assert sink.events[-1].figures.tokens == 1


async def test_chunks_are_batched_and_reasoning_stands_apart():
    sink = Sink()
    script = [("reasoning", "think"), ("reasoning", "ing"), "an", 0.12, "swer"]
    await bench(ScriptedBackend(script), sink).generate(HI, max_tokens=9)
    batches = sink.of(ev.TokensReceived)
    assert [(batch.kind, batch.texts) for batch in batches] == [
        ("reasoning", ("think", "ing")),
        ("answer", ("an",)),
        ("answer", ("swer",)),
    ]


async def test_a_server_without_counts_is_asked_for_its_tokenizer():
    sink = Sink()
    backend = ScriptedBackend(usage=ev.Usage(), count=42)
    await bench(backend, sink).generate(HI, max_tokens=9)
    assert (sink.events[-1].figures.tokens, sink.events[-1].figures.tokens_basis) == (42, "tokenizer")
    backend = ScriptedBackend(usage=ev.Usage(), count=BackendError("not_supported", "no tokenizer"))
    await bench(backend, sink).generate(HI, max_tokens=9)
    assert sink.events[-1].figures.tokens_basis == "chunks"


async def test_a_closed_gate_holds_the_next_request():
    sink, gate, backend = Sink(), Gate(), ScriptedBackend()
    gate.close()
    task = asyncio.create_task(bench(backend, sink, gate).generate(HI, max_tokens=9))
    await asyncio.sleep(0.02)
    assert backend.requests == []
    gate.open()
    assert (await task).status == "done"


async def test_unique_requests_share_no_first_token():
    backend = ScriptedBackend()
    one = bench(backend, Sink())
    for _ in range(3):
        await one.generate(HI, max_tokens=9, unique=True)
    await one.generate(HI, max_tokens=9)
    firsts = [request.messages[0][1].split("\n")[0] for request in backend.requests]
    assert len(set(firsts[:3])) == 3
    assert backend.requests[3].messages == HI
