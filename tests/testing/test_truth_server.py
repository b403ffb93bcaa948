"""The process as it is started, against a client that knows nothing but sockets."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from llmtui.backends.discover import identify
from llmtui.testing.truth_record import read_truth

WITHIN_S = 20.0


class Server:
    def __init__(self, folder, *arguments):
        self.file = folder / "truth.jsonl"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "llmtui.testing.truth_server", "--truth", str(self.file), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.urls = dict(self.process.stdout.readline().decode().split() for _ in range(2))

    def connect(self, api="openai"):
        port = int(self.urls[api].rpartition(":")[2])
        return socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S)

    def records(self, count):
        end = time.monotonic() + WITHIN_S
        while time.monotonic() < end:
            if self.file.exists() and len(found := read_truth(self.file)) >= count:
                return found
            time.sleep(0.01)
        raise AssertionError(f"the truth file has no {count} lines")

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(WITHIN_S)
        finally:
            self.process.kill()
            self.process.stdout.close()


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    yield server
    server.close()


def ask(model, *, api="openai", mark="[m]", **more):
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": f"{mark}\nhello"}], **more}
    data = json.dumps(body).encode()
    path = "/v1/chat/completions" if api == "openai" else "/api/chat"
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data


def read_to_end(connection):
    """Read one chunked answer; returns its bytes and when each read came."""
    data, times = bytearray(), []
    while not data.endswith(b"0\r\n\r\n"):
        piece = connection.recv(65536)
        if not piece:
            break
        times.append(time.monotonic_ns())
        data += piece
    return bytes(data), times


def test_the_truth_agrees_with_what_a_client_sees(server):
    with server.connect() as connection:
        before = time.monotonic_ns()
        connection.sendall(ask("plain+ttft_ms=20+gap_ms=5+tokens=10", mark="[a1]"))
        data, times = read_to_end(connection)
        after = time.monotonic_ns()
    (record,) = server.records(1)
    assert (record.api, record.number, record.connection, record.mark) == ("openai", 1, 1, "[a1]")
    assert record.ending == "done"
    moments = [at for at, _, _ in record.sends]
    assert before <= record.received_ns <= moments[0]
    assert moments == sorted(moments)
    assert moments[-1] <= after
    assert moments[-1] <= record.ended_ns
    assert len(record.pieces) == data.count(b'"content"') == 10
    # No read can come before the send that it holds.
    assert times[0] >= moments[0]
    assert times[-1] >= moments[-1]


def test_no_piece_leaves_before_its_time(server):
    with server.connect() as connection:
        connection.sendall(ask("plain+ttft_ms=30+gap_ms=8+tokens=6"))
        read_to_end(connection)
    (record,) = server.records(1)
    offsets = [at - record.received_ns for at, _, _ in record.pieces]
    assert all(offset >= 30_000_000 + place * 8_000_000 for place, offset in enumerate(offsets))


def test_a_connection_carries_one_answer_after_another(server):
    with server.connect("ollama") as connection:
        for _ in range(3):
            connection.sendall(ask("plain+ttft_ms=5+gap_ms=1+tokens=3", api="ollama"))
            data, _ = read_to_end(connection)
            assert data.count(b'"done":true') == 1
    assert [(record.number, record.connection) for record in server.records(3)] == [(1, 1), (2, 1), (3, 1)]


def test_many_streams_at_once_each_get_all_of_theirs(server):
    counts = {}

    def stream(place):
        with server.connect() as connection:
            connection.sendall(ask("plain+ttft_ms=30+gap_ms=4+tokens=25+slots=1", mark=f"[{place}]"))
            counts[place] = read_to_end(connection)[0].count(b'"content"')

    threads = [threading.Thread(target=stream, args=(place,)) for place in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WITHIN_S)
    assert counts == dict.fromkeys(range(16), 25)
    records = server.records(16)
    assert {record.mark for record in records} == {f"[{place}]" for place in range(16)}
    assert {len(record.pieces) for record in records} == {25}


def test_streams_in_one_slot_keep_one_beat(server):
    beat_ns = 50_000_000
    with server.connect() as one, server.connect() as other:
        one.sendall(ask("plain+ttft_ms=60+gap_ms=50+tokens=2+slots=1"))
        time.sleep(0.013)
        other.sendall(ask("plain+ttft_ms=60+gap_ms=50+tokens=2+slots=1"))
        read_to_end(one)
        read_to_end(other)
    for record in server.records(2):
        due = -(-(record.received_ns + 60_000_000) // beat_ns) * beat_ns
        assert record.pieces[0][0] >= due
        assert record.pieces[1][0] >= due + beat_ns


def test_a_closed_answer_has_no_last_chunk_and_its_connection_ends(server):
    with server.connect() as connection:
        connection.sendall(ask("early_close+ttft_ms=5+gap_ms=1+tokens=6"))
        data, _ = read_to_end(connection)
        assert connection.recv(1) == b""
    assert not data.endswith(b"0\r\n\r\n")
    (record,) = server.records(1)
    assert (record.ending, len(record.pieces)) == ("closed", 3)


def test_an_error_is_told_and_the_connection_kept(server):
    with server.connect() as connection:
        for _ in range(2):
            connection.sendall(ask("error+ttft_ms=5+gap_ms=1+tokens=6"))
            assert b'"error"' in read_to_end(connection)[0]
    assert [record.ending for record in server.records(2)] == ["error", "error"]


def test_a_client_that_leaves_is_written_down(server):
    with server.connect() as connection:
        connection.sendall(ask("plain+ttft_ms=5+gap_ms=5+tokens=100000"))
        connection.recv(1024)
    (record,) = server.records(1)
    assert record.ending == "gone"
    assert len(record.pieces) < 100_000


def test_a_slow_reader_gets_every_byte_and_delays_nobody(server):
    with server.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.sendall(ask("flood+ttft_ms=5+tokens=40000"))  # more than any buffer takes
        connection.recv(1024)
        with server.connect() as beside:
            beside.sendall(ask("plain+ttft_ms=5+gap_ms=1+tokens=3"))
            assert read_to_end(beside)[0].count(b'"content"') == 3
        server.records(1)
        rest, _ = read_to_end(connection)
    assert [len(record.pieces) for record in server.records(2)] == [40_000, 3]
    assert rest.count(b'"content"') >= 39_990
    # The line of the flood is the second one: it was stuck while the other was answered.
    assert b'"number":1' in server.file.read_bytes().splitlines()[1]


def test_nonsense_is_refused_and_hurts_nobody(server):
    with server.connect() as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        assert connection.recv(1024).startswith(b"HTTP/1.1 400")
        assert connection.recv(1) == b""
    with server.connect() as connection:
        connection.sendall(ask("nope"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 404")


async def test_discovery_takes_it_for_what_it_plays(server):
    openai, ollama = await identify(server.urls["openai"]), await identify(server.urls["ollama"])
    assert (openai.kind, ollama.kind) == ("openai", "ollama")
    assert "plain" in {model.id for model in openai.models}
    assert "plain:latest" in {model.id for model in ollama.models}


def test_it_ends_when_its_input_closes(tmp_path):
    server = Server(tmp_path)
    with server.connect() as connection:
        connection.sendall(ask("plain+ttft_ms=5+gap_ms=5+tokens=100000"))
        connection.recv(1024)
        server.close()
    assert server.process.returncode == 0


def test_it_ends_at_sigterm_with_all_truth_written(tmp_path):
    server = Server(tmp_path)
    with server.connect() as connection:
        connection.sendall(ask("plain+ttft_ms=5+gap_ms=1+tokens=3"))
        read_to_end(connection)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(WITHIN_S) == 0
    assert len(server.records(1)) == 1
    server.close()


def test_it_lists_models_that_were_named(tmp_path):
    server = Server(tmp_path, "--model", "plain+tokens=7")
    with server.connect() as connection:
        connection.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"plain+tokens=7" in connection.recv(65536)
    server.close()
