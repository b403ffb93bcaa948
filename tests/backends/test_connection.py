"""The protocol alone, over a transport that only writes down: what it does in `data_received`, and what it leaves."""

import asyncio
import time
from itertools import pairwise

import pytest

from llmtui.backends.connection import (
    ENOUGH_NS,
    UNPARSED_HIGH,
    UNPARSED_LOW,
    Connection,
    HttpRequest,
    TimedRead,
)
from llmtui.backends.transport_errors import (
    ConnectionCutError,
    ConnectionLostError,
    ForeignProtocolError,
    UnsendableRequestError,
)
from llmtui.backends.turnstile import Turnstile

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
GET = HttpRequest("GET", "/x", [("Host", "server")])
POST = HttpRequest("POST", "/x", [("Host", "server"), ("Content-Length", "7")], b'{"a":1}')


class RecordingTransport(asyncio.Transport):
    """A transport without a socket."""

    def __init__(self):
        super().__init__()
        self.written = []
        self.calls = []
        self.aborted = False

    def write(self, data):
        self.written.append(data)

    def pause_reading(self):
        self.calls.append("pause")

    def resume_reading(self):
        self.calls.append("resume")

    def is_closing(self):
        return self.aborted

    def abort(self):
        self.aborted = True


class Bench:
    """A connection with its transport and what it reported."""

    def __init__(self):
        self.idle = []
        self.lost = []
        self.connection = Connection(turnstile=Turnstile(), on_idle=self.idle.append, on_lost=self.lost.append)
        self.transport = RecordingTransport()
        self.connection.connection_made(self.transport)

    async def exchange(self, request=GET, answer=HEAD):
        waiting = asyncio.ensure_future(self.connection.exchange(request))
        await asyncio.sleep(0)
        self.connection.data_received(answer)
        return await waiting


async def test_data_received_stamps_and_parses_nothing():
    bench = Bench()
    before = time.monotonic_ns()
    bench.connection.data_received(b"this is no HTTP at all\r\n\r\n")
    bench.connection.data_received(b"nor is this")
    after = time.monotonic_ns()
    first, second = bench.connection._reads
    assert before <= first.at_ns <= second.at_ns <= after
    assert (first.data, second.data) == (b"this is no HTTP at all\r\n\r\n", b"nor is this")
    assert bench.connection._h11.trailing_data == (b"", False)
    with pytest.raises(ForeignProtocolError):  # the reader is who finds out
        await bench.connection.exchange(GET)


async def test_all_sockets_of_a_round_are_stamped_before_any_is_parsed():
    benches = [Bench() for _ in range(8)]
    for bench in benches:
        await bench.exchange()
    parsed_at = []

    async def read(bench):
        found = await bench.connection.next_read()
        parsed_at.append(time.monotonic_ns())
        return found

    readers = [asyncio.ensure_future(read(bench)) for bench in benches]
    await asyncio.sleep(0)
    for bench in benches:  # what one round of the event loop does with the sockets that are ready
        bench.connection.data_received(b"2\r\nhi\r\n")
    stamps = [found.at_ns for found in await asyncio.gather(*readers)]
    assert len(stamps) == len(parsed_at) == 8
    assert max(stamps) <= min(parsed_at)


async def rounds_between(wake):
    """Wake 8 waiting tasks by `wake`, and return how often the event loop looked at its sockets between two of them."""
    loop = asyncio.get_running_loop()
    waiters = [loop.create_future() for _ in range(8)]
    rounds, woken_in = 0, []

    async def parse(waiter):
        await waiter
        woken_in.append(rounds)

    def count_round():
        nonlocal rounds
        rounds += 1
        if len(woken_in) < len(waiters):
            loop.call_soon(count_round)

    tasks = [asyncio.ensure_future(parse(waiter)) for waiter in waiters]
    await asyncio.sleep(0)
    count_round()
    for waiter in waiters:
        wake(waiter)
    await asyncio.gather(*tasks)
    return [after - before for before, after in pairwise(woken_in)]


async def test_readers_are_woken_one_a_round_so_that_sockets_are_looked_at_between_them():
    assert min(await rounds_between(Turnstile().admit)) >= 1
    assert max(await rounds_between(lambda waiter: waiter.set_result(None))) == 0


async def test_a_reader_that_is_gone_does_not_hold_up_the_turnstile():
    loop = asyncio.get_running_loop()
    turnstile, gone, next_one = Turnstile(), loop.create_future(), loop.create_future()
    turnstile.admit(gone)
    turnstile.admit(next_one)
    gone.cancel()
    await next_one
    turnstile.admit(again := loop.create_future())
    await again


async def test_pieces_of_one_read_are_one_timed_read_and_pieces_of_two_are_two():
    bench = Bench()
    await bench.exchange(answer=HEAD + b"1\r\na\r\n1\r\nb\r\n")
    bench.connection.data_received(b"1\r\nc\r\n2\r\nd")
    bench.connection.data_received(b"e\r\n0\r\n\r\n")
    reads = [await bench.connection.next_read() for _ in range(4)]
    assert [read and read.data for read in reads] == [b"ab", b"cd", b"e", None]
    stamps = [read.at_ns for read in reads[:3]]
    assert stamps == sorted(set(stamps))


async def test_a_body_that_came_with_its_head_has_the_time_of_that_read():
    bench = Bench()
    before = time.monotonic_ns()
    head = await bench.exchange(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    read = await bench.connection.next_read()
    assert read.data == b"hi"
    assert before <= head.sent_ns <= read.at_ns
    assert bench.idle == [bench.connection]


async def test_head_and_body_of_a_request_go_out_in_one_write():
    bench = Bench()
    await bench.exchange(POST)
    assert len(bench.transport.written) == 1
    assert bench.transport.written[0].startswith(b"POST /x HTTP/1.1\r\n")
    assert bench.transport.written[0].endswith(b'\r\n\r\n{"a":1}')


async def test_reading_pauses_when_nobody_takes_the_bytes_and_resumes_when_somebody_does():
    bench = Bench()
    await bench.exchange(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n")
    piece = b"x" * 65536
    fits = UNPARSED_HIGH // len(piece)
    for _ in range(fits):
        bench.connection.data_received(piece)
    assert bench.transport.calls == []
    bench.connection.data_received(piece)
    bench.connection.data_received(piece)
    assert bench.transport.calls == ["pause"]
    taken = 0
    while bench.transport.calls == ["pause"]:
        await bench.connection.next_read()
        taken += 1
    assert bench.transport.calls == ["pause", "resume"]
    assert (fits + 2 - taken) * len(piece) < UNPARSED_LOW


async def test_the_bytes_before_a_broken_frame_are_handed_out_first():
    bench = Bench()
    await bench.exchange(answer=HEAD + b"2\r\nhi\r\nno length\r\n")
    assert (await bench.connection.next_read()).data == b"hi"
    for _ in range(2):
        with pytest.raises(ForeignProtocolError) as caught:
            await bench.connection.next_read()
        assert not isinstance(caught.value, ConnectionCutError)
    assert bench.idle == []


@pytest.mark.parametrize("head", [HEAD, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"])
async def test_rule_11_the_end_of_the_stream_before_the_end_of_the_body_is_a_cut(head):
    bench = Bench()
    await bench.exchange(answer=head + b"2\r\nhi\r\n"[: 8 if head is HEAD else 2])
    bench.connection.eof_received()
    assert (await bench.connection.next_read()).data.startswith(b"hi"[:2] if head is HEAD else b"2\r")
    with pytest.raises(ConnectionCutError):
        await bench.connection.next_read()


async def test_rule_25_a_body_until_close_is_whole_at_the_end_of_the_stream():
    bench = Bench()
    await bench.exchange(answer=b"HTTP/1.0 200 OK\r\n\r\nhi")
    bench.connection.eof_received()
    bench.connection.connection_lost(None)
    assert (await bench.connection.next_read()).data == b"hi"
    assert await bench.connection.next_read() is None
    assert bench.idle == []
    assert bench.lost == [bench.connection]


async def test_rule_25_a_body_until_close_that_is_reset_is_not_whole():
    bench = Bench()
    await bench.exchange(answer=b"HTTP/1.0 200 OK\r\n\r\nhi")
    bench.connection.connection_lost(ConnectionResetError())
    assert (await bench.connection.next_read()).data == b"hi"
    with pytest.raises(ConnectionLostError):
        await bench.connection.next_read()


async def test_a_connection_that_was_lost_is_not_aborted_again():
    bench = Bench()
    await bench.exchange()
    bench.connection.connection_lost(None)
    bench.connection.close()
    assert not bench.transport.aborted
    again = Bench()
    await again.exchange()
    again.connection.close()
    assert again.transport.aborted


async def test_provisional_answers_are_no_answers():
    bench = Bench()
    early = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    head = await bench.exchange(answer=early + b"HTTP/1.1 204 No Content\r\n\r\n")
    assert head.response.status_code == 204
    assert await bench.connection.next_read() is None
    assert bench.idle == [bench.connection]


async def test_bytes_that_nobody_asked_for_make_a_connection_unusable():
    bench = Bench()
    await bench.exchange(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 408 Request Timeout\r\n\r\n")
    assert await bench.connection.next_read() is None
    assert bench.idle == []
    assert bench.transport.aborted


async def test_an_answer_that_comes_before_the_request_is_written_spoils_the_connection():
    answer = b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\n\r\n"
    bench = Bench()
    bench.connection.pause_writing()
    head = await bench.exchange(POST, answer)
    assert head.response.status_code == 413
    assert await bench.connection.next_read() is None
    assert (bench.transport.aborted, bench.idle) == (True, [])

    in_time = Bench()
    in_time.connection.pause_writing()
    in_time.connection.resume_writing()
    await in_time.exchange(POST, answer)
    assert await in_time.connection.next_read() is None
    assert (in_time.transport.aborted, in_time.idle) == (False, [in_time.connection])


async def test_a_header_that_cannot_be_sent_is_not_quoted():
    bench = Bench()
    request = GET._replace(headers=[*GET.headers, ("Authorization", "Bearer sk-123\n")])
    with pytest.raises(UnsendableRequestError) as caught:
        await bench.connection.exchange(request)
    assert "sk-123" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert bench.transport.written == []


async def test_a_head_without_end_is_refused():
    bench = Bench()
    with pytest.raises(ForeignProtocolError):
        await bench.exchange(answer=b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000)


def test_a_timed_read_is_a_time_and_bytes():
    assert TimedRead(5, b"x") == (5, b"x")


async def streaming(answer=HEAD + b"1\r\na\r\n"):
    """Return a connection whose kernel stamps, in mid-stream: its first text was read."""
    bench = Bench()
    bench.connection.kernel_stamps = True
    await bench.exchange(answer=answer)
    assert await bench.connection.next_read()
    return bench.connection


async def test_what_waited_long_enough_is_read_with_the_next_that_comes():
    connection = await streaming()
    reading = asyncio.ensure_future(connection.next_read())
    await asyncio.sleep(0)
    for at_ns in (0, ENOUGH_NS - 1):
        connection.data_stamped(at_ns, b"1\r\nb\r\n")
        await asyncio.sleep(0)
    assert not reading.done()
    connection.data_stamped(ENOUGH_NS, b"1\r\nc\r\n")
    assert (await reading, connection.ready_reads()) == (
        TimedRead(0, b"b"),
        [TimedRead(ENOUGH_NS - 1, b"b"), TimedRead(ENOUGH_NS, b"c")],
    )
    assert connection.ready_reads() == []


async def test_reads_that_are_there_already_end_with_the_body():
    connection = await streaming()
    for at_ns, data in enumerate((b"1\r\nb\r\n", b"2\r\n", b"cd\r\n", b"0\r\n\r\n", b"HTTP/1.1 200 OK")):
        connection.data_stamped(at_ns, data)
    assert connection.ready_reads() == [TimedRead(0, b"b"), TimedRead(2, b"cd")]
    assert connection.body_ended
    assert connection.ready_reads() == []
    assert await connection.next_read() is None


async def test_what_is_wrong_with_a_read_is_said_after_those_before_it():
    connection = await streaming()
    connection.data_stamped(0, b"1\r\nb\r\n")
    connection.data_stamped(1, b"no length\r\n")
    assert connection.ready_reads() == [TimedRead(0, b"b")]
    with pytest.raises(ForeignProtocolError, match="no length"):
        await connection.next_read()
