import asyncio
import contextlib
import json
from typing import ClassVar

import pytest

from llmtui.backends.base import BackendError, Chunk, End, GenerationRequest, Sent
from llmtui.backends.discover import identify
from llmtui.backends.exchange import request_json
from llmtui.backends.http_client import HttpClient
from llmtui.backends.llamacpp import LlamaCppBackend
from llmtui.events import ServerTimings, Usage
from llmtui.testing.byte_server import Answer, ByteServer, Piece, ReceivedRequest, sse

MODEL = "smollm2"
LISTING = Answer.json({"data": [{"id": MODEL, "aliases": ["smol"], "owned_by": "llamacpp", "meta": {"n_ctx": 2048}}]})
LOADING = Answer.json({"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}, 503)
NOT_FOUND = Answer.json({"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}}, 404)
CHAT = "/v1/chat/completions"
LAST = {"content": "", "stop": True, "stop_type": "limit", "tokens_predicted": 2, "tokens_evaluated": 3}


def delta(text: str, **more: object) -> dict:
    return {"choices": [{"index": 0, "finish_reason": None, "delta": {"content": text}}]} | more


FINISH = {"choices": [{"index": 0, "finish_reason": "stop", "delta": {}}]}


def serving(pages: dict[str, Answer]) -> ByteServer:
    """A server of one model, with one more answer a path."""
    table = {"/v1/models": LISTING} | pages
    return ByteServer(lambda request: table.get(request.path, NOT_FOUND))


@contextlib.asynccontextmanager
async def backend_on(url: str, **settings):
    backend = LlamaCppBackend(url, **settings)
    try:
        yield backend
    finally:
        await backend.aclose()


def chat(text: str = "Hi", **more) -> GenerationRequest:
    return GenerationRequest(**{"model": MODEL, "messages": (("user", text),), "limit_s": 30.0, "stall_s": 10.0} | more)


def plain(prompt: str = "Once", **more) -> GenerationRequest:
    return chat(messages=(), prompt=prompt, **more)


async def take(backend: LlamaCppBackend, request: GenerationRequest, into: list | None = None) -> list:
    items = [] if into is None else into
    async for item in backend.stream(request):
        items.append(item)
    return items


async def failure(backend: LlamaCppBackend, request: GenerationRequest) -> tuple[list, BackendError]:
    items: list = []
    with pytest.raises(BackendError) as caught:
        await take(backend, request, items)
    return items, caught.value


async def running(url: str) -> int:
    """How many requests the server's slots work on now."""
    async with HttpClient(url) as client:
        return sum(slot["is_processing"] for slot in await request_json(client, "GET", "/slots"))


def texts(items: list) -> list[str]:
    return [item.text for item in items if isinstance(item, Chunk)]


def paths(server: ByteServer) -> list[str]:
    return [request.path for request in server.requests]


# --- what the server says of itself --------------------------------------------------------------------------------


async def test_describe_reads_properties_and_list(captures):
    with serving({"/props": Answer.recording(captures / "llamacpp_get_props.raw")}) as server:
        async with backend_on(server.url + "/v1/") as backend:
            described = await backend.describe()
    assert (described.url, described.kind) == (server.url, "llamacpp")
    assert (described.version, described.slots, described.problem) == ("b0-unknown", 2, None)
    [model] = described.models
    assert (model.id, model.quantization, model.context, model.loaded) == (MODEL, "Q4_1", 2048, True)


async def test_the_embedded_server_keeps_its_kind(captures):
    with serving({"/props": Answer.recording(captures / "llamacpp_get_props.raw")}) as server:
        async with backend_on(server.url, kind="embedded") as backend:
            assert (await backend.describe()).kind == "embedded"


async def test_tokens_are_counted_by_the_server(captures):
    with serving({"/tokenize": Answer.recording(captures / "llamacpp_tokenize.raw")}) as server:
        async with backend_on(server.url) as backend:
            assert await backend.count_tokens(MODEL, "Hello wörld 🦊") == 7
    assert json.loads(server.requests[0].body) == {"model": MODEL, "content": "Hello wörld 🦊"}


# --- streams that end well -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", [False, True])
async def test_a_recorded_chat_byte_for_byte(captures, split):
    answer = Answer.recording(captures / "llamacpp_chat_stream_timings.raw")
    with serving({CHAT: answer.split_every_byte() if split else answer}) as server:
        async with backend_on(server.url) as backend:
            sent, *chunks, end = await take(backend, chat())
    assert isinstance(sent, Sent)
    assert [chunk.tokens for chunk in chunks] == list(range(1, 17))
    assert end.usage == Usage(prompt_tokens=39, completion_tokens=16, cached_tokens=31)
    assert end.finish_reason == "length"
    assert isinstance(end.timings, ServerTimings)
    assert (end.timings.prefill_tokens, end.timings.cached_tokens, end.timings.decode_tokens) == (8, 31, 15)
    times = [sent.at_ns, *(chunk.at_ns for chunk in chunks), end.at_ns]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("name", "pieces", "usage"),
    [
        ("llamacpp_chat_stream_usage", 64, Usage(prompt_tokens=39, completion_tokens=64, cached_tokens=0)),
        ("llamacpp_unicode", 20, None),
        ("llamacpp_chat_stream_nousage", 16, None),
    ],
)
async def test_recorded_chats_without_running_counts(captures, name, pieces, usage):
    with serving({CHAT: Answer.recording(captures / f"{name}.raw")}) as server:
        async with backend_on(server.url) as backend:
            _, *chunks, end = await take(backend, chat())
    assert (len(chunks), end.usage) == (pieces, usage)
    assert {chunk.tokens for chunk in chunks} == {None}


@pytest.mark.parametrize("split", [False, True])
async def test_rule_09_a_completion_has_rows_and_no_done_mark(split):
    rows = [
        {"content": "a", "stop": False, "tokens_predicted": 1},
        {"content": "b", "stop": False, "tokens_predicted": 2},
    ]
    answer = Answer.stream(sse(*rows, LAST, done=False))
    with serving({"/completion": answer.split_every_byte() if split else answer}) as server:
        async with backend_on(server.url) as backend:
            _, *chunks, end = await take(backend, plain(max_tokens=2))
    assert [(chunk.text, chunk.tokens) for chunk in chunks] == [("a", 1), ("b", 2)]
    assert (end.finish_reason, end.usage) == ("length", Usage(prompt_tokens=3, completion_tokens=2))
    body = json.loads(server.requests[-1].body)
    assert (body["prompt"], body["n_predict"], body["stream"]) == ("Once", 2, True)


async def test_rule_03_neither_role_nor_progress_nor_comment_is_text():
    progress = {"choices": [{"delta": {"role": "assistant", "content": None}}], "prompt_progress": {"processed": 4}}
    frames = sse(":", progress, delta(""), delta("x", timings={"predicted_n": 1}), FINISH)
    with serving({CHAT: Answer.stream(frames)}) as server:
        async with backend_on(server.url) as backend:
            items = await take(backend, chat())
    assert texts(items) == ["x"]


async def test_rule_04_reasoning_is_told_apart():
    thought = {"choices": [{"delta": {"reasoning_content": "Hm"}}]}
    with serving({CHAT: Answer.stream(sse(thought, delta("x"), FINISH))}) as server:
        async with backend_on(server.url) as backend:
            items = await take(backend, chat())
    assert [(item.text, item.reasoning) for item in items if isinstance(item, Chunk)] == [("Hm", True), ("x", False)]


@pytest.mark.parametrize(("key", "header"), [(None, None), ("s3cret", "Bearer s3cret")])
async def test_rule_18_a_key_is_sent_only_where_there_is_one(key, header):
    with serving({CHAT: Answer.stream(sse(delta("x"), FINISH))}) as server:
        async with backend_on(server.url, api_key=key) as backend:
            await take(backend, chat())
    assert {request.headers.get("authorization") for request in server.requests} == {header}
    assert {request.headers["accept-encoding"] for request in server.requests} == {"identity"}


# --- a server that is loading --------------------------------------------------------------------------------------


def loading_first(times: int, pages: dict[str, Answer]) -> ByteServer:
    """A server that answers its first requests, whatever they are, with 503 Loading model."""
    left = iter(range(times))
    table = {"/v1/models": LISTING, "/props": Answer.json({"total_slots": 1})} | pages
    return ByteServer(lambda request: LOADING if next(left, None) is not None else table.get(request.path, NOT_FOUND))


async def test_rule_19_a_server_that_is_loading_is_waited_for():
    with loading_first(3, {}) as server:
        async with backend_on(server.url) as backend:
            described = await backend.describe()
    assert described.slots == 1
    assert paths(server) == ["/props"] * 4 + ["/v1/models"]


async def test_rule_19_a_request_is_sent_again_and_its_time_is_that_of_the_last_try():
    answers = iter([LISTING, LOADING, LOADING, Answer.stream(sse(delta("x"), FINISH))])
    with ByteServer(lambda _: next(answers)) as server:
        async with backend_on(server.url) as backend:
            sent, *_ = await take(backend, chat())
    assert paths(server) == ["/v1/models", CHAT, CHAT, CHAT]
    assert server.requests[2].at_ns < sent.at_ns <= server.requests[3].at_ns


async def test_rule_19_patience_ends():
    with loading_first(1000, {}) as server:
        async with backend_on(server.url, loading_limit_s=0.2) as backend:
            with pytest.raises(BackendError) as caught:
                await backend.load(MODEL, {})
    assert (caught.value.kind, caught.value.status) == ("loading", 503)


async def test_another_503_is_no_loading():
    with serving({CHAT: Answer.json({"error": {"message": "Service Unavailable"}}, 503)}) as server:
        async with backend_on(server.url) as backend:
            _, error = await failure(backend, chat())
    assert error.kind == "overloaded"
    assert paths(server).count(CHAT) == 1


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [chat(model="nope"), plain(model="nope")])
async def test_a_server_of_one_model_would_answer_for_any_name_and_is_not_let(request_):
    with serving({}) as server:
        async with backend_on(server.url) as backend:
            items, error = await failure(backend, request_)
    assert (items, error.kind) == ([], "no_model")
    assert MODEL in error.sentence
    assert paths(server) == ["/v1/models"]


async def test_an_alias_is_a_name_and_names_are_looked_up_once():
    with serving({CHAT: Answer.stream(sse(delta("x"), FINISH))}) as server:
        async with backend_on(server.url) as backend:
            await take(backend, chat(model="smol"))
            await take(backend, chat(model="smol"))
    assert paths(server) == ["/v1/models", CHAT, CHAT]


async def test_a_full_context_says_how_full(captures):
    with serving({CHAT: Answer.recording(captures / "llamacpp_err_ctx_stream.raw")}) as server:
        async with backend_on(server.url) as backend:
            items, error = await failure(backend, chat())
    assert (items, error.kind, error.status) == ([], "context_full", 400)
    assert "3031" in error.sentence
    assert "2048" in error.sentence


async def test_rule_13_a_rejected_request(captures):
    with serving({CHAT: Answer.recording(captures / "llamacpp_err_badjson.raw")}) as server:
        async with backend_on(server.url) as backend:
            _, error = await failure(backend, chat())
    assert error.kind == "bad_request"


async def test_a_request_without_text_is_not_sent():
    with serving({}) as server:
        async with backend_on(server.url) as backend:
            _, error = await failure(backend, chat(messages=()))
    assert error.kind == "bad_request"
    assert server.requests == []


@pytest.mark.parametrize(
    ("frames", "kind"),
    [
        (
            sse(delta("x"), {"error": {"code": 500, "message": "boom", "type": "server_error"}}, done=False),
            "server_error",
        ),
        (sse(delta("x"), done=False), "truncated"),
        (sse(delta("x")), "truncated"),
        ([], "empty"),
        ([b"data: <html>\n\n"], "malformed"),
    ],
)
async def test_rules_10_and_12_a_stream_without_its_end_is_no_result(frames, kind):
    with serving({CHAT: Answer.stream(frames)}) as server:
        async with backend_on(server.url) as backend:
            items, error = await failure(backend, chat())
    assert error.kind == kind
    assert texts(items) == (["x"] if b"x" in b"".join(frames) else [])


async def test_rule_11_a_stream_cut_anywhere_is_never_a_result(captures):
    whole = Answer.recording(captures / "llamacpp_chat_stream_timings.raw")
    cuts = range(200, len(whole.data) - 20, 331)
    answers = iter([LISTING, *(whole.cut(at) for at in cuts)])
    with ByteServer(lambda _: next(answers)) as server:
        async with backend_on(server.url) as backend:
            for _ in cuts:
                items, error = await failure(backend, chat())
                assert error.kind == "disconnected"
                assert not any(isinstance(item, End) for item in items)


# --- silence -------------------------------------------------------------------------------------------------------


async def test_rule_14_after_the_first_text_comments_are_silence():
    pings = [Piece(0.05, b":\n\n")] * 200
    with serving({CHAT: Answer.stream([*sse(delta("x"), done=False), *pings])}) as server:
        async with backend_on(server.url) as backend:
            items, error = await failure(backend, chat(stall_s=0.4))
    assert (texts(items), error.kind) == (["x"], "stalled")


async def test_rule_14_before_the_first_text_comments_are_signs_of_life():
    pings = [Piece(0.1, b":\n\n")] * 10
    with serving({CHAT: Answer.stream([*pings, *sse(delta("x"), FINISH)])}) as server:
        async with backend_on(server.url) as backend:
            items = await take(backend, chat(stall_s=0.6))
    assert texts(items) == ["x"]


async def test_rule_14_silence_without_comments_is_a_stall():
    with serving({CHAT: Answer.stream([]).cut(-5, "silent")}) as server:
        async with backend_on(server.url) as backend:
            items, error = await failure(backend, chat(stall_s=0.2))
    assert ([type(item) for item in items], error.kind) == ([Sent], "stalled")


async def test_leaving_a_stream_closes_its_connection():
    with serving({CHAT: Answer.stream([Piece(0.02, frame) for frame in sse(delta("x")) * 300])}) as server:
        async with backend_on(server.url) as backend:
            stream = backend.stream(chat())
            async for item in stream:
                if isinstance(item, Chunk):
                    break
            await stream.aclose()
            assert await asyncio.to_thread(server.wait_for, lambda it: len(it.disconnects) == 1)


# --- router --------------------------------------------------------------------------------------------------------


class Router:
    """A llama.cpp router with two models, one of which cannot be loaded; a load takes two looks at the list."""

    OF_ROUTER: ClassVar = {"role": "router", "max_instances": 1, "models_autoload": True, "build_info": "b1"}
    OF_MODEL: ClassVar = {"default_generation_settings": {"n_ctx": 512}, "model_ftype": "Q8_0", "total_slots": 4}

    def __init__(self) -> None:
        self.state = {"good": "unloaded", "bad": "unloaded"}
        self.failed = {"good": False, "bad": False}
        self.target: dict[str, tuple[int, str]] = {}

    def __call__(self, request: ReceivedRequest) -> Answer:
        path, _, query = request.path.partition("?")
        pages = {
            "/v1/models": Answer.json({"data": [self.row(name) for name in self.state]})
            if path == "/v1/models"
            else None,
            "/props": Answer.json(self.OF_MODEL if query else self.OF_ROUTER),
            CHAT: Answer.stream(sse(delta("x"), FINISH)),
        }
        if path in {"/models/load", "/models/unload"}:
            self.turn(json.loads(request.body)["model"], path.removeprefix("/models/") + "ed")
            return Answer.json({"success": True})
        return pages.get(path) or NOT_FOUND

    def turn(self, name: str, goal: str) -> None:
        self.state[name] = "loading" if goal == "loaded" else self.state[name]
        self.target[name] = (2, "unloaded" if name == "bad" else goal)

    def row(self, name: str) -> dict:
        looks, goal = self.target.get(name, (0, self.state[name]))
        if looks == 0:
            self.failed[name] = self.failed[name] or (name == "bad" and self.state[name] == "loading")
            self.state[name] = goal
        self.target[name] = (max(looks - 1, 0), goal)
        failed = {"failed": True, "exit_code": 1} if self.failed[name] else {}
        return {"id": name, "status": {"value": self.state[name]} | failed}


async def test_rule_21_a_router_loads_and_unloads_what_it_is_told():
    router = Router()
    with ByteServer(router) as server:
        async with backend_on(server.url) as backend:
            assert await backend.load("good", {}) is None
            assert router.state["good"] == "loaded"
            await backend.load("good", {})
            assert await backend.loaded() == ("good",)
            await backend.unload("good")
            assert router.state["good"] == "unloaded"
            assert await backend.loaded() == ()
            await backend.unload("good")
    assert [path for path in paths(server) if path.startswith("/models/")] == ["/models/load", "/models/unload"]


async def test_a_router_that_says_it_unloaded_but_still_lists_the_model_has_not():
    router = Router()
    router.state["good"] = "loaded"
    router.turn = lambda name, goal: None
    with ByteServer(router) as server:
        async with backend_on(server.url, unload_limit_s=0.3) as backend:
            with pytest.raises(BackendError) as caught:
                await backend.unload("good")
    assert (caught.value.kind, "'good'" in caught.value.sentence) == ("timeout", True)
    assert paths(server).count("/models/unload") == 1


async def test_a_server_of_one_model_holds_it_and_says_so():
    with serving({}) as server:
        async with backend_on(server.url) as backend:
            assert await backend.loaded() == (MODEL,)
            with pytest.raises(BackendError) as caught:
                await backend.unload(MODEL)
    assert (caught.value.kind, "cannot unload" in caught.value.sentence) == ("not_supported", True)


async def test_a_model_that_sleeps_is_left_to_wake_up():
    router = Router()
    router.state["good"] = "sleeping"
    with ByteServer(router) as server:
        async with backend_on(server.url) as backend:
            await backend.load("good", {})
            with pytest.raises(BackendError) as caught:
                await backend.unload("nope")
    assert paths(server) == ["/v1/models"] * 2
    assert "(bad, good)" in caught.value.sentence


async def test_a_model_that_a_router_cannot_load_is_an_error_each_time():
    with ByteServer(Router()) as server:
        async with backend_on(server.url, load_limit_s=5.0) as backend:
            for _ in range(2):
                with pytest.raises(BackendError) as caught:
                    await backend.load("bad", {})
                assert caught.value.kind == "server_error"
                assert "'bad'" in caught.value.sentence
    assert paths(server).count("/models/load") == 2


async def test_a_load_that_never_ends_is_given_up():
    rows = Answer.json({"data": [{"id": "slow", "status": {"value": "loading"}}]})
    with serving({"/v1/models": rows}) as server:
        async with backend_on(server.url, load_limit_s=0.2) as backend:
            with pytest.raises(BackendError) as caught:
                await backend.load("slow", {})
    assert caught.value.kind == "timeout"
    assert "/models/load" not in paths(server)


async def test_rule_21_describing_a_router_loads_nothing():
    router = Router()
    router.state["good"] = "loaded"
    with ByteServer(router) as server:
        async with backend_on(server.url) as backend:
            described = await backend.describe()
    good, bad = described.models
    assert (good.id, good.loaded, good.context, good.quantization) == ("good", True, 512, "Q8_0")
    assert (bad.id, bad.loaded, bad.context, bad.quantization) == ("bad", False, None, None)
    assert described.slots is None
    asked = [path for path in paths(server) if path.startswith("/props?")]
    assert asked == ["/props?model=good&autoload=false"]


# --- the real server -----------------------------------------------------------------------------------------------


@pytest.mark.embedded
class TestRealServer:
    async def test_it_is_known_and_described(self, llamacpp_server):
        found = await identify(llamacpp_server.url)
        assert (found.kind, found.problem) == ("llamacpp", None)
        [model] = found.models
        assert model.id == llamacpp_server.model
        assert model.quantization == "Q4_1"
        assert model.parameters == 134_515_008
        assert model.context > 0
        assert found.slots > 0

    async def test_counts_of_chunks_tokens_and_timings_agree(self, llamacpp_server):
        request = chat(
            model=llamacpp_server.model, max_tokens=24, temperature=0.0, seed=1, options={"ignore_eos": True}
        )
        async with backend_on(llamacpp_server.url) as backend:
            _, *chunks, end = await take(backend, request)
        counts = [chunk.tokens for chunk in chunks]
        assert counts == sorted(set(counts))
        assert counts[-1] <= 24 == end.usage.completion_tokens
        assert end.finish_reason == "length"
        assert end.timings.decode_tokens == 23
        assert end.timings.decode_ns > 0
        assert end.timings.prefill_tokens + end.timings.cached_tokens == end.usage.prompt_tokens

    async def test_a_grammar_forces_exact_text(self, llamacpp_server):
        options = {"grammar": 'root ::= "Grüße, 世界! 🦊"'}
        async with backend_on(llamacpp_server.url) as backend:
            for request in (chat, plain):
                items = await take(backend, request(model=llamacpp_server.model, max_tokens=64, options=options))
                assert "".join(texts(items)) == "Grüße, 世界! 🦊"
                assert items[-1].finish_reason == "stop"

    async def test_a_prompt_sent_twice_is_found_in_the_cache(self, llamacpp_server):
        request = plain("Zebras and their many cousins live on the wide plain. " * 8, model=llamacpp_server.model)
        request = GenerationRequest(
            model=request.model, prompt=request.prompt, max_tokens=2, options={"id_slot": 0, "cache_prompt": True}
        )
        async with backend_on(llamacpp_server.url) as backend:
            await take(backend, request)
            *_, again = await take(backend, request)
        assert again.timings.cached_tokens > 50
        assert again.timings.prefill_tokens + again.timings.cached_tokens == again.usage.prompt_tokens

    async def test_the_tokenizer_counts_what_the_stream_counts(self, llamacpp_server):
        prompt = "The quick brown fox jumps over the lazy dog"
        async with backend_on(llamacpp_server.url) as backend:
            counted = await backend.count_tokens(llamacpp_server.model, prompt)
            *_, end = await take(backend, plain(prompt, model=llamacpp_server.model, max_tokens=1))
        assert counted == end.usage.prompt_tokens == 9

    @pytest.mark.parametrize("shape", [chat, plain])
    async def test_a_prompt_that_does_not_fit_is_said_to_be_too_long(self, llamacpp_server, shape):
        async with backend_on(llamacpp_server.url) as backend:
            items, error = await failure(backend, shape("word " * 9000, model=llamacpp_server.model))
        assert (items, error.kind) == ([], "context_full")
        assert "90" in error.sentence

    async def test_another_model_is_refused(self, llamacpp_server):
        async with backend_on(llamacpp_server.url) as backend:
            _, error = await failure(backend, chat(model="nope"))
        assert error.kind == "no_model"
        assert llamacpp_server.model in error.sentence

    async def test_a_stream_that_is_left_frees_its_slot(self, llamacpp_server):
        endless = chat(model=llamacpp_server.model, max_tokens=1500, options={"ignore_eos": True})
        async with backend_on(llamacpp_server.url) as backend:
            stream = backend.stream(endless)
            async for item in stream:
                if isinstance(item, Chunk):
                    break
            busy = await running(llamacpp_server.url)
            await stream.aclose()
            for _ in range(100):
                if not (idle := await running(llamacpp_server.url)):
                    break
                await asyncio.sleep(0.05)
        assert busy >= 1
        assert idle == 0

    async def test_loading_what_is_loaded_changes_nothing(self, llamacpp_server):
        async with backend_on(llamacpp_server.url) as backend:
            assert await backend.load(llamacpp_server.model, {}) is None
            assert await backend.loaded() == (llamacpp_server.model,)
            with pytest.raises(BackendError) as caught:
                await backend.unload(llamacpp_server.model)
            assert caught.value.kind == "not_supported"
            assert len((await backend.describe()).models) == 1
