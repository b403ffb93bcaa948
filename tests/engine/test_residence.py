"""A model is loaded anew when options that count at load change, and only then."""

import pytest
from support.scripted import ScriptedBackend, Sink

from llmtui import events as ev
from llmtui.backends.base import BackendError
from llmtui.engine.bench import JobBench
from llmtui.engine.gate import Gate
from llmtui.engine.job import NO_EFFECT, STAYS, run_job
from llmtui.engine.recorder import Recorder
from llmtui.engine.residence import Residence
from llmtui.events import Model, Server
from llmtui.suites.plan import PlannedTarget, plan_jobs
from llmtui.suites.reading import read_suite
from llmtui.suites.schema import Limits

PLAIN = "name: q\nworkloads:\n  - {kind: generate, prompts: [one], options: %s}\n"
VARIED = PLAIN % "{}" + "variants:\n  - name: a\n  - {name: b, options: {num_ctx: 9, top_k: 2}}\n"
REPORT = "name: r\nworkloads:\n  - {kind: report, quick: true, reload: %s}\n"


class Ollama(ScriptedBackend):
    """Remembers what it was told about its memory, in order."""

    kind = "ollama"

    def __init__(self, *, can_unload=True, unload_problem=None):
        super().__init__()
        self.told = []
        self.can_unload = can_unload
        self.unload_problem = unload_problem

    async def load(self, model, options):
        self.told.append(("load", dict(options)))

    async def unload(self, model):
        if self.unload_problem:
            raise self.unload_problem
        if not self.can_unload:
            await super().unload(model)
        self.told.append(("unload", model))


class Ticking:
    """A clock that goes on by one with each look at it."""

    def __init__(self):
        self.now = 0

    def __call__(self):
        self.now += 1
        return self.now


async def run(text, backend, *, residence=None, sink=None, jobs=None):
    suite = read_suite(text, "f")
    server = Server(url=backend.url, kind=backend.kind, models=(Model(id="m"),))
    residence, sink = residence or Residence(), sink or Sink()
    recorder = Recorder(sink)
    for number, plan in enumerate(plan_jobs(suite, [PlannedTarget("t", server)])[:jobs], 1):
        bench = JobBench(
            recorder, backend=backend, job=f"j{number}", model="m", limits=Limits(), gate=Gate(), session="s"
        )
        outcome = await run_job(
            plan, suite, backend=backend, bench=bench, residence=residence, recorder=recorder, clock=Ticking()
        )
    return outcome, sink, residence


async def test_the_same_options_at_load_load_once():
    backend = Ollama()
    _, sink, _ = await run(PLAIN % "{num_ctx: 9}" + "iterations: 3\n", backend)
    assert backend.told == [("load", {"num_ctx": 9})]
    assert len(sink.of(ev.ModelLoaded)) == 1
    assert sum(event.warmup for event in sink.of(ev.RequestFinished)) == 1


async def test_options_that_do_not_count_at_load_do_not_load_anew():
    backend = Ollama()
    residence = Residence()
    await run(PLAIN % "{top_k: 1}", backend, residence=residence)
    await run(PLAIN % "{top_k: 2}", backend, residence=residence)
    assert len(backend.told) == 1


async def test_other_options_at_load_unload_load_and_warm_up_again():
    backend, residence, sink = Ollama(), Residence(), Sink()
    await run(PLAIN % "{num_ctx: 9}", backend, residence=residence, sink=sink)
    await run(PLAIN % "{num_ctx: 10}", backend, residence=residence, sink=sink)
    assert backend.told == [("load", {"num_ctx": 9}), ("unload", "m"), ("load", {"num_ctx": 10})]
    assert len(sink.of(ev.ModelLoaded)) == 2
    assert sum(event.warmup for event in sink.of(ev.RequestFinished)) == 2


async def test_variants_that_load_differently_never_find_the_model_of_another():
    backend = Ollama()
    _, sink, _ = await run(VARIED + "iterations: 2\n", backend)
    kinds = [what for what, _ in backend.told]
    windows = ["num_ctx" in options for what, options in backend.told if what == "load"]
    assert kinds == ["unload", "load"] * 3, "also before the first one: nobody knows how that model was loaded"
    assert windows in ([False, True, False], [True, False, True]), "ABBA: the two in the middle share their load"
    asked = [request.options for request in backend.requests if request.max_tokens != 16]
    assert sorted(options.get("num_ctx", 0) for options in asked) == [0, 0, 9, 9]
    assert not sink.of(ev.AlertRaised)


async def test_a_suite_that_loads_in_one_way_leaves_a_loaded_model_be():
    backend = Ollama()
    await run(PLAIN % "{num_ctx: 9}", backend)
    assert ("unload", "m") not in backend.told


async def test_a_model_that_can_not_be_unloaded_fails_the_job_with_its_sentence():
    backend = Ollama(unload_problem=BackendError("timeout", "it still holds the model"))
    outcome, _, _ = await run(VARIED, backend, jobs=1)
    assert (outcome.status, outcome.reason) == ("failed", "it still holds the model")
    assert backend.requests == []


class Silent(ScriptedBackend):
    """Tells no load time, as llama.cpp does."""

    async def load(self, model, options):
        return None


async def test_the_start_of_a_server_of_ours_is_its_load_time():
    residence = Residence()
    residence.started(1000)
    _, sink, residence = await run(PLAIN % "{}", Silent(), residence=residence)
    (loaded,) = sink.of(ev.ModelLoaded)
    assert (loaded.load_ns, loaded.source) == (1001, "client"), "the start and the wait for the model"
    assert residence.start_ns is None


class Holding(Silent):
    """Tells what it holds, or can't."""

    def __init__(self, held):
        super().__init__()
        self.held = held

    async def loaded(self):
        if isinstance(self.held, BackendError):
            raise self.held
        return self.held


@pytest.mark.parametrize(
    ("held", "load_ns", "source"),
    [
        (("m", "n"), None, None),
        (("n",), 1, "client"),
        (None, None, None),
        (BackendError("unreachable", "nobody listens"), None, None),
    ],
)
async def test_only_a_model_that_is_known_not_to_have_been_there_has_a_load_time(held, load_ns, source):
    _, sink, _ = await run(PLAIN % "{}", Holding(held))
    (loaded,) = sink.of(ev.ModelLoaded)
    assert (loaded.load_ns, loaded.source) == (load_ns, source)


class Forgetful(Ollama):
    """Fails to load with one window."""

    async def load(self, model, options):
        await super().load(model, options)
        if options.get("num_ctx") == 10:
            raise BackendError("server_error", "out of memory")


async def test_after_a_load_that_failed_the_old_options_load_again():
    backend, residence = Forgetful(), Residence()
    for window in (9, 10, 9):
        outcome, _, _ = await run(PLAIN % f"{{num_ctx: {window}}}", backend, residence=residence)
    assert outcome.status == "done"
    assert [options["num_ctx"] for what, options in backend.told if what == "load"] == [9, 10, 9]


# Loading anew for each run


@pytest.mark.parametrize(("reload", "loads"), [("true", 3), ("false", 1)])
async def test_a_report_can_load_its_model_before_each_run(reload, loads):
    backend = Ollama()
    _, sink, _ = await run(REPORT % reload + "iterations: 3\n", backend)
    assert [what for what, _ in backend.told] == ["load", *["unload", "load"] * (loads - 1)]
    assert len(sink.of(ev.ModelLoaded)) == loads
    assert sum(event.warmup for event in sink.of(ev.RequestFinished)) == loads


async def test_a_server_that_can_not_unload_says_so_once_and_is_measured_all_the_same():
    backend = Ollama(can_unload=False)
    outcome, sink, _ = await run(REPORT % "true" + "iterations: 3\n", backend)
    assert outcome.status == "done"
    assert len(sink.of(ev.ModelLoaded)) == 1
    (alert,) = sink.of(ev.AlertRaised)
    assert (alert.code, alert.job) == (STAYS, "j2")
    assert "can't unload" in alert.text


# Options without effect


async def test_an_option_that_the_server_passes_over_is_told_once():
    backend = Ollama()
    _, sink, _ = await run(PLAIN % "{top_kk: 1, top_k: 2}" + "iterations: 3\n", backend)
    (alert,) = sink.of(ev.AlertRaised)
    assert (alert.code, alert.severity, alert.job) == (NO_EFFECT, "warning", "j1")
    assert "`top_kk`" in alert.text
    assert backend.requests[-1].options == {"top_kk": 1, "top_k": 2}, "it is sent all the same"


async def test_known_options_are_not_told():
    _, sink, _ = await run(PLAIN % "{top_k: 2, num_gpu: 1}", Ollama())
    assert not sink.of(ev.AlertRaised)
