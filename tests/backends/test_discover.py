import asyncio
import socket

import pytest

from llmtui.addresses import normalise_url
from llmtui.backends.base import BackendError
from llmtui.backends.discover import DEFAULT_URLS, discover, identify, open_backend
from llmtui.backends.llamacpp import LlamaCppBackend
from llmtui.backends.ollama import OllamaBackend
from llmtui.backends.openai import OpenAiBackend
from llmtui.events import Server
from llmtui.testing.byte_server import Answer, ByteServer

NOT_FOUND = Answer.json({"detail": "Not Found"}, 404)
HTML = Answer.http(200, b"<!doctype html><title>Web UI</title>", "text/html")
UNAUTHORIZED = Answer.json({"error": {"message": "Invalid API Key", "type": "authentication_error", "code": 401}}, 401)

PROBES_IN_ORDER = [
    "/props",
    "/v1/models",
    "/server_info",
    "/get_server_info",
    "/info",
    "/api/v1/models",
    "/api/v0/models",
    "/api/version",
]


def listing(owner: str | None = None, **more) -> Answer:
    return Answer.json({"object": "list", "data": [{"id": "m", "object": "model", "owned_by": owner} | more]})


OLLAMA_TAGS = Answer.json({"models": [{"name": "m:latest", "model": "m:latest"}]})
VERSION = Answer.json({"version": "0.32.15"})
SGLANG_INFO = {
    "model_path": "m",
    "internal_states": [{}],
    "version": "0.5.23",
    "max_running_requests": 8,
    "api_key": "s3cret",
}
TGI_INFO = {"model_id": "m", "max_total_tokens": 4096, "max_concurrent_requests": 128, "version": "3.3.2"}

SERVERS: dict[str, tuple[str, dict[str, Answer]]] = {
    "llama.cpp, whose list looks like Ollama's too": (
        "llamacpp",
        {
            "/props": Answer.json({"default_generation_settings": {"n_ctx": 2048}, "total_slots": 2}),
            "/v1/models": Answer.json(
                {"models": [{"name": "m", "details": {}}], "data": [{"id": "m", "owned_by": "llamacpp"}]}
            ),
            "/models": Answer.json({"models": [{"name": "m"}]}),
        },
    ),
    "llama.cpp as a router": (
        "llamacpp",
        {"/props": Answer.json({"role": "router"}), "/v1/models": listing("llamacpp")},
    ),
    "vLLM": (
        "vllm",
        {"/v1/models": listing("vllm", max_model_len=8192), "/version": Answer.json({"version": "0.32.0"})},
    ),
    "SGLang, which imitates Ollama": (
        "sglang",
        {
            "/server_info": Answer.json(SGLANG_INFO),
            "/v1/models": listing("sglang"),
            "/api/tags": OLLAMA_TAGS,
            "/api/show": Answer.json({}),
        },
    ),
    "an older SGLang": ("sglang", {"/get_server_info": Answer.json(SGLANG_INFO), "/v1/models": listing("sglang")}),
    "TGI": ("tgi", {"/info": Answer.json(TGI_INFO), "/v1/models": listing("m")}),
    "LM Studio": (
        "lmstudio",
        {
            "/api/v1/models": Answer.json({"models": [{"key": "m", "type": "llm", "loaded_instances": []}]}),
            "/v1/models": listing("organization_owner"),
        },
    ),
    "an LM Studio that loads no models when told": (
        "openai",
        {
            "/api/v0/models": Answer.json({"data": [{"id": "m", "state": "not-loaded"}]}),
            "/v1/models": listing("organization_owner"),
        },
    ),
    "Ollama": (
        "ollama",
        {
            "/": Answer.http(200, b"Ollama is running", "text/plain"),
            "/api/version": VERSION,
            "/api/tags": OLLAMA_TAGS,
            "/api/ps": Answer.json({"models": []}),
            "/v1/models": listing("library"),
        },
    ),
    "oai2ollama, which knows only some of Ollama's pages": (
        "openai",
        {"/api/version": Answer.json({"version": "0.11.4"}), "/api/tags": OLLAMA_TAGS, "/v1/models": listing("x")},
    ),
    "LocalAI, which imitates Ollama behind a page of its own": (
        "openai",
        {"/": HTML, "/api/version": VERSION, "/api/tags": OLLAMA_TAGS, "/api/ps": OLLAMA_TAGS, "/v1/models": listing()},
    ),
    "transformers serve": ("openai", {"/v1/models": listing("huggingface")}),
    "a gateway that claims to be vLLM": ("openai", {"/v1/models": listing("vllm")}),
    "a server of embeddings with a page of information": (
        "openai",
        {"/info": Answer.json({"model_id": "m", "max_client_batch_size": 32}), "/v1/models": listing("x")},
    ),
}


def serving(pages: dict[str, Answer], default: Answer = NOT_FOUND) -> ByteServer:
    return ByteServer(lambda request: pages.get(request.path, default))


@pytest.fixture
def closed_port():
    """A port of the loopback on which nobody listens, and on which nobody else can."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


async def refusal(url: str, **more) -> BackendError:
    with pytest.raises(BackendError) as caught:
        await identify(url, **more)
    return caught.value


# --- which server it is --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "pages"), SERVERS.values(), ids=SERVERS)
async def test_rule_20_each_server_is_known_for_what_it_is(kind, pages):
    with serving(pages) as server:
        found = await identify(server.url)
    assert (found.kind, found.url, found.problem) == (kind, server.url, None)
    assert [model.id for model in found.models] == (["m:latest"] if kind == "ollama" else ["m"])


async def test_rule_20_the_order_of_the_questions():
    with serving({"/api/version": VERSION, "/": HTML}) as server:
        await refusal(server.url)
    assert [request.path for request in server.requests] == [*PROBES_IN_ORDER, "/"]


async def test_rule_20_a_list_of_tags_alone_is_no_ollama():
    with serving({"/api/tags": OLLAMA_TAGS, "/v1/models": listing("x")}) as server:
        found = await identify(server.url)
    assert found.kind == "openai"
    assert "/api/tags" not in [request.path for request in server.requests]


async def test_what_is_known_of_the_server_is_told():
    with serving(SERVERS["SGLang, which imitates Ollama"][1]) as server:
        found = await identify(server.url)
    assert (found.version, found.slots) == ("0.5.23", 8)
    assert "s3cret" not in repr(found)
    with serving(SERVERS["Ollama"][1]) as server:
        assert (await identify(server.url)).version == "0.32.15"


async def test_rule_19_a_llamacpp_that_is_loading_is_known_and_says_so():
    loading = Answer.json({"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}, 503)
    with serving({}, loading) as server:
        found = await identify(server.url)
    assert found.kind == "llamacpp"
    assert "loading" in found.problem


async def test_a_server_that_cannot_describe_itself_is_known_with_its_problem():
    broken = Answer.json({"error": "disk on fire"}, 500)
    pages = {"/": Answer.http(200, b"Ollama is running", "text/plain"), "/api/version": VERSION, "/api/tags": broken}
    with serving(pages) as server:
        found = await identify(server.url)
    assert found.kind == "ollama"
    assert "disk on fire" in found.problem


async def test_an_address_without_listener_is_unreachable(closed_port):
    error = await refusal(f"127.0.0.1:{closed_port}")
    assert error.kind == "unreachable"
    assert f"127.0.0.1:{closed_port}" in error.sentence


@pytest.mark.parametrize("default", [NOT_FOUND, HTML, Answer.http(200, b"", "text/plain")])
async def test_a_web_server_is_no_llm_server(default):
    with serving({}, default) as server:
        error = await refusal(server.url)
    assert error.kind == "not_supported"
    assert server.url in error.sentence


async def test_a_listener_that_says_nothing_is_given_up():
    with serving({}, Answer((), "silent")) as server:
        error = await refusal(server.url, timeout_s=0.2)
    assert error.kind == "unreachable"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "pages",
    [
        {"/props": UNAUTHORIZED, "/v1/models": listing("llamacpp")},
        {"/v1/models": UNAUTHORIZED, "/version": VERSION},
    ],
)
async def test_a_server_that_wants_a_key_is_refused_without_and_known_with_it(pages):
    open_pages = {
        "/props": Answer.json({"default_generation_settings": {}}),
        "/v1/models": listing("llamacpp"),
    }

    def answer(request):
        table = open_pages if request.headers.get("authorization") == "Bearer s3cret" else pages
        return table.get(request.path, NOT_FOUND)

    with ByteServer(answer) as server:
        error = await refusal(server.url)
        wrong = await refusal(server.url, api_key="wr0ng")
        found = await identify(server.url, api_key="s3cret")
    assert error.kind == wrong.kind == "refused"
    assert "wr0ng" not in wrong.sentence
    assert found.kind == "llamacpp"


async def test_a_key_that_no_header_can_carry_is_said_so():
    assert "key" in (await refusal("127.0.0.1:1", api_key="a\nb")).sentence


# --- URLs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("localhost:8080/", "http://localhost:8080"),
        ("http://localhost:8080/v1", "http://localhost:8080"),
        ("http://localhost:8080/v1/", "http://localhost:8080"),
        ("https://llm.example/base/v1", "https://llm.example/base"),
        ("HTTP://LocalHost:80", "http://localhost:80"),
        ("gpubox", "http://gpubox"),
        ("[::1]:8080/v1", "http://[::1]:8080"),
        (" http://h:1 ", "http://h:1"),
    ],
)
def test_what_people_write_is_understood(text, url):
    assert normalise_url(text) == url
    assert normalise_url(url) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://",
        "ftp://h:1",
        "h:port",
        "h:99999",
        "http://h:1?x=1",
        "http://h:1/#x",
        "http://h h:1",
        "/v1",
        "http://[::1",
    ],
)
def test_what_is_no_url_is_said_in_one_sentence(text):
    with pytest.raises(ValueError, match="write HOST:PORT"):
        normalise_url(text)


@pytest.mark.parametrize(
    "url", ["http://user:pa55@h:1", "user:pa55@h:1", "http://:pa55@h:1/v1", "http://user:pa55@h:x"]
)
async def test_a_password_goes_nowhere(url):
    error = await refusal(url)
    assert (error.kind, "pa55" in error.sentence) == ("unreachable", False)
    [found] = [server async for server in discover([url], timeout_s=0.2)]
    assert "pa55" not in repr(found)
    assert found.url == url.rpartition("@")[2]
    assert found.problem == error.sentence


# --- discovery -----------------------------------------------------------------------------------------------------


async def test_servers_are_found_and_missing_ones_have_their_reason(closed_port):
    with serving(SERVERS["Ollama"][1]) as ollama, serving(SERVERS["vLLM"][1]) as vllm:
        urls = [ollama.url, vllm.url, f"http://127.0.0.1:{closed_port}", ollama.url.removeprefix("http://") + "/v1"]
        found = [server async for server in discover(urls, timeout_s=2.0)]
    assert sorted((server.kind, server.url) for server in found) == sorted(
        [("ollama", ollama.url), ("vllm", vllm.url), ("unknown", urls[2])]
    )
    [missing] = [server for server in found if server.kind == "unknown"]
    assert "not reachable" in missing.problem


async def test_a_slow_server_holds_up_no_other():
    with serving({}, Answer((), "silent")) as slow, serving(SERVERS["Ollama"][1]) as quick:
        servers = discover([slow.url, quick.url], timeout_s=30.0)
        first = await anext(servers)
        assert first.kind == "ollama"
        await servers.aclose()
        assert await asyncio.to_thread(slow.wait_for, lambda it: len(it.disconnects) == 1)


async def test_the_usual_addresses_are_all_on_this_machine():
    assert [url.rpartition(":")[2] for url in DEFAULT_URLS] == ["11434", "8080", "1234", "8000"]
    assert all(url.startswith("http://127.0.0.1:") for url in DEFAULT_URLS)


async def test_of_the_usual_addresses_only_servers_are_told():
    found = [server async for server in discover(timeout_s=0.5)]
    assert {server.url for server in found} <= set(DEFAULT_URLS)
    assert not any("reachable" in (server.problem or "") for server in found)


# --- the backend of a server ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "backend_class"),
    [
        ("ollama", OllamaBackend),
        ("llamacpp", LlamaCppBackend),
        ("embedded", LlamaCppBackend),
        *((kind, OpenAiBackend) for kind in ("openai", "vllm", "sglang", "tgi", "lmstudio")),
    ],
)
async def test_each_kind_has_its_backend(kind, backend_class):
    backend = open_backend(Server(url="http://127.0.0.1:1", kind=kind), api_key="s3cret")
    assert type(backend) is backend_class
    assert (backend.kind, backend.url) == (kind, "http://127.0.0.1:1")
    await backend.aclose()


async def test_an_unknown_kind_has_none():
    with pytest.raises(ValueError, match="unknown"):
        open_backend(Server(url="http://127.0.0.1:1", kind="unknown"))
