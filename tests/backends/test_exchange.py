import asyncio
import socket

import pytest

from llmtui.backends.base import BackendError
from llmtui.backends.exchange import post_timed, request_json, request_text
from llmtui.backends.http_client import HttpClient
from llmtui.backends.wire import SseParser
from llmtui.testing.byte_server import Answer, ByteServer, Piece

KEY = "sk-0123456789"


async def read_all(server, *, stall_s=5.0, limit_s=10.0, parser=None, patient=False):
    """POST, feed `parser`, and return the reads; what went wrong is raised."""
    reads = []
    async with (
        HttpClient(server.url) as client,
        post_timed(client, "/x", {"a": 1}, stall_s=stall_s, limit_s=limit_s, patient=patient) as exchange,
    ):
        async for read in exchange.reads(None if parser is None else lambda: parser.progress):
            reads.append(read)
            if parser is not None:
                parser.feed(read.data)
    return reads


async def test_a_post_is_json_and_its_times_are_those_of_the_transport():
    with ByteServer(Answer.stream([b"one", Piece(0.02, b"two")])) as server:
        async with HttpClient(server.url) as client:
            async with post_timed(client, "/x", {"a": "ü"}, stall_s=5, limit_s=5) as exchange:
                reads = [read async for read in exchange.reads()]
            async with post_timed(client, "/x", {}, stall_s=5, limit_s=5) as again:
                assert await again.body() == b"onetwo"
    assert [read.data for read in reads] == [b"one", b"two"]
    assert exchange.ok
    assert exchange.sent_ns < server.requests[0].at_ns < reads[0].at_ns < reads[1].at_ns
    assert exchange.connect_ns > 0
    assert again.connect_ns is None
    assert server.requests[0].body == '{"a":"ü"}'.encode()
    assert server.requests[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize("key", [None, KEY])
async def test_what_was_sent_is_told_with_url_and_body_and_never_with_the_key(key):
    with ByteServer(Answer.stream([b"one"])) as server:
        async with (
            HttpClient(f"{server.url}/behind", api_key=key) as client,
            post_timed(client, "/x", {"a": 1}, stall_s=5, limit_s=5) as exchange,
        ):
            sent = exchange.sent()
            assert await exchange.body() == b"one"
    assert (sent.posted.url, sent.posted.body) == (f"{server.url}/behind/x", {"a": 1})
    assert sent.posted.keyed is (key is not None)
    assert KEY not in repr(sent)
    assert server.requests[0].path == "/behind/x"


async def test_rule_14_silence_is_a_stall():
    with ByteServer(Answer.stream([b"data: a\n\n", Piece(30, b"data: b\n\n")])) as server:
        with pytest.raises(BackendError) as caught:
            await read_all(server, stall_s=0.1)
        assert caught.value.kind == "stalled"
        assert await asyncio.to_thread(server.wait_for, lambda s: len(s.disconnects) == 1)


async def test_rule_14_silence_before_the_head_is_a_stall():
    with ByteServer(Answer((), "silent")) as server:
        with pytest.raises(BackendError) as caught:
            await read_all(server, stall_s=0.1)
        assert caught.value.kind == "stalled"
        assert await asyncio.to_thread(server.wait_for, lambda s: len(s.disconnects) == 1)


COMMENTS = [Piece(0.05, b": ping\r\n\r\n") for _ in range(12)]


async def test_rule_14_comments_do_not_renew_the_stall_limit():
    with ByteServer(Answer.stream([b"data: a\n\n", *COMMENTS])) as server, pytest.raises(BackendError) as caught:
        await read_all(server, stall_s=0.3, parser=SseParser())
    assert caught.value.kind == "stalled"


async def test_rule_14_data_between_the_comments_does_and_so_does_any_byte_without_a_parser():
    data = [Piece(0.05, b"da"), Piece(0.05, b"ta: a\n\n"), *COMMENTS[:2]] * 3
    with ByteServer(Answer.stream(data)) as server:
        assert len(await read_all(server, stall_s=0.3, parser=SseParser())) > 6
    with ByteServer(Answer.stream(COMMENTS)) as server:
        assert len(await read_all(server, stall_s=0.3)) > 6


async def test_a_patient_exchange_begins_its_stall_limit_with_the_first_progress():
    late = Answer.stream([Piece(0.4, b": comment\n\n"), Piece(0.4, b"data: a\n\n"), Piece(30, b"data: b\n\n")])
    with ByteServer(late) as server:
        parser = SseParser()
        with pytest.raises(BackendError) as caught:
            await read_all(server, stall_s=0.2, parser=parser, patient=True)
        assert (caught.value.kind, parser.progress) == ("stalled", 7)
        parser = SseParser()
        with pytest.raises(BackendError) as caught:
            await read_all(server, stall_s=0.2, parser=parser)
        assert (caught.value.kind, parser.progress) == ("stalled", 0)


async def test_a_patient_exchange_ends_by_its_limit():
    with ByteServer(Answer((), "silent")) as server:
        with pytest.raises(BackendError) as caught:
            await read_all(server, stall_s=0.1, limit_s=0.4, patient=True)
        assert caught.value.kind == "timeout"


async def test_who_is_cancelled_while_waiting_is_cancelled_and_not_told_of_a_limit():
    with ByteServer(Answer.stream([b"data: a\n\n", Piece(30, b"data: b\n\n")])) as server:
        reading = asyncio.ensure_future(read_all(server, stall_s=20))
        assert await asyncio.to_thread(server.wait_for, lambda s: len(s.sends) >= 2)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading


async def test_a_limit_that_is_over_leaves_the_task_uncancelled():
    with ByteServer(Answer((), "silent")) as server:
        with pytest.raises(BackendError):
            await read_all(server, stall_s=0.1)
        with ByteServer(Answer.stream([b"x"]).cut(-5, "silent")) as other, pytest.raises(BackendError) as caught:
            await read_all(other, stall_s=0.1)
    assert caught.value.kind == "stalled"
    assert asyncio.current_task().cancelling() == 0
    await asyncio.sleep(0.01)


async def test_the_limit_holds_however_much_comes():
    with ByteServer(Answer.stream([Piece(0.02, b"x")] * 500)) as server:
        with pytest.raises(BackendError) as caught:
            await read_all(server, stall_s=5, limit_s=0.2)
        assert caught.value.kind == "timeout"
        assert await asyncio.to_thread(server.wait_for, lambda s: len(s.disconnects) == 1)


async def test_a_consumer_that_is_slow_itself_is_no_stall():
    with ByteServer(Answer.stream([b"one", Piece(0.01, b"two"), Piece(0.01, b"three")])) as server:
        async with (
            HttpClient(server.url) as client,
            post_timed(client, "/x", {}, stall_s=0.15, limit_s=5) as exchange,
        ):
            got = b""
            async for read in exchange.reads():
                await asyncio.sleep(0.2)
                got += read.data
    assert got == b"onetwothree"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer((), "close"), "disconnected"),
        (Answer((), "reset"), "disconnected"),
        (Answer.stream([b"x"]).cut(-3), "disconnected"),
        (Answer.stream([b"x"]).cut(-3, "reset"), "disconnected"),
        (Answer((Piece(0, b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),), "close"), "malformed"),
        (Answer((Piece(0, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),), "close"), "malformed"),
    ],
)
async def test_rule_11_what_goes_wrong_on_the_way_has_its_kind(answer, kind):
    with ByteServer(answer) as server:
        with pytest.raises(BackendError) as caught:
            await read_all(server)
        assert caught.value.kind == kind
        assert caught.value.sentence.startswith(server.url)


async def test_nobody_listening_is_unreachable():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        async with HttpClient(f"http://127.0.0.1:{free.getsockname()[1]}") as client:
            with pytest.raises(BackendError, match="start the server") as caught:
                await request_json(client, "GET", "/x")
    assert caught.value.kind == "unreachable"


async def test_a_problem_is_read_from_the_body_and_the_connection_kept():
    with ByteServer([Answer.json({"error": "no such model: m not found"}, 404), Answer.json({})]) as server:
        async with HttpClient(server.url) as client:
            async with post_timed(client, "/x", {}, stall_s=5, limit_s=5, model="m") as exchange:
                assert not exchange.ok
                problem = await exchange.problem()
            await request_json(client, "GET", "/y")
    assert (problem.kind, problem.status) == ("no_model", 404)
    assert [request.connection for request in server.requests] == [0, 0]


async def test_draining_keeps_a_connection_and_gives_up_on_one_that_goes_on():
    with ByteServer(Answer.stream([b"last", Piece(0.02, b"")])) as server:
        async with HttpClient(server.url) as client:
            async with post_timed(client, "/x", {}, stall_s=5, limit_s=5) as exchange:
                async for _ in exchange.reads():
                    break
                await exchange.drain()
            assert client.transport.connections == 1
    with ByteServer(Answer.stream([b"last", Piece(30, b"more")])) as server:
        async with HttpClient(server.url) as client:
            async with post_timed(client, "/x", {}, stall_s=5, limit_s=5) as exchange:
                async for _ in exchange.reads():
                    break
                await exchange.drain(0.02)
            await asyncio.sleep(0)
            assert client.transport.connections == 0


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (Answer.json({"a": [1]}), {"a": [1]}),
        (Answer.http(200, b""), {}),
        (Answer.http(200, b" \n"), {}),
        (Answer.http(200, b"[NaN]", "text/plain"), [None]),
    ],
)
async def test_a_plain_call_gives_its_json(answer, value):
    with ByteServer(answer) as server:
        async with HttpClient(server.url) as client:
            assert await request_json(client, "GET", "/x") == value
            assert await request_json(client, "POST", "/x", {"b": 2}) == value
    assert [(request.method, request.body) for request in server.requests] == [("GET", b""), ("POST", b'{"b":2}')]
    assert "content-type" not in server.requests[0].headers


async def test_a_plain_call_for_text_replaces_what_is_no_utf8():
    with ByteServer(Answer.http(200, b"Ollama is running \xff", "text/plain")) as server:
        async with HttpClient(server.url) as client:
            assert await request_text(client, "GET", "/") == "Ollama is running \ufffd"


async def test_a_plain_call_to_a_page_is_malformed_and_to_a_silent_server_over_time():
    with ByteServer(Answer.http(200, b"<html>", "text/html")) as server:
        async with HttpClient(server.url) as client:
            with pytest.raises(BackendError) as caught:
                await request_json(client, "GET", "/x")
    assert caught.value.kind == "malformed"
    with ByteServer(Answer((), "silent")) as server:
        async with HttpClient(server.url) as client:
            with pytest.raises(BackendError) as caught:
                await request_json(client, "GET", "/x", limit_s=0.05)
    assert caught.value.kind == "timeout"


async def test_what_cannot_be_json_is_not_sent():
    with ByteServer(Answer.json({})) as server:
        async with HttpClient(server.url) as client:
            for payload in ({"a": object()}, {"a": "\ud83d"}):
                with pytest.raises(BackendError, match="JSON") as caught:
                    await request_json(client, "POST", "/x", payload)
                assert caught.value.kind == "bad_request"
    assert server.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        Answer.json({"error": {"message": f"Incorrect API key provided: {KEY}"}}, 401),
        Answer.json({"error": f"invalid header Bearer {KEY}"}, 400),
        Answer.http(200, f"{KEY} is no JSON".encode()),
        Answer((Piece(0, f"HTTP/1.1 {KEY}\r\n\r\n".encode()),), "close"),
    ],
)
async def test_the_key_is_in_no_sentence_and_in_no_chained_error(answer):
    with ByteServer(answer) as server:
        async with HttpClient(server.url, api_key=KEY) as client:
            with pytest.raises(BackendError) as caught:
                await request_json(client, "POST", "/x", {})
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    error = caught.value
    while error is not None:
        assert KEY not in str(error)
        assert KEY not in repr(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


async def test_reads_that_are_there_already_are_given_together_and_none_is_lost():
    pieces = [Piece(0.002, b"%d\n" % number) for number in range(60)]
    with ByteServer(Answer.stream(pieces)) as server:
        async with HttpClient(server.url) as client, post_timed(client, "/x", {}, stall_s=5, limit_s=9) as exchange:
            reads, moments = exchange.reads(), []
            while moment := await reads.together():
                moments.append(moment)
                await asyncio.sleep(0.02)
    taken = [read for moment in moments for read in moment]
    assert b"".join(read.data for read in taken) == b"".join(b"%d\n" % number for number in range(60))
    assert [read.at_ns for read in taken] == sorted(read.at_ns for read in taken)
    assert len(moments) < len(taken)
