import asyncio

import pytest
from support.scripted import ScriptedBackend, Sink

from llmtui import events as ev
from llmtui.backends.base import BackendError
from llmtui.engine.bench import JobBench
from llmtui.engine.gate import Gate
from llmtui.engine.recorder import Recorder
from llmtui.metrics.load import LoadFigures, Window
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
    job = bench(ScriptedBackend(["a", 60.0]), sink)
    task = asyncio.create_task(job.generate(HI, max_tokens=9))
    while not sink.of(ev.TokensReceived):
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sink.events[-1].status == "cancelled"
    assert sink.events[-1].figures.tokens == 1
    (cut,) = job.cut_short
    assert (cut.status, cut.text, len(cut.arrivals_ns)) == ("cancelled", "a", 1)


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


# Under load


async def test_many_requests_at_once_keep_apart_in_the_log():
    sink = Sink()
    backend = ScriptedBackend(lambda number: [f"{number}a", 0.01, f"{number}b"])
    one = bench(backend, sink)
    generations = await asyncio.gather(*(one.generate(HI, max_tokens=9, step=3) for _ in range(20)))
    started = sink.of(ev.RequestStarted)
    assert [event.request for event in started] == [f"j1.{number}" for number in range(1, 21)]
    assert {event.step for event in started} == {3}
    assert {generation.text for generation in generations} == {f"{number}a{number}b" for number in range(1, 21)}
    texts = {event.request: "" for event in started}
    for batch in sink.of(ev.TokensReceived):
        texts[batch.request] += "".join(batch.texts)
    assert texts == {f"j1.{number}": f"{number}a{number}b" for number in range(1, 21)}


async def test_a_request_is_logged_at_the_moment_at_which_it_was_due():
    sink = Sink()
    one = bench(ScriptedBackend(), sink)
    late = await one.generate(HI, max_tokens=9, due_ns=-7_000_000_000)
    now = await one.generate(HI, max_tokens=9)
    assert sink.of(ev.RequestStarted)[0].t == late.due_ns == -7_000_000_000
    assert sink.of(ev.RequestStarted)[1].t == now.due_ns >= 0
    assert late.sent_ns == sink.of(ev.RequestSent)[0].t >= 0
    assert late.sent_ns <= late.arrivals_ns[0] <= late.arrivals_ns[-1] <= late.ended_ns


async def test_a_pause_before_a_request_does_not_make_it_late():
    sink, gate = Sink(), Gate()
    one = bench(ScriptedBackend(), sink, gate)
    gate.close()
    task = asyncio.create_task(one.generate(HI, max_tokens=9))
    await asyncio.sleep(0.03)
    opened = one.now()
    gate.open()
    assert (await task).due_ns >= opened
    assert one.paused_ns() == gate.closed_ns() > 0


async def test_a_level_is_logged_with_all_that_it_showed():
    sink = Sink()
    one = bench(ScriptedBackend(), sink)
    figures = LoadFigures(8, 1, 5, False, 40.0, 2.0, 1.25, 3.5)
    one.step_finished(2, ev.OfferedLoad(concurrency=4), Window(10, 20, ("of the window",)), figures, ("of the level",))
    (event,) = sink.of(ev.StepFinished)
    assert (event.job, event.step, event.load) == ("j1", 2, ev.OfferedLoad(concurrency=4))
    assert (event.window_start, event.window_end, event.notes) == (10, 20, ("of the window", "of the level"))
    assert (event.requests, event.failed, event.good, event.kept_slo) == (8, 1, 5, False)
    assert (event.token_rate, event.request_rate, event.goodput, event.in_flight) == (40.0, 2.0, 1.25, 3.5)
    one.capacity_found(None, "nothing kept it")
    assert sink.of(ev.CapacityFound)[0].sentence == "nothing kept it"


async def test_the_rate_of_a_job_is_that_of_its_last_step_else_the_median_of_its_requests():
    one = bench(ScriptedBackend(["a", 0.01, "b", 0.01, "c"]), Sink())
    assert one.rate is None
    await one.generate(HI, max_tokens=9, warmup=True)
    assert one.rate is None, "a warm-up is no measurement"
    await one.generate(HI, max_tokens=9)
    assert one.rate > 0
    for rate in (30.0, 40.0):
        one.step_finished(
            1, ev.OfferedLoad(rate=1.0), Window(0, 1), LoadFigures(1, 0, None, None, rate, 1.0, None, 1.0)
        )
    assert one.rate == 40.0


async def test_no_line_comes_twice_in_any_job_or_session():
    def lines(session, job):
        one = JobBench(
            Recorder(Sink()), backend=None, job=job, model="m", limits=Limits(), gate=Gate(), session=session
        )
        return [one.unique_line() for _ in range(200)]

    drawn = [*lines("s1", "j1"), *lines("s1", "j2"), *lines("s2", "j1")]
    assert len(set(drawn)) == len(drawn)
    assert all(line.startswith("[") and line.endswith("]\n") for line in drawn)
    assert len({line[:4] for line in drawn}) > 300, "they differ from their first characters on"


async def test_a_server_that_does_not_count_counts_nothing():
    assert await bench(ScriptedBackend(count=7), Sink()).count_tokens("x") == 7
    assert await bench(ScriptedBackend(count=BackendError("not_supported", "no")), Sink()).count_tokens("x") is None
    assert await bench(None, Sink()).count_tokens("x") is None


async def test_a_model_is_loaded_with_other_options_after_it_was_unloaded():
    class Unloading(ScriptedBackend):
        async def unload(self, model):
            self.loads.append(f"-{model}")

    sink, backend = Sink(), Unloading()
    job = JobBench(
        Recorder(sink), backend=backend, job="j1", model="m", limits=Limits(), gate=Gate(), session="s", target="t"
    )
    assert (job.server_kind, job.reloaded) == ("scripted", None)
    load = await job.load_model({"num_ctx": 512})
    assert (load.load_ns, load.source, load.problem) == (7, "server", None)
    assert (backend.loads, job.reloaded) == (["-m", "m"], {"num_ctx": 512})
    (loaded,) = sink.of(ev.ModelLoaded)
    assert (loaded.target, loaded.model, loaded.load_ns) == ("t", "m", 7)


async def test_a_model_that_does_not_load_is_a_sentence_and_no_event():
    sink = Sink()
    backend = ScriptedBackend(load_problem=BackendError("server_error", "it does not fit into memory"))
    load = await bench(backend, sink).load_model({})
    assert (load.load_ns, load.problem, load.problem_kind) == (None, "it does not fit into memory", "server_error")
    assert sink.of(ev.ModelLoaded) == []
    assert (await bench(None, sink).load_model({})).problem_kind == "unreachable"


async def test_a_model_that_can_not_be_unloaded_is_loaded_all_the_same():
    assert (await bench(ScriptedBackend(), Sink()).load_model({})).load_ns == 7


async def test_the_server_is_asked_what_the_model_has_now():
    class Broken(ScriptedBackend):
        async def describe(self):
            raise BackendError("unreachable", "nobody listens")

    assert (await bench(ScriptedBackend(), Sink()).describe_model()).id == "m"
    assert await bench(Broken(), Sink()).describe_model() is None
    assert await bench(None, Sink()).describe_model() is None


async def test_a_context_is_logged_with_its_job():
    sink = Sink()
    bench(ScriptedBackend(), sink).context_tried(ev.ContextTried(t=0, job="", size=4096, outcome="measured"))
    (tried,) = sink.of(ev.ContextTried)
    assert (tried.job, tried.size) == ("j1", 4096)
