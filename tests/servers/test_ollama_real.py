"""A real Ollama with a real model. README.md beside this file says how to get both; without them these tests skip."""

import asyncio
import contextlib
import hashlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil
import pytest
from support.command_line import LLMTUI

from llmtui import places
from llmtui.backends.base import BackendError, Chunk, End, GenerationRequest, Sent
from llmtui.backends.discover import identify
from llmtui.backends.ollama import OllamaBackend
from llmtui.models.catalog import SMOLLM2

pytestmark = pytest.mark.ollama

MODEL = "smollm2:135m"
WINDOW = {"num_ctx": 1024}
_GGUF = Path(SMOLLM2.member).name
_START_LIMIT_S = 60.0
_LISTENING = re.compile(r"Listening on 127\.0\.0\.1:(\d+)")


class RealOllama(NamedTuple):
    url: str
    pid: int


def find_program() -> Path:
    path = Path(os.environ.get("LLMTUI_OLLAMA") or places.cache_folder() / "ollama" / "ollama-0.11.0")
    if not path.is_file():
        pytest.skip(f"no Ollama at {path}: run tests/servers/ollama.sh, or set LLMTUI_OLLAMA")
    return path


def find_gguf() -> Path:
    path = Path(os.environ.get("LLMTUI_GGUF") or places.cache_folder() / "models" / _GGUF)
    if not path.is_file():
        pytest.skip(f"no model at {path}: start the embedded server once, or set LLMTUI_GGUF")
    return path


@pytest.fixture(scope="session")
def ollama(tmp_path_factory) -> Iterator[RealOllama]:
    """An Ollama of our own on a port that the kernel chose, with the model imported."""
    program, gguf = find_program(), find_gguf()
    home = tmp_path_factory.mktemp("ollama")
    settings = {"OLLAMA_HOST": "127.0.0.1:0", "OLLAMA_MODELS": str(home / "models"), "OLLAMA_NO_CLOUD": "1"}
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "OLLAMA_NUM_PARALLEL": "1"} | settings
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "serve"],
            env=environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        url = wait_for_port(process, home / "log")
        import_model(url, gguf)
        yield RealOllama(url, process.pid)
    finally:
        stop(process)


def wait_for_port(process: subprocess.Popen, log: Path) -> str:
    ends_at = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < ends_at:
        found = _LISTENING.search(log.read_text(errors="replace"))
        if found:
            return f"http://127.0.0.1:{found[1]}"
        if process.poll() is not None:
            break
        time.sleep(0.05)
    pytest.fail(f"Ollama did not start:\n{log.read_text(errors='replace')[-2000:]}")


def import_model(url: str, gguf: Path, name: str = MODEL) -> None:
    with gguf.open("rb") as file:
        digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        file.seek(0)
        with httpx.Client(base_url=url, timeout=120.0, trust_env=False) as client:
            client.post(f"/api/blobs/{digest}", content=file).raise_for_status()
            answer = client.post("/api/create", json={"model": name, "files": {gguf.name: digest}})
    assert '"success"' in answer.raise_for_status().text.splitlines()[-1], answer.text


def stop(process: subprocess.Popen) -> None:
    """End the server and, since its runner may outlive it, all that it started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        runners = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        for runner in runners:
            with contextlib.suppress(psutil.NoSuchProcess):
                runner.kill()
        process.kill()
    process.wait(10)


@pytest.fixture
async def backend(ollama):
    backend = OllamaBackend(ollama.url)
    yield backend
    await backend.aclose()


@pytest.fixture
def twin(ollama, tmp_path) -> Iterator[str]:
    """A second model. It differs in a word of its description, since Ollama loads the same file only once."""
    described = b"8k-lc100k-mix1-ep2"
    data = find_gguf().read_bytes()
    assert described in data
    path = tmp_path / "twin.gguf"
    path.write_bytes(data.replace(described, described[:-1] + b"3", 1))
    name = "smollm2:twin"
    import_model(ollama.url, path, name)
    yield name
    httpx.request("DELETE", f"{ollama.url}/api/delete", json={"model": name}, trust_env=False).raise_for_status()


def chat(text: str = "Say hi", **more) -> GenerationRequest:
    known = {"model": MODEL, "messages": (("user", text),), "max_tokens": 8, "temperature": 0.0, "seed": 1}
    return GenerationRequest(**known | {"options": WINDOW, "limit_s": 100.0} | more)


async def take(backend: OllamaBackend, request: GenerationRequest, into: list | None = None) -> list:
    items = [] if into is None else into
    async for item in backend.stream(request):
        items.append(item)
    return items


async def failure(backend: OllamaBackend, request: GenerationRequest) -> tuple[list, BackendError]:
    items: list = []
    with pytest.raises(BackendError) as caught:
        await take(backend, request, items)
    return items, caught.value


async def load_afresh(backend: OllamaBackend) -> None:
    await backend.unload(MODEL)
    await backend.load(MODEL, WINDOW)


async def test_it_is_known_and_described(ollama):
    found = await identify(ollama.url)
    assert (found.kind, found.problem) == ("ollama", None)
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", found.version)
    [model] = found.models
    assert (model.id, model.family, model.quantization) == (MODEL, "llama", "Q4_1")
    assert (model.parameters, len(model.digest)) == (134_515_008, 64)


async def test_a_model_is_loaded_with_its_window_and_unloaded(backend):
    await backend.unload(MODEL)
    [before] = (await backend.describe()).models
    assert (before.loaded, before.context) == (False, 8192)
    await backend.load(MODEL, WINDOW)
    [loaded] = (await backend.describe()).models
    assert (loaded.loaded, loaded.context) == (True, 1024)
    await backend.unload(MODEL)
    [after] = (await backend.describe()).models
    assert after.loaded is False


async def test_what_is_in_memory_is_told(backend):
    await backend.load(MODEL, WINDOW)
    assert await backend.loaded() == (MODEL,)
    await backend.unload(MODEL)
    assert await backend.loaded() == ()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("mode", ["serial", "parallel"])
async def test_two_models_are_compared_and_those_that_were_loaded_for_it_leave(backend, twin, ollama, tmp_path, mode):
    # One thread: on a busy machine several wait for one another.
    await backend.load(MODEL, WINDOW | {"num_thread": 1})
    options = ["quick=true", f"mode={mode}", "max_tokens=4", "prompts=[Say hi]", "warmup=0", "limits.job_s=300"]
    options += ["options.num_ctx=1024", "options.num_thread=1"]
    settings = [part for option in options for part in ("--set", option)]
    run = await asyncio.to_thread(
        subprocess.run,
        [*LLMTUI, "run", "compare-models", "--plain", "--url", ollama.url, "-m", MODEL, "-m", twin, *settings],
        capture_output=True,
        text=True,
        timeout=360,
        cwd=tmp_path,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 of 2 models answered" in run.stdout
    if mode == "serial":
        assert await backend.loaded() == ()
        assert run.stdout.count("was gone from memory after") == 2
        assert f"{MODEL} was in memory before; it was unloaded" in run.stdout
    else:
        assert await backend.loaded() == (MODEL,)
        assert f"{MODEL} stays in memory: it was in memory before, and is left as it was found" in run.stdout
        assert f"{twin} was gone from memory after" in run.stdout


@pytest.mark.parametrize("request_", [chat(), chat(messages=(), prompt="The sky is", options=WINDOW | {"raw": True})])
async def test_counts_of_chunks_tokens_and_timings_agree(backend, request_):
    sent, *chunks, end = await take(backend, request_)
    assert isinstance(sent, Sent)
    assert all(isinstance(chunk, Chunk) and chunk.text for chunk in chunks)
    assert (end.finish_reason, end.usage.completion_tokens) == ("length", 8)
    assert 0 < len(chunks) <= 8
    assert end.timings.decode_tokens == 7
    assert 0 < end.timings.decode_ns < end.timings.total_ns
    assert 0 < end.timings.prefill_ns < end.timings.total_ns
    assert end.timings.load_ns > 0


async def test_the_same_seed_gives_the_same_text(backend):
    first, second = await take(backend, chat()), await take(backend, chat())
    assert [item.text for item in first[1:-1]] == [item.text for item in second[1:-1]]


async def test_rule_23_only_a_prompt_that_cannot_be_cached_has_a_prefill_rate(backend):
    await load_afresh(backend)
    *_, first = await take(backend, chat("Alpha", max_tokens=1))
    *_, again = await take(backend, chat("Alpha", max_tokens=1))
    *_, other = await take(backend, chat("Zebra " * 60, max_tokens=1))
    assert first.timings.prefill_tokens == first.usage.prompt_tokens == again.usage.prompt_tokens
    assert again.timings.prefill_tokens is None
    assert other.usage.prompt_tokens - 20 <= other.timings.prefill_tokens < other.usage.prompt_tokens


async def test_a_prompt_that_does_not_fit_is_no_result(backend):
    _, error = await failure(backend, chat("Zebra " * 200, max_tokens=1, options={"num_ctx": 128}))
    assert error.kind == "context_full"
    assert "128" in error.sentence


async def test_a_model_that_is_not_there_is_answered_with_those_that_are(backend):
    items, error = await failure(backend, chat(model="nope"))
    assert (items, error.kind, error.status) == ([], "no_model", 404)
    assert MODEL in error.sentence
    with pytest.raises(BackendError) as caught:
        await backend.load("nope", {})
    assert caught.value.kind == "no_model"


async def test_what_the_model_cannot_do_is_not_supported(backend):
    _, error = await failure(backend, chat(options=WINDOW | {"think": True}))
    assert error.kind == "not_supported"


async def test_an_option_of_the_wrong_type_is_quoted(backend):
    _, error = await failure(backend, chat(options={"num_ctx": "many"}))
    assert "num_ctx" in error.sentence


async def test_a_stream_that_is_left_frees_the_runner(backend):
    stream = backend.stream(chat(max_tokens=900))
    async for item in stream:
        if isinstance(item, Chunk):
            break
    await stream.aclose()
    # With one slot the next request can only end in time when the first one is not generated any more.
    *_, end = await take(backend, chat(max_tokens=1, limit_s=20.0))
    assert isinstance(end, End)


async def test_rule_12_a_runner_that_is_killed_ends_the_stream_with_an_error(backend, ollama):
    await backend.load(MODEL, WINDOW)
    items: list = []
    task = asyncio.create_task(take(backend, chat(max_tokens=900), items))
    while not any(isinstance(item, Chunk) for item in items) and not task.done():
        await asyncio.sleep(0.02)
    for runner in psutil.Process(ollama.pid).children(recursive=True):
        runner.send_signal(signal.SIGKILL)
    with pytest.raises(BackendError) as caught:
        await task
    assert caught.value.kind in {"server_error", "truncated"}
    assert not any(isinstance(item, End) for item in items)
    *_, end = await take(backend, chat(max_tokens=2))
    assert end.usage.completion_tokens == 2
