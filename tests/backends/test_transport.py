"""The transport over real sockets, against a server that plays exact bytes."""

import asyncio
import json
import shutil
import socket
import ssl
import subprocess
import sys
import time

import pytest
from support.whole_answer import get, post, streaming

from llmtui.backends.connection import UNPARSED_HIGH
from llmtui.backends.http_client import HttpClient
from llmtui.backends.transport_errors import (
    ConnectError,
    ConnectionCutError,
    ConnectionLostError,
    ConnectTimeoutError,
    TransportError,
)
from llmtui.testing.byte_server import Answer, ByteServer, Piece

OK = Answer.json({"ok": True})


async def read_all(response):
    return [read async for read in response.reads]


async def read_until_error(response):
    received = b""
    try:
        async for read in response.reads:
            received += read.data
    except TransportError as error:
        return received, error
    return received, None


async def test_a_request_goes_below_the_path_of_the_url_and_its_answer_is_read():
    with ByteServer(OK) as server:
        async with HttpClient(server.url + "/base") as client:
            answer = await post(client, "/x?q=1", b'{"a":1}')
    assert json.loads(answer.content) == {"ok": True}
    assert (answer.head.status, answer.head.headers["content-type"]) == (200, "application/json")
    (request,) = server.requests
    assert (request.method, request.path, request.body) == ("POST", "/base/x?q=1", b'{"a":1}')
    assert (request.headers["content-type"], request.headers["host"]) == ("application/json", server.url[7:])


async def test_rule_18_and_22_no_key_and_no_compression_unless_asked_for():
    with ByteServer(OK) as server:
        async with HttpClient(server.url) as client:
            await get(client)
            client.set_key("sk-123")
            await get(client)
        async with HttpClient(server.url, api_key="sk-456") as client:
            await get(client)
    without, late, early = (request.headers for request in server.requests)
    assert without["accept-encoding"] == "identity"
    assert "authorization" not in without
    assert (late["authorization"], early["authorization"]) == ("Bearer sk-123", "Bearer sk-456")


async def test_a_connection_is_kept_and_connecting_is_told_once():
    with ByteServer(OK) as server:
        async with HttpClient(server.url) as client:
            first = await get(client)
            second = await get(client)
    assert [request.connection for request in server.requests] == [0, 0]
    assert first.head.connect_ns > 0
    assert second.head.connect_ns is None


async def test_sent_is_stamped_on_the_open_connection_just_before_the_server_sees_the_request():
    with ByteServer(OK) as server:
        async with HttpClient(server.url) as client:
            before = time.monotonic_ns()
            response = await get(client)
    assert before + response.head.connect_ns <= response.head.sent_ns < server.requests[0].at_ns


async def test_reads_are_stamped_after_the_server_sent_them_and_before_the_next_was_sent():
    pieces = [Piece(0.03, b"one"), Piece(0.03, b"two"), Piece(0.03, b"three")]
    with ByteServer(Answer.stream(pieces)) as server:
        async with HttpClient(server.url) as client, streaming(client) as response:
            reads = await read_all(response)
    assert [read.data for read in reads] == [b"one", b"two", b"three"]
    sent = [send.at_ns for send in server.sends]  # the head, the three, the last chunk
    assert all(sent[number] <= reads[number - 1].at_ns for number in (1, 2, 3))
    assert all(reads[number - 1].at_ns < sent[number + 1] for number in (1, 2))


@pytest.mark.parametrize("ending", ["close", "reset"])
@pytest.mark.parametrize("missing", [1, 5, 9, 100])
async def test_rule_11_a_body_that_is_cut_is_an_error_and_what_came_before_is_kept(ending, missing):
    whole = Answer.stream([b"x" * 200])
    with ByteServer(whole.cut(-missing, ending)) as server:
        async with HttpClient(server.url) as client, streaming(client) as response:
            received, error = await read_until_error(response)
    assert isinstance(error, ConnectionLostError if ending == "reset" else ConnectionCutError)
    assert received == b"x" * len(received)
    assert ending == "reset" or len(received) == min(200, 207 - missing)


async def test_a_whole_body_is_no_error():
    with ByteServer(Answer.stream([b"x" * 200], ending="close")) as server:
        async with HttpClient(server.url) as client, streaming(client) as response:
            assert b"".join(read.data for read in await read_all(response)) == b"x" * 200


async def test_rule_11_a_body_shorter_than_its_length_is_an_error():
    with ByteServer(Answer.http(200, b"12345").cut(-1)) as server:
        async with HttpClient(server.url) as client:
            with pytest.raises(ConnectionCutError):
                await get(client)


async def test_rule_25_a_body_of_http_1_0_is_whole_at_the_end_and_its_connection_is_not_kept():
    with ByteServer(Answer.until_close([b"one", Piece(0.01, b"two")])) as server:
        async with HttpClient(server.url) as client:
            first = await get(client)
            second = await get(client)
    assert (first.content, second.content) == (b"onetwo", b"onetwo")
    assert [request.connection for request in server.requests] == [0, 1]


async def test_a_server_that_closes_without_a_word_is_an_error_on_a_fresh_connection():
    with ByteServer(Answer((), "close")) as server:
        async with HttpClient(server.url) as client:
            with pytest.raises(ConnectionCutError):
                await get(client)
    assert len(server.requests) == 1


async def test_a_kept_connection_that_was_closed_is_not_used():
    with ByteServer(OK._replace(ending="close")) as server:
        async with HttpClient(server.url) as client:
            await get(client)
            for _ in range(100):
                if client.transport.connections == 0:
                    break
                await asyncio.sleep(0.01)
            assert client.transport.connections == 0
            response = await get(client)
    assert [request.connection for request in server.requests] == [0, 1]
    assert response.head.connect_ns > 0


def dying(kept_answer):
    """Answer the first request, and let the second on the same connection have `kept_answer`."""
    return lambda request: kept_answer if request.connection == 0 and request.path == "/second" else OK


@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_a_kept_connection_closed_before_any_answer_is_tried_again_once_on_a_fresh_one(ending):
    with ByteServer(dying(Answer((), ending))) as server:
        async with HttpClient(server.url) as client:
            await post(client, "/first", b"a")
            response = await post(client, "/second", b"b")
    assert json.loads(response.content) == {"ok": True}
    assert [(request.connection, request.body) for request in server.requests] == [(0, b"a"), (0, b"b"), (1, b"b")]
    assert response.head.connect_ns > 0
    assert server.requests[1].at_ns < response.head.sent_ns < server.requests[2].at_ns


async def test_it_is_tried_again_only_once():
    with ByteServer(lambda request: OK if request.path == "/first" else Answer((), "close")) as server:
        async with HttpClient(server.url) as client:
            await get(client, "/first")
            with pytest.raises(ConnectionCutError):
                await get(client, "/second")
    assert len(server.requests) == 3


async def test_an_answer_that_had_begun_is_not_asked_for_again():
    with ByteServer(dying(OK.cut(12))) as server:
        async with HttpClient(server.url) as client:
            await get(client, "/first")
            with pytest.raises(ConnectionCutError):
                await get(client, "/second")
    assert len(server.requests) == 2


async def test_a_server_that_says_close_gets_a_fresh_connection_next_time():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with ByteServer(Answer((Piece(0, head),))) as server:
        async with HttpClient(server.url) as client:
            await get(client)
            await get(client)
    assert [request.connection for request in server.requests] == [0, 1]


async def test_a_stream_left_early_is_seen_by_the_server():
    with ByteServer(Answer.stream([b"one", Piece(60, b"two")])) as server:
        async with HttpClient(server.url) as client:
            async with streaming(client) as response:
                assert (await anext(response.reads)).data == b"one"
            assert await asyncio.to_thread(server.wait_for, lambda s: len(s.disconnects) == 1)
            await asyncio.sleep(0)
            assert client.transport.connections == 0


async def test_a_request_cancelled_while_it_waits_leaves_nothing_behind():
    with ByteServer(Answer((), "silent")) as server:
        async with HttpClient(server.url) as client:
            task = asyncio.ensure_future(get(client))
            assert await asyncio.to_thread(server.wait_for, lambda s: len(s.requests) == 1)
            assert client.transport.connections == 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(server.wait_for, lambda s: len(s.disconnects) == 1)
            assert client.transport.connections == 0


async def test_closing_the_client_closes_every_socket():
    with ByteServer(OK) as server:
        client = HttpClient(server.url)
        await asyncio.gather(*(get(client) for _ in range(5)))
        stream = await client.send("GET", "/")
        assert client.transport.connections >= 5
        await client.aclose()
        assert client.transport.connections == 0
        stream.reads.close()


async def test_64_requests_at_once_have_64_connections_which_are_kept():
    with ByteServer(Answer.stream([Piece(0.2, b"x")])) as server:
        async with HttpClient(server.url) as client:
            for _ in range(2):
                responses = await asyncio.gather(*(get(client) for _ in range(64)))
                assert {response.content for response in responses} == {b"x"}
            assert client.transport.connections == 64
    assert (len(server.requests), server.connections) == (128, 64)


async def test_a_server_that_sends_faster_than_the_reader_reads_has_to_wait():
    total, piece = 48 * 2**20, b"x" * 2**18
    with ByteServer(Answer.http(200).cut(0)._replace(pieces=_long(total, piece))) as server:
        async with HttpClient(server.url) as client, streaming(client) as response:
            await asyncio.sleep(0.3)
            (connection,) = client.transport._open
            held = connection._unparsed
            assert UNPARSED_HIGH < held < UNPARSED_HIGH + 2**20
            assert sum(send.size for send in server.sends) < total
            assert sum([len(read.data) async for read in response.reads]) == total


def _long(total, piece):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total
    return (Piece(0, head), *(Piece(0, piece) for _ in range(total // len(piece))))


async def test_a_large_request_arrives_whole():
    body = bytes(range(256)) * 2**15
    with ByteServer(OK) as server:
        async with HttpClient(server.url) as client:
            await post(client, "/", body)
    assert [request.body == body for request in server.requests] == [True]


async def test_a_port_where_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        async with HttpClient(f"http://127.0.0.1:{free.getsockname()[1]}") as client:
            with pytest.raises(ConnectError, match=r"^connection refused$"):
                await get(client)


async def test_a_host_that_does_not_exist():
    async with HttpClient("http://host.invalid:80") as client:
        with pytest.raises(ConnectError):
            await get(client)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets connections wait when the backlog is full")
async def test_a_server_that_takes_no_connections_meets_the_connect_limit():
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        async with HttpClient(f"http://127.0.0.1:{listener.getsockname()[1]}", connect_limit_s=0.2) as client:
            with pytest.raises(ConnectTimeoutError):
                await get(client)
        assert client.transport.connections == 0


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that signed itself, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl program to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = [
        openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=llmtui test",
        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return folder


@pytest.fixture
def tls_server(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    with ByteServer(Answer.stream([b"one", Piece(0.02, b"two")]), ssl_context=context) as server:
        yield server


async def test_tls(tls_server, certificate):
    context = ssl.create_default_context(cafile=certificate / "cert.pem")
    async with HttpClient(tls_server.url, ssl_context=context) as client:
        async with streaming(client) as response:
            assert [read.data for read in await read_all(response)] == [b"one", b"two"]
        assert (await get(client)).content == b"onetwo"
    assert [request.connection for request in tls_server.requests] == [0, 0]
    assert client.transport.connections == 0


async def test_tls_with_a_certificate_that_nobody_vouches_for(tls_server):
    async with HttpClient(tls_server.url) as client:
        with pytest.raises(ConnectError, match="certificate"):
            await get(client)
    assert tls_server.requests == []


def test_the_environments_proxies_are_not_used():
    script = (
        "import asyncio, sys\n"
        "from llmtui.backends.exchange import request_text\n"
        "from llmtui.backends.http_client import HttpClient\n"
        "async def main():\n"
        "    async with HttpClient(sys.argv[1]) as client:\n"
        "        print(await request_text(client, 'GET', '/'))\n"
        "asyncio.run(main())\n"
    )
    nowhere = "http://127.0.0.1:9"
    with ByteServer(OK) as server:
        done = subprocess.run(
            [sys.executable, "-c", script, server.url],
            env={"HTTP_PROXY": nowhere, "http_proxy": nowhere, "ALL_PROXY": nowhere},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.stdout.strip(), done.stderr) == ('{"ok": true}', "")


async def test_redirects_are_not_followed():
    moved = Answer((Piece(0, b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n"),))
    with ByteServer(moved) as server:
        async with HttpClient(server.url) as client:
            assert (await get(client)).head.status == 307
    assert len(server.requests) == 1
