"""Models side by side by the command line: on servers of our own, on others', and on scripted ones that tell."""

import asyncio
import re
import shutil

import pytest
from support.model_servers import LlamaRouter, LmStudio, Ollama

from llmtui import events as ev
from llmtui.log.read import read_log
from llmtui.servers.embedded import EmbeddedFactory
from llmtui.suites.schema import Embedded, Suite
from llmtui.testing.byte_server import ByteServer

FAST = ("--plain", "--set", "quick=true", "--set", "sample_ms=100", "--set", "max_tokens=12")
SMALL = ("--set", "embedded.threads=1", "--set", "embedded.context=512")
GONE = re.compile(r"was gone from memory after [\d.]+ \w+")


def compare(llmtui, *arguments):
    return llmtui("run", "compare-models", *arguments, *FAST)


def events_of(llmtui, kind):
    return [event for event in read_log(llmtui.log()).events if isinstance(event, kind)]


@pytest.fixture
def two_files(llmtui, llamacpp_server):
    """The small model under two names."""
    for name in ("one", "two"):
        shutil.copyfile(llamacpp_server.model_path, llmtui.folder / f"{name}.gguf")
    return ("-m", "./one.gguf", "-m", "./two.gguf")


@pytest.mark.embedded
def test_one_after_another_each_embedded_model_has_the_memory_to_itself(llmtui, two_files, gone):
    run = compare(llmtui, *two_files, *SMALL)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 of 2 models answered" in run.stdout
    assert re.search(
        r"tok/s: fastest (one|two) [\d.]+, slowest (one|two) [\d.]+, average [\d.]+ over 2 models", run.stdout
    )
    assert len(GONE.findall(run.stdout)) == 2
    assert re.search(r"in use then: [\d.]+ \wiB RAM", run.stdout), "the memory after the unload is noted"
    order = [
        (type(event), event.target)
        for event in read_log(llmtui.log()).events
        if isinstance(event, ev.ServerStarted | ev.ServerStopped)
    ]
    one, two = "embedded:./one.gguf", "embedded:./two.gguf"
    turns = [(ev.ServerStarted, one), (ev.ServerStopped, one), (ev.ServerStarted, two), (ev.ServerStopped, two)]
    assert order == turns
    assert all(gone(event.pid) for event in events_of(llmtui, ev.ServerStarted))
    assert [event.source for event in events_of(llmtui, ev.ModelLoaded)] == ["client"] * 2


@pytest.mark.embedded
def test_together_two_embedded_models_are_asked_at_once_and_one_that_is_none_fails_alone(llmtui, two_files, gone):
    (llmtui.folder / "broken.gguf").write_text("not a model")
    run = compare(llmtui, *two_files, "-m", "./broken.gguf", "--set", "mode=parallel", *SMALL)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "2 of 3 models answered all of it" in run.stdout
    assert "1 of 3 models failed: ./broken.gguf: " in run.stdout
    (job,) = events_of(llmtui, ev.JobQueued)
    assert [place.model for place in job.models] == ["one", "two", "./broken.gguf"]
    asked = {event.model: event for event in events_of(llmtui, ev.ModelFinished)}
    assert asked["one"].asked < asked["two"].t, "both were under way"
    assert asked["two"].asked < asked["one"].t
    assert (asked["./broken.gguf"].status, asked["./broken.gguf"].asked) == ("failed", None)
    measured = [event for event in events_of(llmtui, ev.RequestStarted) if not event.warmup]
    assert {event.target for event in measured} == {"embedded:./one.gguf", "embedded:./two.gguf"}
    assert len({event.messages for event in measured}) == 1, "the same for both, word for word"
    assert all(gone(event.pid) for event in events_of(llmtui, ev.ServerStarted))


@pytest.mark.embedded
def test_when_no_model_answers_the_exit_code_says_so(llmtui):
    (llmtui.folder / "broken.gguf").write_text("not a model")
    for mode in ("serial", "parallel"):
        run = compare(llmtui, "-m", "./broken.gguf", "-m", "./absent.gguf", "--set", f"mode={mode}")
        assert run.returncode == 5, run.stdout + run.stderr
        assert "none of 2 models answered" in run.stdout


@pytest.mark.embedded
def test_two_servers_of_others_are_asked_at_once_and_left_running(llmtui, llamacpp_server, tmp_path_factory):
    factory = EmbeddedFactory(state=tmp_path_factory.mktemp("state"))
    copy = tmp_path_factory.mktemp("models") / "other.gguf"
    shutil.copyfile(llamacpp_server.model_path, copy)
    suite = Suite(name="second", workloads=(), embedded=Embedded(context=512, parallel=1, threads=1))
    second = factory.prepare(str(copy), suite)
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        url = runner.run(second.start())
        try:
            run = compare(llmtui, "--url", llamacpp_server.url, "--url", url, "--set", "mode=parallel")
            assert run.returncode == 0, run.stdout + run.stderr
            assert second.running
        finally:
            runner.run(second.stop())
    assert "2 of 2 models answered" in run.stdout
    stays = re.compile(r"^j1 .+ stays in memory: it was in memory before, and is left as it was found$", re.MULTILINE)
    assert len(stays.findall(run.stdout)) == 2
    started = [event for event in events_of(llmtui, ev.RequestStarted) if not event.warmup]
    assert {(event.target, event.model) for event in started} == {
        (llamacpp_server.url, llamacpp_server.model),
        (url, "other"),
    }
    assert events_of(llmtui, ev.ServerStopped) == []
    assert {event.load_ns for event in events_of(llmtui, ev.ModelLoaded)} == {None}, "both were loaded already"


@pytest.mark.embedded
def test_a_server_that_cannot_unload_is_said_to_keep_its_model(llmtui, llamacpp_server):
    run = compare(llmtui, "--url", llamacpp_server.url)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{llamacpp_server.model} stays in memory: this server cannot unload" in run.stdout
    assert not GONE.search(run.stdout)


def test_an_ollama_is_told_and_looked_after(llmtui):
    ollama = Ollama(("a:1b", "b:1b"), held=("z:9b",))
    with ByteServer(ollama) as server:
        run = compare(llmtui, "--url", server.url, "-m", "a:1b", "-m", "b:1b")
    assert run.returncode == 0, run.stdout + run.stderr
    each = [[("load", name), ("chat", name), ("chat", name), ("unload", name)] for name in ("a:1b", "b:1b")]
    assert ollama.log == [("unload", "z:9b"), *each[0], *each[1]], "a warm-up and a prompt for each"
    assert ollama.held == []
    assert len(GONE.findall(run.stdout)) == 2
    assert "z:9b was in memory before; it was unloaded, and is not loaded again at the end" in run.stdout


def test_an_ollama_that_keeps_what_it_says_it_unloaded_is_not_believed(llmtui):
    with ByteServer(Ollama(("a:1b",), kept=("a:1b",))) as server:
        run = compare(llmtui, "--url", server.url, "-m", "a:1b")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "a:1b stays in memory: " in run.stdout
    assert "still holds 'a:1b'" in run.stdout
    assert not GONE.search(run.stdout)
    assert [event.gone for event in events_of(llmtui, ev.ModelUnloaded)] == [False]


def test_an_ollama_without_room_for_both_is_told(llmtui):
    ollama = Ollama(("a:1b", "b:1b"), at_once=1)
    with ByteServer(ollama) as server:
        run = compare(llmtui, "--url", server.url, "-m", "a:1b", "-m", "b:1b", "--set", "mode=parallel")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "does not hold 2 models at once: a:1b had to go again, and the loading is in the figures" in run.stdout


def test_one_model_of_an_ollama_fails_and_the_other_is_measured(llmtui):
    with ByteServer(Ollama(("a:1b", "b:1b"), broken=("b:1b",))) as server:
        run = compare(llmtui, "--url", server.url, "-m", "a:1b", "-m", "b:1b", "--set", "mode=parallel")
    assert run.returncode == 1, run.stdout + run.stderr
    assert re.search(r"j1 b:1b failed after [\d.]+ \w+: ", run.stdout)
    with ByteServer(Ollama(("a:1b", "b:1b"), broken=("a:1b", "b:1b"))) as server:
        run = compare(llmtui, "--url", server.url, "-m", "a:1b", "-m", "b:1b")
    assert run.returncode == 5, run.stdout + run.stderr


@pytest.mark.parametrize("kind", [LmStudio, LlamaRouter])
@pytest.mark.parametrize("mode", ["serial", "parallel"])
def test_servers_that_hold_several_models(llmtui, kind, mode):
    double = kind(("a", "b"))
    with ByteServer(double) as server:
        run = compare(llmtui, "--url", server.url, "-m", "a", "-m", "b", "--set", f"mode={mode}", "--set", "warmup=0")
    assert run.returncode == 0, run.stdout + run.stderr
    loads = [("load", "a"), ("load", "b")]
    assert [entry for entry in double.log if entry[0] == "load"] == loads
    order = [entry for entry in double.log if entry[0] != "chat"]
    if mode == "serial":
        assert order == [("load", "a"), ("unload", "a"), ("load", "b"), ("unload", "b")]
    else:
        assert order == [*loads, ("unload", "a"), ("unload", "b")]
    assert len(GONE.findall(run.stdout)) == 2
