"""The backend over real sockets: recordings of real servers byte by byte, and the rules that their oddities taught."""

import asyncio
import json
import socket

import pytest

from llmtui.backends.base import Backend, BackendError, Chunk, End, GenerationRequest, Sent
from llmtui.backends.http_client import HttpClient
from llmtui.backends.openai import OpenAiBackend
from llmtui.events import Model, Usage
from llmtui.testing.byte_server import Answer, ByteServer, Piece, sse

KEY = "sk-0123456789"
CHAT = GenerationRequest(model="m", messages=(("system", "Be brief."), ("user", "Hi")), max_tokens=8, temperature=0.0)


def delta(finish=None, **fields):
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def counted(completion):
    return {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": completion}}


HELLO = Answer.stream(
    sse(delta(role="assistant", content=""), delta(content="Hel"), delta(content="lo"), delta("stop"))
)


async def ask(server, request=CHAT, **arguments):
    """Stream one request; the items, and the error that ended them."""
    backend = OpenAiBackend(server.url, **arguments)
    items, error = [], None
    try:
        async for item in backend.stream(request):
            items.append(item)  # noqa: PERF401 - what came before the error counts
    except BackendError as caught:
        error = caught
    finally:
        await backend.aclose()
    return items, error


async def play(answers, request=CHAT, **arguments):
    with ByteServer(answers) as server:
        items, error = await ask(server, request, **arguments)
    return items, error, [json.loads(received.body) for received in server.requests]


def text(items, *, reasoning=False):
    return "".join(item.text for item in items if isinstance(item, Chunk) and item.reasoning is reasoning)


def kind_of(error):
    return error and error.kind


def test_it_is_a_backend():
    backend: Backend = OpenAiBackend("http://host/v1/")
    assert (backend.url, backend.kind) == ("http://host", "openai")


# --- recordings --------------------------------------------------------------------------------------------------------

RECORDED = [
    ("llamacpp_chat_stream_usage", 64, "length", Usage(prompt_tokens=39, completion_tokens=64, cached_tokens=0)),
    ("llamacpp_chat_stream_nousage", 16, "length", None),
    ("llamacpp_unicode", 20, "length", None),
    ("vllm_chat_stream", 3, "length", Usage(prompt_tokens=32, completion_tokens=3)),
    ("ollama_v1_chat_stream", 3, "length", Usage(prompt_tokens=11, completion_tokens=3)),
]


@pytest.mark.parametrize(("name", "chunks", "finish", "usage"), RECORDED)
async def test_a_recording_means_the_same_as_it_was_and_in_single_bytes(name, chunks, finish, usage, captures):
    answer = Answer.recording(captures / f"{name}.raw")
    meanings = []
    for played in (answer, answer.split_every_byte()):
        items, error, _ = await play(played)
        assert error is None
        assert isinstance(items[0], Sent)
        assert isinstance(items[-1], End)
        assert [type(item) for item in items[1:-1]] == [Chunk] * chunks
        assert all(item.text for item in items[1:-1])
        stamps = [item.at_ns for item in items]
        assert stamps == sorted(stamps)
        meanings.append((text(items), items[-1].finish_reason, items[-1].usage))
    assert meanings[0] == meanings[1]
    assert meanings[0][1:] == (finish, usage)


@pytest.mark.parametrize("name", ["vllm_chat_stream", "ollama_v1_chat_stream"])
async def test_a_recording_means_the_same_split_in_two_reads_anywhere(name, captures):
    answer = Answer.recording(captures / f"{name}.raw")
    offsets = range(1, len(answer.data), 7)
    remaining = [answer.split_at(offset, delay_s=0.001) for offset in offsets]
    with ByteServer(remaining) as server:
        backend = OpenAiBackend(server.url)
        for _ in offsets:
            items = [item async for item in backend.stream(CHAT)]
            assert text(items) == "I'm glad"
            assert items[-1].usage.completion_tokens == 3
        await backend.aclose()
    assert len(server.requests) == len(offsets)


async def test_a_paced_recording_keeps_its_order_and_its_gaps(captures):
    items, error, _ = await play(Answer.recording(captures / "ollama_v1_chat_stream.raw", paced=True))
    assert error is None
    stamps = [item.at_ns for item in items[1:-1]]
    assert stamps[0] < stamps[1] < stamps[2]


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("vllm_err_model404", "no_model", 404),
        ("llamacpp_err_ctx_stream", "context_full", 400),
        ("llamacpp_err_badjson", "bad_request", 400),
    ],
)
async def test_recorded_errors_have_their_kind(name, kind, status, captures):
    answer = Answer.recording(captures / f"{name}.raw")
    for played in (answer, answer.split_every_byte()):
        items, error, _ = await play(played)
        assert (items, error.kind, error.status) == ([], kind, status)


# --- the rules ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
async def test_rule_01_lines_may_end_as_servers_like(newline):
    frames = sse(": ping - 2026", delta(content="Hi"), delta("stop"))
    items, error, _ = await play(Answer.stream([frame.replace(b"\n", newline.encode()) for frame in frames]))
    assert (error, text(items)) == (None, "Hi")


async def test_rule_01_a_space_before_the_line_end_does_no_harm():
    frames = [frame.replace(b"\n\n", b" \n\n") for frame in sse(delta(content="Hi"), delta("stop"))]
    items, error, _ = await play(Answer.stream(frames))
    assert (error, text(items)) == (None, "Hi")


async def test_rule_02_characters_split_over_reads_are_whole():
    hello = "🦊é\u2028x"
    frames = [json.dumps(frame, ensure_ascii=False) for frame in (delta(content=hello), delta("stop"))]
    raw = "".join(f"data: {frame}\n\n" for frame in frames).encode()
    assert hello.encode() in raw
    items, error, _ = await play(Answer.stream([raw[at : at + 1] for at in range(len(raw))]))
    assert (error, text(items)) == (None, hello)


async def test_rule_03_the_first_chunk_is_the_first_text_and_not_the_role():
    pieces = [Piece(0, sse(delta(role="assistant", content=None), done=False)[0])]
    pieces += [Piece(0.03, frame) for frame in sse(delta(content="Hi"), delta("stop"))]
    with ByteServer(Answer.stream(pieces)) as server:
        items, _ = await ask(server)
    head, role, first = (send.at_ns for send in server.sends[:3])
    assert head <= role < first <= items[1].at_ns
    assert items[0].at_ns < head
    assert items[1].text == "Hi"


async def test_rule_04_reasoning_is_text_of_its_own():
    frames = sse(delta(reasoning_content="h"), delta(reasoning="m"), delta(content="Hi"), delta("stop"))
    items, _, _ = await play(Answer.stream(frames))
    assert (text(items, reasoning=True), text(items)) == ("hm", "Hi")


async def test_rule_05_choices_may_be_empty():
    items, error, _ = await play(
        Answer.stream(sse({"choices": []}, {}, delta(content="Hi"), delta("stop"), counted(1)))
    )
    assert (error, text(items), items[-1].usage.completion_tokens) == (None, "Hi", 1)


async def test_rule_06_usage_on_every_chunk_is_asked_for_where_it_is_known_and_counts_as_it_goes():
    frames = [delta(content=piece) | {"usage": {"completion_tokens": n}} for piece, n in (("a", 1), ("", 2), ("bc", 4))]
    items, _, (sent,) = await play(Answer.stream(sse(*frames, delta("stop"))), kind="vllm")
    assert sent["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}
    assert [(item.text, item.tokens) for item in items[1:-1]] == [("a", 1), ("bc", 4)]


async def test_rule_06_usage_that_never_comes_is_none():
    items, _, (sent,) = await play(HELLO)
    assert sent["stream_options"] == {"include_usage": True}
    assert items[-1].usage is None
    assert [item.tokens for item in items[1:-1]] == [None, None]


async def test_rule_09_a_finish_reason_without_done_is_an_end():
    items, error, _ = await play(Answer.stream(sse(delta(content="Hi"), delta("stop"), done=False)))
    assert (error, items[-1].finish_reason) == (None, "stop")


@pytest.mark.parametrize("done", [True, False])
async def test_rule_09_no_finish_reason_is_truncated_even_with_done(done):
    items, error, _ = await play(Answer.stream(sse(delta(content="Hi"), done=done)))
    assert (kind_of(error), text(items)) == ("truncated", "Hi")


async def test_rule_09_what_ollama_sends_when_its_runner_died_is_truncated():
    swallowed = {
        "model": "",
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}],
    }
    _, error, _ = await play(Answer.stream(sse(delta(content="Hi"), swallowed, done=False)))
    assert kind_of(error) == "truncated"


@pytest.mark.parametrize("frames", [[], sse(), sse(": ping")])
async def test_rule_10_a_stream_without_frames_is_empty(frames):
    items, error, _ = await play(Answer.stream(frames))
    assert (kind_of(error), len(items)) == ("empty", 1)


async def test_rule_10_an_answer_without_a_body_is_empty():
    assert kind_of((await play(Answer.http(200)))[1]) == "empty"
    assert kind_of((await play(Answer.http(200, b"", "text/event-stream")))[1]) == "empty"


@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_rule_11_a_connection_that_breaks_in_mid_stream_is_told_and_the_text_kept(ending):
    answer = Answer.stream([*sse(delta(content="Hi"), done=False), Piece(0, b"")])
    broken = answer._replace(pieces=(*answer.pieces[:2], Piece(0.05, b"9")), ending=ending)
    items, error, _ = await play(broken)
    assert (kind_of(error), text(items)) == ("disconnected", "Hi")


async def test_rule_11_a_broken_connection_after_done_is_no_failure():
    items, error, _ = await play(HELLO.cut(-5))
    assert (error, text(items)) == (None, "Hello")


ERRORS = [
    {"error": {"code": 500, "message": "boom", "type": "server_error"}},
    {"error": {"message": "boom", "http_status_code": 422}},
    {"object": "error", "message": "boom", "type": "x", "param": None, "code": 400},
    {"error": "boom"},
]


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("error", ERRORS)
async def test_rule_12_an_error_in_mid_stream_is_told_and_the_text_kept(error, done):
    items, caught, _ = await play(Answer.stream(sse(delta(content="Hi"), error, done=done)))
    assert (kind_of(caught), text(items)) == ("server_error", "Hi")
    assert "(boom)" in caught.sentence


async def test_rule_12_an_error_in_a_success_that_is_no_stream():
    _, error, _ = await play(Answer.json({"error": {"message": "boom"}}))
    assert kind_of(error) == "server_error"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"error":{"message":"no","type":"Bad Request"}}', "bad_request"),
        (422, b'{"detail":"no"}', "bad_request"),
        (404, b'{"detail":"Not Found"}', "not_supported"),
        (400, b'{"object":"error","message":"flat"}', "bad_request"),
        (500, b"Internal Server Error", "server_error"),
        (500, b"", "server_error"),
        (400, b'{"error":"{\\"error\\":{\\"message\\":\\"exceeds the available context size\\"}}"}', "context_full"),
    ],
)
async def test_rule_13_error_bodies_come_in_every_shape(status, body, kind):
    _, error, _ = await play(Answer.http(status, body, "text/plain"))
    assert (error.kind, error.status) == (kind, status)


async def test_rule_14_keep_alive_comments_are_no_progress():
    silent = Answer.stream([*sse(delta(content="Hi"), done=False), *([Piece(0.05, b":\n\n")] * 40)])
    items, error, _ = await play(silent, GenerationRequest(model="m", messages=(("user", "x"),), stall_s=0.3))
    assert (kind_of(error), text(items)) == ("stalled", "Hi")


async def test_rule_14_comments_and_roles_during_a_long_prefill_are_no_stall():
    role = sse(delta(role="assistant", content=""), done=False)
    comments = [Piece(0.05, b": keepalive 1/32\n\n")] * 12
    first, *rest = sse(delta(content="Hi"), delta("stop"))
    long = Answer.stream([*role, *comments, Piece(0.6, first), *rest])
    items, error, _ = await play(long, GenerationRequest(model="m", messages=(("user", "x"),), stall_s=0.3))
    assert (error, text(items)) == (None, "Hi")


async def test_rule_14_silence_before_the_head_is_no_stall():
    late = HELLO._replace(pieces=(Piece(0.6, HELLO.pieces[0].data), *HELLO.pieces[1:]))
    items, error, _ = await play(late, GenerationRequest(model="m", messages=(("user", "x"),), stall_s=0.1))
    assert (error, text(items)) == (None, "Hello")


async def test_rule_14_a_prefill_without_end_is_ended_by_the_limit_of_the_request():
    endless = Answer.stream([Piece(0.05, b": keepalive\n\n")] * 400)
    request = GenerationRequest(model="m", messages=(("user", "x"),), stall_s=0.1, limit_s=0.5)
    items, error, _ = await play(endless, request)
    assert (kind_of(error), text(items)) == ("timeout", "")
    assert "0.5 s" in error.sentence


async def test_rule_14_tokens_are_progress():
    slow = Answer.stream([Piece(0.05, frame) for frame in sse(*([delta(content="a")] * 10), delta("stop"))])
    items, error, _ = await play(slow, GenerationRequest(model="m", messages=(("user", "x"),), stall_s=0.3))
    assert (error, text(items)) == (None, "a" * 10)


REJECTED = [
    (400, {"error": {"message": "Stream options can only be defined when `stream=True`.", "param": "stream_options"}}),
    (422, {"detail": "Unexpected fields in the request: {'stream_options'}"}),
    (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs"}]}),
    (422, {}),
]


@pytest.mark.parametrize(("status", "rejection"), REJECTED)
async def test_rule_15_stream_options_are_left_out_when_rejected(status, rejection):
    with ByteServer([Answer.json(rejection, status), HELLO]) as server:
        backend = OpenAiBackend(server.url)
        items = [item async for item in backend.stream(CHAT)]
        again = [item async for item in backend.stream(CHAT)]
        await backend.aclose()
    first, second, third = (json.loads(request.body) for request in server.requests)
    assert "stream_options" in first
    assert "stream_options" not in second
    assert "stream_options" not in third  # once learnt, not asked for again
    assert text(items) == text(again) == "Hello"
    assert server.requests[0].at_ns < items[0].at_ns < server.requests[1].at_ns
    assert [type(item) for item in items].count(Sent) == 1


async def test_rule_15_they_are_left_out_once_and_not_for_other_reasons():
    rejection = Answer.json({"error": {"message": "stream_options: no", "code": 400}}, 400)
    _, error, sent = await play(rejection)
    assert (kind_of(error), len(sent)) == ("bad_request", 2)
    _, error, sent = await play(Answer.json({"error": "temperature must be below 2"}, 400))
    assert (kind_of(error), len(sent)) == ("bad_request", 1)
    _, error, sent = await play(Answer.json({"error": "stream_options broke"}, 500))
    assert (kind_of(error), len(sent)) == ("server_error", 1)


async def test_rule_15_the_recorded_rejection_of_vllm(captures):
    items, error, sent = await play([Answer.recording(captures / "vllm_err_streamopts.raw"), HELLO])
    assert (error, text(items)) == (None, "Hello")
    assert ["stream_options" in body for body in sent] == [True, False]


async def test_rule_16_max_tokens_first_and_the_newer_name_when_it_is_asked_for():
    words = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    items, error, (first, second) = await play([Answer.json({"error": {"message": words}}, 400), HELLO])
    assert (error, text(items)) == (None, "Hello")
    assert (first["max_tokens"], second["max_completion_tokens"]) == (8, 8)
    assert "max_completion_tokens" not in first
    assert "max_tokens" not in second
    assert "stream_options" in second


async def test_rule_16_a_limit_that_is_too_large_is_no_reason_to_switch():
    _, error, sent = await play(Answer.json({"error": {"message": "max_tokens must be at most 4096"}}, 400))
    assert (kind_of(error), len(sent)) == ("bad_request", 1)


EXTRAS = GenerationRequest(
    model="m", messages=(("user", "x"),), seed=7, stop=("END",), options={"top_k": 40, "top_p": 0.9, "ignore_eos": True}
)


async def test_rule_17_a_server_of_unknown_kind_gets_no_extras_and_the_end_says_so():
    items, _, (sent,) = await play(HELLO, EXTRAS)
    assert sent == {
        "model": "m",
        "messages": [{"role": "user", "content": "x"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "stop": ["END"],
        "top_p": 0.9,
    }
    assert items[-1].notes == ("left out, since not every server takes it: ignore_eos, seed, top_k",)


@pytest.mark.parametrize("kind", ["vllm", "sglang", "tgi", "lmstudio"])
async def test_rule_17_a_server_of_known_kind_gets_all(kind):
    items, _, (sent,) = await play(HELLO, EXTRAS, kind=kind)
    assert (sent["seed"], sent["top_k"], sent["ignore_eos"]) == (7, 40, True)
    assert items[-1].notes == ()


async def test_rule_17_what_stands_under_extra_body_is_sent_to_any_server():
    request = GenerationRequest(model="m", messages=(("user", "x"),), options={"extra_body": {"min_p": 0.1}})
    items, _, (sent,) = await play(HELLO, request)
    assert sent["min_p"] == 0.1
    assert items[-1].notes == ()


async def test_no_option_can_turn_the_stream_off_or_change_what_is_measured():
    options = {"stream": False, "model": "other", "messages": []}
    _, error, (sent,) = await play(HELLO, GenerationRequest(model="m", messages=(("user", "x"),), options=options))
    assert error is None
    assert (sent["stream"], sent["model"], len(sent["messages"])) == (True, "m", 1)


async def test_rule_18_a_key_is_sent_only_when_there_is_one():
    with ByteServer(HELLO) as server:
        await ask(server)
        await ask(server, api_key=KEY)
        async with HttpClient(server.url) as client:
            await ask(server, api_key=KEY, client=client)
            assert client.transport.connections == 1
    assert [request.headers.get("authorization") for request in server.requests] == [None, *([f"Bearer {KEY}"] * 2)]


LOADING = Answer.json({"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}, 503)


async def test_rule_19_a_server_that_is_loading_is_waited_for():
    items, error, sent = await play([LOADING, LOADING, HELLO])
    assert (error, text(items), len(sent)) == (None, "Hello", 3)
    assert [type(item) for item in items].count(Sent) == 1


async def test_rule_19_but_not_forever_and_not_when_it_is_only_busy():
    _, error, sent = await play(LOADING, loading_limit_s=0.3)
    assert kind_of(error) == "loading"
    assert 2 <= len(sent) <= 3
    _, error, sent = await play(Answer.http(503, b"busy"))
    assert (kind_of(error), len(sent)) == ("overloaded", 1)


async def test_rule_22_no_compression_is_asked_for_and_none_is_taken():
    with ByteServer(HELLO) as server:
        await ask(server)
    assert server.requests[0].headers["accept-encoding"] == "identity"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx"
    _, error, _ = await play(Answer((Piece(0, head),), "close"))
    assert kind_of(error) == "malformed"


async def test_rule_23_cached_tokens_are_told_apart():
    frame = counted(1)
    frame["usage"]["prompt_tokens_details"] = {"cached_tokens": 4}
    items, _, _ = await play(Answer.stream(sse(delta(content="Hi"), delta("stop"), frame)))
    assert items[-1].usage == Usage(prompt_tokens=5, completion_tokens=1, cached_tokens=4)


async def test_rule_25_mlx_speaks_http_1_0_with_comments_and_a_role_in_every_chunk():
    frames = sse(
        ": keepalive 31/32", delta(role="assistant", content="Hi"), delta("stop", role="assistant"), counted(1)
    )
    items, error, _ = await play(Answer.until_close(frames))
    assert (error, text(items), items[-1].usage.completion_tokens) == (None, "Hi", 1)


async def test_rule_25_a_body_of_http_1_0_that_ends_too_early_is_truncated():
    frames = sse(delta(content="Hi"), delta(content=" there"), done=False)
    items, error, _ = await play(Answer.until_close([frames[0], frames[1][:30]]))
    assert (kind_of(error), text(items)) == ("truncated", "Hi")


# --- the rest of the contract ------------------------------------------------------------------------------------------


async def test_pieces_of_one_read_share_their_time():
    frames = b"".join(sse(*(delta(content=letter) for letter in "abc"), delta("stop")))
    items, _, _ = await play(Answer.stream([Piece(0.02, frames)]))
    assert len({item.at_ns for item in items[1:]}) == 1


async def test_a_prompt_is_completed_without_a_chat():
    frames = sse(
        {"choices": [{"index": 0, "text": " the", "finish_reason": None}]},
        {"choices": [{"text": "", "finish_reason": "length"}]},
    )
    with ByteServer(Answer.stream(frames)) as server:
        items, error = await ask(server, GenerationRequest(model="m", prompt="Once", max_tokens=1))
    sent = json.loads(server.requests[0].body)
    assert (error, text(items), server.requests[0].path) == (None, " the", "/v1/completions")
    assert (sent["prompt"], sent["max_tokens"]) == ("Once", 1)
    assert "messages" not in sent


async def test_a_request_without_text_is_not_sent():
    _, error, sent = await play(HELLO, GenerationRequest(model="m"))
    assert (kind_of(error), sent) == ("bad_request", [])


async def test_the_url_may_end_with_v1():
    with ByteServer(HELLO) as server:
        backend = OpenAiBackend(server.url + "/v1/")
        assert text([item async for item in backend.stream(CHAT)]) == "Hello"
        await backend.aclose()
    assert server.requests[0].path == "/v1/chat/completions"


async def test_an_answer_in_one_piece_is_no_stream():
    _, error, _ = await play(Answer.json({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}))
    assert kind_of(error) == "malformed"
    assert "stream" in error.sentence


async def test_a_page_in_place_of_a_stream_is_empty():
    _, error, _ = await play(Answer.http(200, b"<html>\n\n</html>", "text/html"))
    assert kind_of(error) == "empty"


async def test_a_connection_is_kept_after_an_answer():
    with ByteServer(HELLO) as server:
        backend = OpenAiBackend(server.url)
        first = [item async for item in backend.stream(CHAT)]
        second = [item async for item in backend.stream(CHAT)]
        await backend.aclose()
    assert [request.connection for request in server.requests] == [0, 0]
    assert first[0].connect_ns > 0
    assert second[0].connect_ns is None


async def test_a_stream_that_is_left_is_cancelled_at_the_server():
    with ByteServer(Answer.stream([*sse(delta(content="Hi"), done=False), Piece(60, b":\n\n")])) as server:
        backend = OpenAiBackend(server.url)
        stream = backend.stream(CHAT)
        assert isinstance(await anext(stream), Sent)
        assert (await anext(stream)).text == "Hi"
        await stream.aclose()
        assert await asyncio.to_thread(server.wait_for, lambda s: len(s.disconnects) == 1)
        await backend.aclose()


async def test_a_stream_that_is_cancelled_is_cancelled_at_the_server():
    with ByteServer(Answer.stream([*sse(delta(content="Hi"), done=False), Piece(60, b":\n\n")])) as server:
        task = asyncio.ensure_future(ask(server))
        assert await asyncio.to_thread(server.wait_for, lambda s: len(s.sends) == 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.wait_for, lambda s: len(s.disconnects) == 1)


async def test_the_limit_of_a_request_holds():
    endless = Answer.stream([Piece(0.02, frame) for frame in sse(*([delta(content="a")] * 200))])
    items, error, _ = await play(endless, GenerationRequest(model="m", messages=(("user", "x"),), limit_s=0.3))
    assert kind_of(error) == "timeout"
    assert text(items)


async def test_nobody_listening_is_unreachable():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        backend = OpenAiBackend(f"http://127.0.0.1:{free.getsockname()[1]}")
        for attempt in (backend.describe(), anext(backend.stream(CHAT))):
            with pytest.raises(BackendError) as caught:
                await attempt
            assert caught.value.kind == "unreachable"
        await backend.aclose()


async def test_the_key_is_in_no_error_and_no_repr():
    answers = [
        Answer.json({"error": {"message": f"Incorrect API key: {KEY}"}}, 401),
        Answer.json({"error": f"{KEY}?"}, 500),
        Answer.stream(sse(delta(content="Hi"), {"error": f"key {KEY} revoked"})),
        Answer.stream([f"data: {KEY}\n\n".encode()]),
        Answer.json({"error": f"key {KEY}"}),
    ]
    for answer in answers:
        _, error, _ = await play(answer, api_key=KEY)
        assert error is not None
        assert KEY not in str(error) + repr(error)
    backend = OpenAiBackend("http://host", api_key=KEY)
    assert KEY not in repr(backend)
    await backend.aclose()


def test_a_kind_that_is_none_is_refused():
    with pytest.raises(ValueError, match="vllm"):
        OpenAiBackend("http://host", kind="ollama")


# --- models, tokens, load ----------------------------------------------------------------------------------------------


def pages(**answers):
    """Answer by path, with "/" written as "__"; the rest is 404."""
    by_path = {"/" + name.replace("__", "/"): answer for name, answer in answers.items()}
    missing = Answer.json({"detail": "Not Found"}, 404)

    def respond(request):
        answer = by_path.get(request.path, missing)
        return answer if isinstance(answer, Answer) else Answer.json(answer)

    return respond


MODELS = {"object": "list", "data": [{"id": "m", "owned_by": "vllm", "max_model_len": 2048}]}


async def describe(answers, kind):
    with ByteServer(answers) as server:
        backend = OpenAiBackend(server.url, kind=kind)
        try:
            return await backend.describe()
        finally:
            await backend.aclose()


async def test_vllm_tells_models_and_version():
    server = await describe(pages(v1__models=MODELS, version={"version": "0.32.0"}), "vllm")
    assert (server.kind, server.version, server.slots) == ("vllm", "0.32.0", None)
    assert server.models == (Model(id="m", context=2048),)


async def test_sglang_tells_its_slots_at_either_address():
    info = {"version": "0.5.23", "max_running_requests": 48}
    for path in ("server_info", "get_server_info"):
        server = await describe(pages(v1__models=MODELS, **{path: info}), "sglang")
        assert (server.version, server.slots) == ("0.5.23", 48)


async def test_tgi_tells_the_context_of_its_only_model():
    info = {"version": "3.3.5", "max_concurrent_requests": 128, "max_total_tokens": 4096}
    server = await describe(pages(v1__models={"data": [{"id": "m"}]}, info=info), "tgi")
    assert (server.version, server.slots, server.models) == ("3.3.5", 128, (Model(id="m", context=4096),))


async def test_a_server_that_tells_only_its_models_is_described_by_them():
    for kind in ("openai", "vllm", "sglang", "tgi"):
        server = await describe(pages(v1__models=MODELS), kind)
        assert (server.version, server.slots, len(server.models)) == (None, None, 1)


async def test_a_server_without_models_page_is_an_error():
    with pytest.raises(BackendError) as caught:
        await describe(pages(), "openai")
    assert caught.value.kind == "not_supported"


async def test_tokens_are_counted_by_the_servers_tokenizer_where_it_has_one():
    with ByteServer(pages(tokenize={"count": 3, "max_model_len": 2048, "tokens": [1, 2, 3]})) as server:
        backend = OpenAiBackend(server.url, kind="vllm")
        assert await backend.count_tokens("m", "I'm glad") == 3
        await backend.aclose()
        plain = OpenAiBackend(server.url)
        assert await plain.count_tokens("m", "I'm glad") is None
        await plain.aclose()
    assert [json.loads(request.body) for request in server.requests] == [
        {"model": "m", "prompt": "I'm glad", "add_special_tokens": False}
    ]


async def test_tokens_of_a_server_that_lacks_its_tokenizer_are_unknown_and_other_errors_are_errors():
    with ByteServer(pages()) as server:
        backend = OpenAiBackend(server.url, kind="sglang")
        assert await backend.count_tokens("m", "x") is None
        await backend.aclose()
    with ByteServer(Answer.http(500)) as server:
        backend = OpenAiBackend(server.url, kind="vllm")
        with pytest.raises(BackendError):
            await backend.count_tokens("m", "x")
        await backend.aclose()


def lmstudio(*instances):
    listing = {"models": [{"key": "m", "loaded_instances": list(instances), "max_context_length": 9}]}
    return pages(
        v1__models={"data": [{"id": "m"}]},
        api__v1__models=listing,
        api__v1__models__load={"instance_id": "m", "load_time_seconds": 1.5, "status": "loaded"},
        api__v1__models__unload={"instance_id": "m"},
    )


async def call(answers, name, *arguments):
    with ByteServer(answers) as server:
        backend = OpenAiBackend(server.url, kind="lmstudio")
        try:
            result = await getattr(backend, name)(*arguments)
        finally:
            await backend.aclose()
    return result, [(r.path, json.loads(r.body)) for r in server.requests if r.method == "POST"]


LOADED = {"id": "m:2", "config": {"context_length": 4096, "flash_attention": True}}


async def test_lmstudio_loads_a_model_and_tells_its_time():
    result = await call(lmstudio(), "load", "m", {"context_length": 4096})
    assert result == (1_500_000_000, [("/api/v1/models/load", {"model": "m", "context_length": 4096})])


async def test_lmstudio_keeps_an_instance_that_was_loaded_so():
    assert await call(lmstudio(LOADED), "load", "m", {"context_length": 4096}) == (None, [])
    assert await call(lmstudio(LOADED), "load", "m", {}) == (None, [])


async def test_lmstudio_loads_an_instance_anew_that_was_loaded_otherwise():
    _, posts = await call(lmstudio(LOADED), "load", "m", {"context_length": 8192})
    assert posts == [
        ("/api/v1/models/unload", {"instance_id": "m:2"}),
        ("/api/v1/models/load", {"model": "m", "context_length": 8192}),
    ]


class LmStudio:
    """An LM Studio with two instances of `m`; of those that it was told to unload it lists `kept` all the same."""

    def __init__(self, kept=()):
        self.instances = [LOADED, LOADED | {"id": "m"}]
        self.kept = kept

    def __call__(self, request):
        if request.path == "/api/v1/models/unload":
            gone = json.loads(request.body)["instance_id"]
            self.instances = [row for row in self.instances if row["id"] != gone or gone in self.kept]
        return lmstudio(*self.instances)(request)


async def test_lmstudio_unloads_every_instance_and_looks_whether_they_are_gone():
    _, posts = await call(LmStudio(), "unload", "m")
    assert [body["instance_id"] for _, body in posts] == ["m:2", "m"]
    assert await call(lmstudio(), "unload", "m") == (None, [])


async def test_lmstudio_that_says_it_unloaded_but_still_lists_the_model_has_not():
    with ByteServer(LmStudio(kept=("m",))) as server:
        backend = OpenAiBackend(server.url, kind="lmstudio", unload_limit_s=0.3)
        with pytest.raises(BackendError) as caught:
            await backend.unload("m")
        await backend.aclose()
    assert caught.value.kind == "timeout"
    assert "still holds 'm'" in caught.value.sentence


async def test_lmstudio_tells_what_is_in_memory():
    assert (await call(lmstudio(LOADED), "loaded"))[0] == ("m",)
    assert (await call(lmstudio(), "loaded"))[0] == ()


async def test_lmstudio_describes_its_models():
    server = await describe(lmstudio(LOADED), "lmstudio")
    assert server.models == (Model(id="m", context=4096, loaded=True),)


OLD = {"error": "Unexpected endpoint or method. (GET /api/v1/models)"}


@pytest.mark.parametrize("missing", [Answer.http(404), Answer.json(OLD, 404), Answer.json(OLD)])
async def test_an_old_lmstudio_without_the_rich_listing_is_described_and_loads_by_itself(missing):
    def answer(request):
        return Answer.json({"data": [{"id": "m"}]}) if request.path == "/v1/models" else missing

    assert (await describe(answer, "lmstudio")).models == (Model(id="m"),)
    assert await call(answer, "load", "m", {}) == (None, [])
    assert await call(answer, "loaded") == (None, [])
    with pytest.raises(BackendError) as caught:
        await call(answer, "unload", "m")
    assert caught.value.kind == "not_supported"


async def test_an_lmstudio_that_fails_is_not_taken_for_an_old_one():
    def answer(request):
        return Answer.json({"data": [{"id": "m"}]}) if request.path == "/v1/models" else Answer.http(500)

    with pytest.raises(BackendError) as caught:
        await describe(answer, "lmstudio")
    assert caught.value.kind == "server_error"


async def test_other_servers_are_not_asked_to_load():
    with ByteServer(pages()) as server:
        backend = OpenAiBackend(server.url, kind="vllm")
        assert await backend.load("m", {"context_length": 1}) is None
        assert await backend.loaded() is None
        with pytest.raises(BackendError) as caught:
            await backend.unload("m")
        assert (caught.value.kind, "cannot unload" in caught.value.sentence) == ("not_supported", True)
        await backend.aclose()
    assert server.requests == []


# --- a real server -----------------------------------------------------------------------------------------------------


@pytest.mark.embedded
async def test_a_real_server_streams_the_text_that_its_grammar_fixes_twice_over_one_client(llamacpp_server):
    backend = OpenAiBackend(llamacpp_server.url)
    options = {"extra_body": {"grammar": 'root ::= "one two three 🦊"'}}
    request = GenerationRequest(
        model=llamacpp_server.model, messages=(("user", "Count."),), max_tokens=40, temperature=0.0, options=options
    )
    first = [item async for item in backend.stream(request)]
    second = [item async for item in backend.stream(request)]
    await backend.aclose()
    for items in (first, second):
        assert text(items) == "one two three 🦊"
        assert items[-1].finish_reason == "stop"
        chunks = [item for item in items if isinstance(item, Chunk)]
        assert items[-1].usage.completion_tokens >= len(chunks) >= 4
        assert items[0].at_ns < chunks[0].at_ns < chunks[-1].at_ns <= items[-1].at_ns


@pytest.mark.embedded
async def test_a_real_server_tells_what_it_has_and_what_it_has_no_room_for(llamacpp_server):
    backend = OpenAiBackend(llamacpp_server.url)
    server = await backend.describe()
    assert llamacpp_server.model in {model.id for model in server.models}
    too_long = GenerationRequest(model=llamacpp_server.model, messages=(("user", "word " * 5000),), max_tokens=1)
    with pytest.raises(BackendError) as caught:
        [item async for item in backend.stream(too_long)]
    await backend.aclose()
    assert caught.value.kind == "context_full"
