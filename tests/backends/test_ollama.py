import asyncio
import contextlib
import json
import socket

import pytest

from llmtui.backends.base import BackendError, Chunk, End, GenerationRequest, Sent
from llmtui.backends.http_client import HttpClient
from llmtui.backends.ollama import OllamaBackend
from llmtui.events import ServerTimings, Usage
from llmtui.testing.byte_server import Answer, ByteServer, Piece

MODEL = "smollm2:135m"
NDJSON = "application/x-ndjson"
NOT_FOUND = Answer.http(404, b"404 page not found", "text/plain")
LAST = {"done": True, "done_reason": "stop", "prompt_eval_count": 100, "prompt_eval_duration": 50_000_000}
PS_EMPTY = Answer.json({"models": []})
LOADED = Answer.json({"model": MODEL, "done": True, "done_reason": "load"})


def row(text: str, **more: object) -> bytes:
    return json.dumps({"message": {"content": text}, "done": False} | more).encode() + b"\n"


def rows(*texts: str, last: dict | None = None, **how) -> Answer:
    pieces = [*(row(text) for text in texts), *([row("", **last)] if last else [])]
    return Answer.stream(pieces, NDJSON, **how)


def serving(pages: dict[str, Answer]) -> ByteServer:
    """A server with one answer a path."""
    return ByteServer(lambda request: pages.get(request.path, NOT_FOUND))


@contextlib.asynccontextmanager
async def backend_on(server: ByteServer, **settings):
    backend = OllamaBackend(server.url, **settings)
    try:
        yield backend
    finally:
        await backend.aclose()


def chat(text: str = "Hi", **more) -> GenerationRequest:
    return GenerationRequest(**{"model": MODEL, "messages": (("user", text),), "limit_s": 10.0, "stall_s": 5.0} | more)


async def take(backend: OllamaBackend, request: GenerationRequest, into: list | None = None) -> list:
    items = [] if into is None else into
    async for item in backend.stream(request):
        items.append(item)
    return items


async def failure(backend: OllamaBackend, request: GenerationRequest) -> tuple[list, BackendError]:
    """What came before the stream failed, and how it failed."""
    items: list = []
    with pytest.raises(BackendError) as caught:
        await take(backend, request, items)
    return items, caught.value


def texts(items: list) -> list[str]:
    return [item.text for item in items if isinstance(item, Chunk)]


def bodies(server: ByteServer, path: str) -> list[dict]:
    return [json.loads(request.body) for request in server.requests if request.path == path]


# --- describe, load, unload ----------------------------------------------------------------------------------------


async def test_describe_puts_version_and_models_together(captures):
    pages = {
        "/api/version": Answer.recording(captures / "ollama_version.raw"),
        "/api/tags": Answer.recording(captures / "ollama_tags.raw"),
        "/api/show": Answer.recording(captures / "ollama_show.raw"),
        "/api/ps": Answer.recording(captures / "ollama_ps.raw"),
    }
    with serving(pages) as server:
        async with backend_on(server) as backend:
            described = await backend.describe()
    assert (described.url, described.kind, described.version) == (server.url, "ollama", "0.32.15")
    [model] = described.models
    assert (model.id, model.quantization, model.parameters) == (MODEL, "Q4_1", 134_515_008)
    assert (model.loaded, model.context) == (True, 4096)
    assert bodies(server, "/api/show") == [{"model": MODEL}]


async def test_an_imitation_without_ps_and_show_is_described_by_its_names():
    pages = {
        "/api/version": Answer.json({"version": "0.0.0"}),
        "/api/tags": Answer.json({"models": [{"name": "a", "model": "a"}, {"name": "b:7b", "model": "b:7b"}]}),
    }
    with serving(pages) as server:
        async with backend_on(server) as backend:
            described = await backend.describe()
    assert [(model.id, model.loaded, model.size) for model in described.models] == [
        ("a", None, None),
        ("b:7b", None, None),
    ]


async def test_load_asks_with_the_options_of_the_requests_to_come(captures):
    pages = {"/api/ps": PS_EMPTY, "/api/generate": Answer.recording(captures / "ollama_load.raw")}
    with serving(pages) as server:
        async with backend_on(server) as backend:
            told = await backend.load(MODEL, {"num_ctx": 2048, "keep_alive": "10m", "think": True})
    assert told is None
    [body] = bodies(server, "/api/generate")
    assert body == {"model": MODEL, "stream": False, "options": {"num_ctx": 2048}, "keep_alive": "10m"}


async def test_load_returns_the_servers_own_time_where_it_tells():
    row_with_time = {"model": MODEL, "done": True, "done_reason": "load", "load_duration": 800_714_016}
    with serving({"/api/ps": PS_EMPTY, "/api/generate": Answer.json(row_with_time)}) as server:
        async with backend_on(server) as backend:
            assert await backend.load(MODEL, {}) == 800_714_016


async def test_loading_a_model_that_is_not_there_names_those_that_are(captures):
    pages = {
        "/api/ps": PS_EMPTY,
        "/api/generate": Answer.recording(captures / "ollama_err_model404.raw"),
        "/api/tags": Answer.recording(captures / "ollama_tags.raw"),
    }
    with serving(pages) as server:
        async with backend_on(server) as backend:
            with pytest.raises(BackendError) as caught:
                await backend.load("nope", {})
    assert (caught.value.kind, caught.value.status) == ("no_model", 404)
    assert "'nope'" in caught.value.sentence
    assert MODEL in caught.value.sentence


async def test_unload_waits_until_the_model_is_gone(captures):
    loaded, unloaded = Answer.recording(captures / "ollama_ps.raw"), Answer.recording(captures / "ollama_unload.raw")
    polls = iter([loaded, loaded, PS_EMPTY])
    with ByteServer(lambda request: next(polls) if request.path == "/api/ps" else unloaded) as server:
        async with backend_on(server) as backend:
            await backend.unload(MODEL)
    assert bodies(server, "/api/generate") == [{"model": MODEL, "stream": False, "keep_alive": 0}]
    assert [request.path for request in server.requests].count("/api/ps") == 3


async def test_what_is_in_memory_is_what_ps_lists(captures):
    with serving({"/api/ps": Answer.recording(captures / "ollama_ps.raw")}) as server:
        async with backend_on(server) as backend:
            assert await backend.loaded() == (MODEL,)
    with serving({"/api/ps": PS_EMPTY}) as server:
        async with backend_on(server) as backend:
            assert await backend.loaded() == ()
    with serving({"/api/ps": Answer.http(404)}) as server:
        async with backend_on(server) as backend:
            assert await backend.loaded() is None, "an imitation does not tell"


async def test_unload_says_when_the_model_stays(captures):
    pages = {
        "/api/ps": Answer.recording(captures / "ollama_ps.raw"),
        "/api/generate": Answer.recording(captures / "ollama_unload.raw"),
    }
    with serving(pages) as server:
        async with backend_on(server, unload_limit_s=0.3) as backend:
            with pytest.raises(BackendError) as caught:
                await backend.unload(MODEL)
    assert caught.value.kind == "timeout"
    assert MODEL in caught.value.sentence


async def test_ollama_offers_no_tokenizer():
    with serving({}) as server:
        async with backend_on(server) as backend:
            assert await backend.count_tokens(MODEL, "text") is None
    assert server.requests == []


# --- streams that end well -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(("path", "count"), [("/api/chat", 32), ("/api/generate", 5)])
async def test_a_recorded_stream_byte_for_byte(captures, path, count, split):
    answer = Answer.recording(captures / f"ollama_{path.removeprefix('/api/')}_stream.raw")
    request = chat() if path == "/api/chat" else chat(messages=(), prompt="Why?")
    with serving({path: answer.split_every_byte() if split else answer}) as server:
        async with backend_on(server) as backend:
            items = await take(backend, request)
    sent, *chunks, end = items
    assert isinstance(sent, Sent)
    assert isinstance(end, End)
    assert len(chunks) == count == end.usage.completion_tokens
    assert all(isinstance(chunk, Chunk) and chunk.text and not chunk.reasoning for chunk in chunks)
    times = [sent.at_ns, *(chunk.at_ns for chunk in chunks), end.at_ns]
    assert times == sorted(times)
    assert end.finish_reason == "length"
    assert end.timings.decode_tokens == count - 1


async def test_the_counters_of_a_recorded_stream(captures):
    with serving({"/api/chat": Answer.recording(captures / "ollama_chat_stream.raw")}) as server:
        async with backend_on(server) as backend:
            *_, end = await take(backend, chat())
    assert end.usage == Usage(prompt_tokens=18, completion_tokens=32)
    assert end.timings == ServerTimings(
        load_ns=800_714_016,
        prefill_ns=55_438_000,
        decode_ns=208_568_000,
        decode_tokens=31,
        total_ns=1_067_026_059,
    )


async def test_the_pace_of_a_recording_shows_in_the_times(captures):
    with serving({"/api/chat": Answer.recording(captures / "ollama_chat_stream.raw", paced=True)}) as server:
        async with backend_on(server) as backend:
            items = await take(backend, chat())
    arrivals = [item.at_ns for item in items if isinstance(item, Chunk)]
    assert len(set(arrivals)) > 1
    # The first row was 0.85 s under way; no read may carry the time of the request.
    assert arrivals[0] - items[0].at_ns > 0.5e9


async def test_what_goes_over_the_wire():
    with serving({"/api/chat": rows("Hi", last=LAST)}) as server:
        async with backend_on(server) as backend:
            await take(backend, chat(max_tokens=3, options={"num_ctx": 2048, "think": False}))
    [request] = server.requests
    assert (request.method, request.path) == ("POST", "/api/chat")
    assert request.headers["content-type"] == "application/json"
    body = json.loads(request.body)
    assert body["messages"] == [{"role": "user", "content": "Hi"}]
    assert body["options"] == {"num_predict": 3, "num_ctx": 2048}
    assert (body["think"], body["truncate"], body["stream"]) == (False, False, True)


@pytest.mark.parametrize(("key", "header"), [(None, None), ("s3cret", "Bearer s3cret")])
async def test_rule_18_a_key_is_sent_only_where_there_is_one(key, header):
    with serving({"/api/chat": rows("Hi", last=LAST)}) as server:
        async with backend_on(server, api_key=key) as backend:
            await take(backend, chat())
    assert server.requests[0].headers.get("authorization") == header


async def test_rule_22_no_compression_is_asked_for():
    with serving({"/api/chat": rows("Hi", last=LAST)}) as server:
        async with backend_on(server) as backend:
            await take(backend, chat())
    assert server.requests[0].headers["accept-encoding"] == "identity"


async def test_a_stream_leaves_its_connection_to_the_next_one():
    with serving({"/api/chat": rows("Hi", last=LAST)}) as server:
        async with backend_on(server) as backend:
            first, *_ = await take(backend, chat())
            second, *_ = await take(backend, chat())
    assert server.connections == 1
    assert first.connect_ns > 0
    assert second.connect_ns is None


async def test_rule_25_a_body_that_ends_with_the_connection_is_whole():
    with serving({"/api/chat": Answer.until_close([row("Hi"), row("", **LAST)], NDJSON)}) as server:
        async with backend_on(server) as backend:
            items = await take(backend, chat())
    assert texts(items) == ["Hi"]
    assert isinstance(items[-1], End)


async def test_text_in_a_last_row_without_its_line_end_counts():
    with serving({"/api/chat": Answer.stream([row("one"), row("two", **LAST).rstrip()], NDJSON)}) as server:
        async with backend_on(server) as backend:
            items = await take(backend, chat())
    assert texts(items) == ["one", "two"]
    assert items[-1].usage == Usage(prompt_tokens=100)


async def test_an_end_without_counters_says_nothing_of_the_prefill():
    with serving({"/api/chat": rows("one", last={"done": True, "done_reason": "stop"})}) as server:
        async with backend_on(server) as backend:
            *_, end = await take(backend, chat())
    assert (end.usage, end.timings, end.notes) == (None, ServerTimings(), ())


async def test_a_client_from_outside_is_used_and_left_open():
    with serving({"/api/chat": rows("Hi", last=LAST)}) as server:
        async with HttpClient(server.url) as client:
            backend = OllamaBackend(server.url, client=client)
            await take(backend, chat())
            await backend.aclose()
            assert client.transport.connections == 1
    assert len(server.requests) == 1


# --- prefill -------------------------------------------------------------------------------------------------------


async def prefills(*requests: GenerationRequest, load: bool) -> list[End]:
    """Stream `requests`, 100 prompt tokens each; `load` says whether this client loads the model before."""
    pages = {"/api/ps": PS_EMPTY, "/api/generate": LOADED, "/api/chat": rows("a", "b", last=LAST | {"eval_count": 2})}
    with serving(pages) as server:
        async with backend_on(server) as backend:
            if load:
                await backend.load(MODEL, {})
            return [(await take(backend, request))[-1] for request in requests]


async def test_rule_23_prompt_tokens_count_as_computed_only_where_none_can_be_cached():
    [first] = await prefills(chat("Alpha"), load=True)
    assert (first.timings.prefill_tokens, first.timings.cached_tokens, first.notes) == (100, 0, ())
    [unknown] = await prefills(chat("Alpha"), load=False)
    assert (unknown.timings.prefill_tokens, unknown.timings.cached_tokens) == (None, None)
    assert "prefill rate is not known" in unknown.notes[0]


async def test_rule_23_a_prompt_sent_twice_has_no_prefill_rate():
    _, again = await prefills(chat("Alpha"), chat("Alpha"), load=True)
    assert again.timings.prefill_tokens is None
    assert again.usage.prompt_tokens == 100


async def test_rule_23_what_may_be_cached_is_left_out_of_an_unrelated_prompt():
    short, long = LAST | {"prompt_eval_count": 8, "eval_count": 1}, LAST | {"prompt_eval_count": 400, "eval_count": 1}
    answers = iter([rows("a", last=short), rows("b", last=long)])
    pages = {"/api/ps": PS_EMPTY, "/api/generate": LOADED}
    with ByteServer(lambda request: pages.get(request.path) or next(answers)) as server:
        async with backend_on(server) as backend:
            await backend.load(MODEL, {})
            await take(backend, chat("Alpha"))
            *_, end = await take(backend, chat("Zulu " * 390))
    assert (end.timings.prefill_tokens, end.timings.cached_tokens) == (392, None)
    assert end.notes == ("up to 8 of 400 prompt tokens were cached: the prefill rate is a lower bound",)


async def test_a_model_that_was_loaded_before_has_an_unknown_cache(captures):
    pages = {
        "/api/ps": Answer.recording(captures / "ollama_ps.raw"),
        "/api/generate": LOADED,
        "/api/chat": rows("a", last=LAST),
    }
    with serving(pages) as server:
        async with backend_on(server) as backend:
            await backend.load(MODEL, {})
            *_, end = await take(backend, chat())
    assert end.timings.prefill_tokens is None


# --- a prompt that does not fit ------------------------------------------------------------------------------------


async def test_a_prompt_that_was_cut_without_a_word_is_no_result():
    cut = rows("a", last=LAST | {"prompt_eval_count": 512})
    with serving({"/api/chat": cut}) as server:
        async with backend_on(server) as backend:
            items, error = await failure(backend, chat(options={"num_ctx": 512}))
            *_, end = await take(backend, chat(options={"num_ctx": 513}))
            *_, allowed = await take(backend, chat(options={"num_ctx": 512, "truncate": True}))
    assert texts(items) == ["a"]
    assert error.kind == "context_full"
    assert "512" in error.sentence
    assert isinstance(end, End)
    assert isinstance(allowed, End)


async def test_the_window_of_a_loaded_model_is_known_without_options(captures):
    pages = {
        "/api/ps": Answer.recording(captures / "ollama_ps.raw"),
        "/api/generate": LOADED,
        "/api/chat": rows("a", last=LAST | {"prompt_eval_count": 4096}),
    }
    with serving(pages) as server:
        async with backend_on(server) as backend:
            await take(backend, chat())
            await backend.load(MODEL, {})
            _, error = await failure(backend, chat())
    assert error.kind == "context_full"


async def test_rule_13_an_overflow_told_as_json_in_a_string():
    inner = {
        "error": {
            "code": 400,
            "message": "request (3031 tokens) exceeds the available context size (2048 tokens)",
            "type": "exceed_context_size_error",
            "n_prompt_tokens": 3031,
            "n_ctx": 2048,
        }
    }
    with serving({"/api/chat": Answer.json({"error": json.dumps(inner)}, 400)}) as server:
        async with backend_on(server) as backend:
            items, error = await failure(backend, chat())
    assert (error.kind, error.status) == ("context_full", 400)
    assert "3031" in error.sentence
    assert "2048" in error.sentence
    assert items == []


# --- answers that are errors ---------------------------------------------------------------------------------------


async def test_a_model_that_is_not_there_is_answered_with_those_that_are(captures):
    pages = {
        "/api/chat": Answer.recording(captures / "ollama_err_model404.raw"),
        "/api/tags": Answer.recording(captures / "ollama_tags.raw"),
    }
    with serving(pages) as server:
        async with backend_on(server) as backend:
            items, error = await failure(backend, chat(model="nope"))
    assert (items, error.kind, error.status) == ([], "no_model", 404)
    assert error.sentence == f"{server.url} has no model 'nope': choose one of {MODEL}, or `ollama pull` it."


async def test_an_ollama_without_models_says_how_to_get_one():
    missing = Answer.json({"error": "model 'nope' not found"}, 404)
    with serving({"/api/chat": missing, "/api/tags": Answer.json({"models": []})}) as server:
        async with backend_on(server) as backend:
            _, error = await failure(backend, chat(model="nope"))
    assert "`ollama pull nope`" in error.sentence


async def test_of_many_models_the_first_are_named():
    missing = Answer.json({"error": "model 'nope' not found"}, 404)
    tags = Answer.json({"models": [{"name": f"m{number:02}"} for number in range(20)]})
    with serving({"/api/chat": missing, "/api/tags": tags}) as server:
        async with backend_on(server) as backend:
            _, error = await failure(backend, chat(model="nope"))
    assert "m07 and 12 more" in error.sentence
    assert "m08" not in error.sentence


async def test_a_server_that_lists_no_models_leaves_its_own_words():
    with serving({"/api/chat": Answer.json({"error": "model 'nope' not found"}, 404)}) as server:
        async with backend_on(server) as backend:
            _, error = await failure(backend, chat(model="nope"))
    assert error.kind == "no_model"
    assert "model 'nope' not found" in error.sentence


@pytest.mark.parametrize(
    ("status", "body", "content_type", "kind"),
    [
        (404, b"404 page not found", "text/plain", "not_supported"),
        (405, b"405 method not allowed", "text/plain", "not_supported"),
        (400, b'{"error":"unexpected EOF"}', "application/json", "bad_request"),
        (400, b'{"error":"\\"x\\" does not support thinking"}', "application/json", "not_supported"),
        (401, b'{"error":"unauthorized"}', "application/json", "refused"),
        (500, b"", "text/plain", "server_error"),
        (
            503,
            b'{"error":"server busy, please try again.  maximum pending requests exceeded"}',
            "application/json",
            "overloaded",
        ),
    ],
)
async def test_rule_13_the_shapes_of_an_error(status, body, content_type, kind):
    with serving({"/api/chat": Answer.http(status, body, content_type)}) as server:
        async with backend_on(server) as backend:
            items, error = await failure(backend, chat())
    assert (items, error.kind, error.status) == ([], kind, status)
    assert server.url in error.sentence


async def test_rule_12_an_error_in_mid_stream_comes_after_the_text_before_it():
    killed = {"error": "an error was encountered while running the model: unexpected EOF"}
    answer = Answer.stream([row("one"), row("two"), json.dumps(killed).encode() + b"\n"], NDJSON)
    with serving({"/api/chat": answer}) as server:
        async with backend_on(server) as backend:
            items, error = await failure(backend, chat())
    assert texts(items) == ["one", "two"]
    assert error.kind == "server_error"
    assert "unexpected EOF" in error.sentence


async def test_rule_10_a_success_without_rows_is_an_error():
    with serving({"/api/chat": Answer.stream([], NDJSON)}) as server:
        async with backend_on(server) as backend:
            items, error = await failure(backend, chat())
    assert [type(item) for item in items] == [Sent]
    assert error.kind == "empty"


async def test_a_clean_end_without_done_is_a_cut_answer():
    with serving({"/api/chat": rows("one", "two")}) as server:
        async with backend_on(server) as backend:
            items, error = await failure(backend, chat())
    assert (texts(items), error.kind) == (["one", "two"], "truncated")


async def test_a_page_that_is_no_ollama_is_malformed():
    with serving({"/api/chat": Answer.http(200, b"<html></html>\n", "text/html")}) as server:
        async with backend_on(server) as backend:
            _, error = await failure(backend, chat())
    assert error.kind == "malformed"


# --- disconnects and limits ----------------------------------------------------------------------------------------


async def test_rule_11_a_stream_cut_anywhere_is_never_a_result(captures):
    whole = Answer.recording(captures / "ollama_chat_stream.raw")
    full = "".join(
        json.loads(line)["message"]["content"] for line in whole.data.split(b"\r\n") if line.startswith(b"{")
    )
    cuts = range(1, len(whole.data) - 320, 89)
    answers = iter([whole.cut(at) for at in cuts])
    with ByteServer(lambda _: next(answers)) as server:
        async with backend_on(server) as backend:
            for _ in cuts:
                items, error = await failure(backend, chat())
                assert error.kind == "disconnected"
                assert not any(isinstance(item, End) for item in items)
                assert full.startswith("".join(texts(items)))
    assert len(server.requests) == len(cuts)


async def test_rule_11_a_reset_is_a_disconnect():
    with serving({"/api/chat": Answer.stream([row("one")], NDJSON).cut(-5, "reset")}) as server:
        async with backend_on(server) as backend:
            items, error = await failure(backend, chat())
    assert (texts(items), error.kind) in [(["one"], "disconnected"), ([], "disconnected")]


async def test_rule_14_silence_between_rows_is_a_stall():
    with serving({"/api/chat": Answer.stream([row("one")], NDJSON).cut(-5, "silent")}) as server:
        async with backend_on(server) as backend:
            items, error = await failure(backend, chat(stall_s=0.2))
    assert (texts(items), error.kind) == (["one"], "stalled")
    assert "0.2 s" in error.sentence


async def test_rule_14_silence_before_the_first_row_is_loading_and_no_stall():
    slow = rows("one", last=LAST)
    slow = slow._replace(pieces=(Piece(0.5, slow.pieces[0].data), *slow.pieces[1:]))
    with serving({"/api/chat": slow}) as server:
        async with backend_on(server) as backend:
            items = await take(backend, chat(stall_s=0.1))
    assert texts(items) == ["one"]


async def test_the_limit_of_the_whole_ends_a_wait_for_the_first_row():
    with serving({"/api/chat": Answer((), "silent")}) as server:
        async with backend_on(server) as backend:
            items, error = await failure(backend, chat(limit_s=0.3))
    assert (items, error.kind) == ([], "timeout")


async def test_the_limit_of_the_whole_ends_a_stream_that_never_stalls():
    endless = Answer.stream([Piece(0.05, row("x"))] * 100, NDJSON)
    with serving({"/api/chat": endless}) as server:
        async with backend_on(server) as backend:
            items, error = await failure(backend, chat(limit_s=0.4, stall_s=5.0))
    assert error.kind == "timeout"
    assert len(texts(items)) < 100


async def test_leaving_a_stream_closes_its_connection():
    endless = Answer.stream([Piece(0.02, row("x"))] * 500, NDJSON)
    with serving({"/api/chat": endless}) as server:
        async with backend_on(server) as backend:
            stream = backend.stream(chat())
            async for item in stream:
                if isinstance(item, Chunk):
                    break
            await stream.aclose()
            assert await asyncio.to_thread(server.wait_for, lambda it: len(it.disconnects) == 1)


async def test_nobody_there_is_unreachable():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        backend = OllamaBackend(f"http://127.0.0.1:{closed.getsockname()[1]}")
        _, error = await failure(backend, chat())
        with pytest.raises(BackendError) as caught:
            await backend.describe()
        await backend.aclose()
    assert error.kind == caught.value.kind == "unreachable"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "nonsense", "http://user:pw@127.0.0.1:1"])
def test_what_is_no_url_is_refused_at_once(url):
    with pytest.raises(ValueError, match="URL") as caught:
        OllamaBackend(url)
    assert "pw" not in str(caught.value)
