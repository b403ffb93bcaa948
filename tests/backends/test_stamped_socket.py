import asyncio
import socket
import time
from itertools import pairwise

import pytest

from llmtui.backends.stamped_socket import (
    KERNEL_STAMPS,
    StampedTransport,
    _waited_ns,
    connect_stamped,
    keep_stamping,
    read_clocks,
)
from llmtui.testing.byte_server import Answer, ByteServer

pytestmark = pytest.mark.skipif(not KERNEL_STAMPS, reason="only Linux stamps the segments of a TCP connection")

MS = 1_000_000


class Seen:
    def __init__(self):
        self.reads = []
        self.eof = False
        self.lost = asyncio.get_running_loop().create_future()
        self.paused = 0
        self.resumed = 0

    def connection_made(self, transport):
        self.transport = transport

    def data_stamped(self, at_ns, data):
        self.reads.append((at_ns, data))

    def eof_received(self):
        self.eof = True

    def connection_lost(self, exc):
        self.lost.set_result(exc)

    def pause_writing(self):
        self.paused += 1

    def resume_writing(self):
        self.resumed += 1


@pytest.fixture(autouse=True, scope="module")
def stamping():
    keep_stamping()
    time.sleep(0.1)  # the kernel begins to stamp a moment after the first socket has asked for it


async def pair():
    """Return a transport, what it told, and the other end of its connection."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        ours = await connect_stamped("127.0.0.1", listener.getsockname()[1])
        theirs, _ = listener.accept()
    seen = Seen()
    return StampedTransport(ours, seen), seen, theirs


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_a_loop_that_is_blocked_reads_late_and_stamps_right():
    transport, seen, theirs = await pair()
    before = time.monotonic_ns()
    theirs.send(b"x")
    after = time.monotonic_ns()
    time.sleep(0.2)  # noqa: ASYNC251 - the blocking is what the stamp must not show
    await until(lambda: seen.reads)
    (at_ns, data), *_ = seen.reads
    assert data == b"x"
    assert before - MS < at_ns < after + 100 * MS
    transport.abort()
    theirs.close()


async def test_a_protocol_without_kernel_stamps_would_be_late():
    """The negative control: the same blocking, seen by the loop's own stamp."""
    transport, seen, theirs = await pair()
    transport._socket.setsockopt(socket.SOL_SOCKET, 35, 0)
    theirs.send(b"x")
    after = time.monotonic_ns()
    time.sleep(0.2)  # noqa: ASYNC251 - as above
    await until(lambda: seen.reads)
    assert seen.reads[0][0] >= after + 199 * MS
    transport.abort()
    theirs.close()


async def test_stamps_of_one_connection_never_go_back():
    transport, seen, theirs = await pair()
    for _ in range(50):
        theirs.send(b"y")
        await asyncio.sleep(0.001)
    await until(lambda: sum(len(data) for _, data in seen.reads) == 50)
    times = [at_ns for at_ns, _ in seen.reads]
    assert times == sorted(times)
    assert len(times) > 10
    transport.abort()
    theirs.close()


@pytest.mark.parametrize(("waited", "taken"), [(5 * MS, 5 * MS), (-3 * MS, 0), (3_600_000 * MS, 0)])
def test_a_clock_that_was_set_bends_no_stamp(waited, taken):
    now = 1_700_000_000_123_456_789
    seconds, nanoseconds = divmod(now - waited, 1_000_000_000)
    stamp = seconds.to_bytes(8, "little") + nanoseconds.to_bytes(8, "little")
    assert _waited_ns([(socket.SOL_SOCKET, 35, stamp)], now) == taken
    assert _waited_ns([], now) == 0
    assert _waited_ns([(socket.SOL_SOCKET, 35, b"short")], now) == 0


async def test_a_long_request_waits_for_a_slow_reader():
    transport, seen, theirs = await pair()
    theirs.setblocking(False)
    data = bytes(range(256)) * 40_000
    transport.write(data)
    assert seen.paused == 1
    got = bytearray()
    while len(got) < len(data):
        try:
            got += theirs.recv(1 << 20)
        except BlockingIOError:
            await asyncio.sleep(0.001)
    assert bytes(got) == data
    await until(lambda: seen.resumed)
    transport.abort()
    theirs.close()


async def test_the_other_end_closes_or_resets():
    _, seen, theirs = await pair()
    theirs.close()
    async with asyncio.timeout(5):
        assert await seen.lost is None
    assert seen.eof
    transport, seen, theirs = await pair()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    theirs.close()
    async with asyncio.timeout(5):
        assert isinstance(await seen.lost, ConnectionResetError)
    transport.write(b"nobody reads this")
    assert transport.is_closing()


async def test_pausing_leaves_the_bytes_in_the_kernel():
    transport, seen, theirs = await pair()
    transport.pause_reading()
    theirs.send(b"later")
    await asyncio.sleep(0.05)
    assert seen.reads == []
    transport.resume_reading()
    await until(lambda: seen.reads)
    transport.abort()
    theirs.close()


async def test_a_port_where_nobody_listens_is_refused():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            await connect_stamped("127.0.0.1", held.getsockname()[1])


async def test_the_client_says_that_the_kernel_stamped():
    from llmtui.backends.http_client import HttpClient

    with ByteServer(Answer.json({})) as server:
        async with HttpClient(server.url) as client:
            assert (await client.send("GET", "/")).kernel_stamps is True


async def test_reads_in_mid_stream_are_taken_together_and_keep_their_own_times():
    from llmtui.backends.exchange import post_timed
    from llmtui.backends.http_client import HttpClient
    from llmtui.testing.byte_server import Piece

    pieces = [Piece(0.006, b"data: {}\n\n") for _ in range(40)]
    with ByteServer(Answer.stream(pieces)) as server:
        async with HttpClient(server.url) as client, post_timed(client, "/", {}, stall_s=5, limit_s=9) as exchange:
            taken = [(read.at_ns, asyncio.get_running_loop().time()) async for read in exchange.reads()]
    arrived = {at_ns for at_ns, _ in taken}
    assert len(arrived) > 20, "each read has a time of its own"
    turns = sum(later[1] - earlier[1] > 0.003 for earlier, later in pairwise(taken))
    assert turns < len(arrived) / 2, "but the reader was woken for several of them at once"


def test_clocks_between_which_this_process_was_put_aside_are_read_again():
    monotonic, real = iter([0, 900_000, 1_000_000, 1_000_200]), iter([50, 60])
    assert read_clocks(lambda: next(monotonic), lambda: next(real)) == (1_000_200, 60)
    monotonic, real = iter([0, 200]), iter([50])
    assert read_clocks(lambda: next(monotonic), lambda: next(real)) == (200, 50), "once is enough mostly"


def test_a_machine_that_never_lets_two_looks_be_close_gets_the_last_pair():
    ticks = iter(range(0, 10**9, 10**6))
    assert read_clocks(lambda: next(ticks), lambda: 7) == (7_000_000, 7)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_addresses_and_names_are_connected_to(host):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with await connect_stamped(host, listener.getsockname()[1]) as ours:
            assert ours.getpeername() == listener.getsockname()
