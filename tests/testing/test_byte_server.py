"""The byte server, looked at through bare sockets."""

import contextlib
import socket
import threading
import time

import pytest

from llmtui.testing.byte_server import Answer, ByteServer, Piece

GET = b"GET /x?q=1 HTTP/1.1\r\nHost: here\r\nX-Y: Z\r\n\r\n"
POST = b"POST /y HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\nbody"


@contextlib.contextmanager
def connect(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        yield client


def read_to_end(client):
    data = b""
    while piece := client.recv(65536):
        data += piece
    return data


def read(client, size):
    data = b""
    while len(data) < size:
        piece = client.recv(size - len(data))
        assert piece, f"the server closed after {data!r}"
        data += piece
    return data


def test_it_listens_on_the_loopback_on_a_port_of_the_kernels_choice():
    with ByteServer(Answer.http(200)) as one, ByteServer(Answer.http(200)) as two:
        assert one.url == f"http://127.0.0.1:{one.port}"
        assert one.port != two.port


def test_requests_are_written_down_and_a_connection_is_kept():
    answer = Answer.http(200, b"ok")
    with ByteServer(answer) as server, connect(server) as client:
        before = time.monotonic_ns()
        for request in (GET, POST):
            client.sendall(request)
            assert read(client, len(answer.data)) == answer.data
    first, second = server.requests
    assert (first.method, first.path, first.body, first.headers["x-y"]) == ("GET", "/x?q=1", b"", "Z")
    assert (second.method, second.path, second.body, second.connection) == ("POST", "/y", b"body", 0)
    assert before < first.at_ns < server.sends[0].at_ns < second.at_ns < server.sends[1].at_ns
    assert [send.size for send in server.sends] == [len(answer.data)] * 2
    assert server.disconnects == []


def test_a_request_in_single_bytes_and_two_requests_in_one_send():
    answer = Answer.http(200, b"ok")
    with ByteServer(answer) as server, connect(server) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(POST)):
            client.sendall(POST[at : at + 1])
        assert read(client, len(answer.data)) == answer.data
        client.sendall(GET + POST)
        assert read(client, 2 * len(answer.data)) == answer.data * 2
    assert [request.path for request in server.requests] == ["/y", "/x?q=1", "/y"]


def test_a_chunked_request_is_put_together():
    with ByteServer(Answer.http(200)) as server, connect(server) as client:
        client.sendall(
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
        )
        client.recv(1)
    assert server.requests[0].body == b"abc"


def test_answers_are_given_one_after_another_and_the_last_again():
    answers = [Answer.http(200, b"a"), Answer.http(200, b"b")]
    with ByteServer(answers) as server, connect(server) as client:
        for expected in (b"a", b"b", b"b"):
            client.sendall(GET)
            assert read(client, len(answers[0].data))[-1:] == expected


def test_answers_may_depend_on_the_request():
    with ByteServer(lambda request: Answer.http(200, request.path.encode())) as server, connect(server) as client:
        client.sendall(GET)
        assert read(client, len(Answer.http(200, b"/x?q=1").data)).endswith(b"/x?q=1")


def test_a_failure_of_the_function_is_raised_at_the_end():
    def fail(request):
        raise LookupError(request.path)

    server = ByteServer(fail)
    server.start()
    with connect(server) as client:
        client.sendall(GET)
        assert read_to_end(client) == b""
    with pytest.raises(LookupError, match="/x"):
        server.close()


def test_pieces_go_out_at_their_times():
    answer = Answer((Piece(0, b"a"), Piece(0.05, b"b"), Piece(0.05, b"c")), "close")
    with ByteServer(answer) as server, connect(server) as client:
        client.sendall(GET)
        assert read_to_end(client) == b"abc"
    a, b, c = (send.at_ns for send in server.sends)
    assert b - a >= 50_000_000
    assert c - b >= 50_000_000


def test_close_is_an_end_and_reset_is_a_reset():
    with ByteServer(Answer((Piece(0, b"a"),), "close")) as server, connect(server) as client:
        client.sendall(GET)
        assert read_to_end(client) == b"a"
    with ByteServer(Answer((Piece(0, b"a"), Piece(0.05, b"")), "reset")) as server, connect(server) as client:
        client.sendall(GET)
        assert client.recv(1) == b"a"
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_silence_holds_the_connection_open_until_the_client_leaves():
    with ByteServer(Answer((Piece(0, b"a"),), "silent")) as server:
        with connect(server) as client:
            client.sendall(GET)
            assert client.recv(1) == b"a"
            client.settimeout(0.1)
            with pytest.raises(TimeoutError):
                client.recv(1)
            assert server.disconnects == []
        assert server.wait_for(lambda s: len(s.disconnects) == 1)
        assert server.disconnects[0].connection == 0


def test_a_client_that_leaves_in_the_middle_is_noticed_in_a_pause():
    with ByteServer(Answer((Piece(0, b"a"), Piece(60, b"b")))) as server:
        with connect(server) as client:
            client.sendall(GET)
            assert client.recv(1) == b"a"
        assert server.wait_for(lambda s: len(s.disconnects) == 1)
    assert [send.size for send in server.sends] == [1]


def test_a_client_that_leaves_after_the_answer_did_not_leave_early():
    answer = Answer.http(200, b"ok")
    with ByteServer(answer) as server:
        with connect(server) as client:
            client.sendall(GET)
            read(client, len(answer.data))
        with connect(server) as client:
            client.sendall(GET)
            read(client, len(answer.data))
    assert server.disconnects == []
    assert server.connections == 2


def test_waiting_for_what_does_not_come_ends():
    with ByteServer(Answer.http(200)) as server:
        assert not server.wait_for(lambda s: bool(s.requests), limit_s=0.05)


def test_what_is_no_http_is_hung_up_on():
    with ByteServer(Answer.http(200)) as server, connect(server) as client:
        client.sendall(b"hello?\r\n\r\n")
        assert read_to_end(client) == b""
    assert server.requests == []


def test_closing_ends_the_thread_and_drops_the_clients():
    before = threading.active_count()
    with ByteServer(Answer((), "silent")) as server, connect(server) as client:
        client.sendall(GET)
        assert server.wait_for(lambda s: len(s.requests) == 1)
        assert threading.active_count() == before + 1
        server.close()
        assert threading.active_count() == before
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""
        server.close()


def test_without_answers_there_is_no_server():
    with pytest.raises(ValueError, match="at least one answer"):
        ByteServer([])
