"""The framing of bodies, held against h11's."""

from itertools import pairwise

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llmtui.backends.body import HEAD_LIMIT, BodyUntilClose, ChunkedBody, SizedBody, body_of, keeps_alive

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def response(*headers, status=200, version="1.1"):
    return h11.Response(status_code=status, headers=list(headers), http_version=version)


def feed_all(body, reads):
    return b"".join(body.feed(read) for read in reads)


def by_h11(framed):
    """What h11 makes of the same bytes: the data, whether the body ended, what came behind it; None for a fault."""
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    parser.send(h11.EndOfMessage())
    parser.receive_data(HEAD + framed)
    data = b""
    try:
        while not isinstance(event := parser.next_event(), h11.EndOfMessage) and event is not h11.NEED_DATA:
            data += bytes(event.data) if isinstance(event, h11.Data) else b""
    except h11.RemoteProtocolError:
        return None
    return data, isinstance(event, h11.EndOfMessage), parser.trailing_data[0] if event is not h11.NEED_DATA else b""


PIECES = st.lists(
    st.sampled_from([
        # No bare LF between the trailer and its end: h11 takes it for one, RFC 9112 does not.
        b"1\r\na\r\n", b"2;x=y\r\nhi\r\n", b"a \r\n0123456789\r\n", b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"3\r\n\r\n\n\r\n", b"\r\n",
        b"00\r\n", b"g\r\n", b"-1\r\n", b"5", b"\r", b"2\r\nhix\r\n", b"2\r\nhi\n", b"1\na\r\n", b"", b"HTTP/1.1 200 OK\r\n",
    ]),
    max_size=8,
)  # fmt: skip


@given(pieces=PIECES, cuts=st.lists(st.integers(0, 60), max_size=8))
def test_chunks_are_what_h11_makes_of_them_however_they_are_split(pieces, cuts):
    framed = b"".join(pieces)
    edges = [0, *sorted(min(cut, len(framed)) for cut in cuts), len(framed)]
    body = ChunkedBody()
    data = feed_all(body, [framed[a:b] for a, b in pairwise(edges)])
    expected = by_h11(framed)
    if expected is None:
        assert body.fault is not None
    else:
        assert (data, body.ended, body.beyond) == expected
        assert body.whole_at_close() is body.ended


WHOLE_CHUNKS = st.sampled_from([
    b"1\r\na\r\n", b"0a\r\n0123456789\r\n", b"A\r\n0123456789\r\n", b"4\r\n\r\n\r\n\r\n", b"1\r\na\r\n1\r\nb\r\n", b"2\r\na\r\n\r\n",
    b"0x1\r\na\r\n", b"1_0\r\n0123456789abcdef\r\n", b"+1\r\na\r\n", b" 1\r\na\r\n", b"1\r\nab\r\n", b"2\r\na\r\n", b"1\r\na\n\r",
])  # fmt: skip


@given(reads=st.lists(st.binary(max_size=30) | WHOLE_CHUNKS | PIECES.map(b"".join), max_size=8))
@example([b"9\r\na", b"1\r\nb\r\n"])
@example([b"0\r\n\r\n"])
@example([b"0\r\n", b"1\r\na\r\n"])
def test_a_read_is_what_its_bytes_are_one_by_one(reads):
    """A read of one byte is never a whole chunk, so that the one body takes every head by itself."""
    at_once, bytewise = ChunkedBody(), ChunkedBody()
    for read in reads:
        assert at_once.feed(read) == b"".join(bytewise.feed(bytes([byte])) for byte in read)
        assert (at_once.ended, at_once.beyond, at_once.fault) == (bytewise.ended, bytewise.beyond, bytewise.fault)


@given(st.lists(st.binary(max_size=30), max_size=8))
def test_whatever_comes_no_chunk_raises(reads):
    body = ChunkedBody()
    came = sum(map(len, reads))
    assert len(feed_all(body, reads)) <= came
    assert not (body.ended and body.fault)


def test_a_chunk_that_comes_with_its_frame_is_handed_on_at_once():
    body = ChunkedBody()
    assert [body.feed(piece) for piece in (b"2\r\nh", b"i", b"\r", b"\n1\r\na\r\n2\r\nbc")] == [b"h", b"i", b"", b"abc"]
    assert (body.ended, body.fault) == (False, None)


@pytest.mark.parametrize("line", [b"1" * (HEAD_LIMIT + 1), b"0\r\n" + b"X" * (HEAD_LIMIT + 1)])
def test_a_head_without_end_is_a_fault(line):
    body = ChunkedBody()
    for at in range(0, len(line), 1000):
        body.feed(line[at : at + 1000])
    assert "no end" in body.fault


def test_a_body_of_a_stated_length():
    body = SizedBody(3)
    assert feed_all(body, [b"a", b"b"]) == b"ab"
    assert not body.whole_at_close()
    assert body.feed(b"cde") == b"c"
    assert (body.ended, body.beyond) == (True, b"de")
    assert SizedBody(0).ended


def test_a_body_until_close_is_whole_then():
    body = BodyUntilClose()
    assert body.feed(b"a") == b"a"
    assert not body.ended
    assert body.whole_at_close()


@pytest.mark.parametrize(
    ("method", "head", "kind"),
    [
        ("GET", response(("Transfer-Encoding", "Chunked")), ChunkedBody),
        ("GET", response(("Content-Length", "5")), SizedBody),
        ("GET", response(), BodyUntilClose),
        ("HEAD", response(("Content-Length", "5")), SizedBody),
        ("GET", response(("Transfer-Encoding", "chunked"), status=204), SizedBody),
        ("GET", response(status=304), SizedBody),
    ],
)
def test_the_head_says_how_the_body_is_framed(method, head, kind):
    body = body_of(method, head)
    assert type(body) is kind
    assert body.ended is (method == "HEAD" or head.status_code != 200)


@pytest.mark.parametrize(
    ("head", "keeps"),
    [
        (response(), True),
        (response(("Connection", "keep-alive")), True),
        (response(("Connection", "x, Close")), False),
        (response(("Connection", "x"), ("Connection", "close")), False),
        (response(version="1.0"), False),
        (response(("Connection", "keep-alive"), version="1.0"), False),
    ],
)
def test_when_a_connection_is_kept(head, keeps):
    assert keeps_alive(head) is keeps
