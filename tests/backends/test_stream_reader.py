"""What holds for the readers of all protocols, whatever a server sends and however the network splits it."""

import json
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.backends.base import BackendError, Chunk
from llmtui.backends.body import ChunkedBody
from llmtui.backends.chat_frames import ChatStreamReader
from llmtui.backends.counters import LARGEST
from llmtui.backends.llamacpp_frames import CompletionReader, CountingChatReader
from llmtui.backends.ollama_rows import RowReader
from llmtui.backends.transport import TimedRead
from llmtui.backends.wire import LINE_LIMIT

URL = "http://127.0.0.1:8080"
READERS = [ChatStreamReader, CountingChatReader, CompletionReader, RowReader]


def make(kind):
    return kind(url=URL, model="m")


def encoded(kind, value):
    """One frame of the protocol that `kind` reads."""
    data = json.dumps(value, ensure_ascii=False).encode()
    return data + b"\n" if kind is RowReader else b"data: " + data + b"\n\n"


def text_frame(kind, text, *, reasoning=False, count=1):
    if kind is RowReader:
        return {"message": {"thinking" if reasoning else "content": text}, "done": False}
    if kind is CompletionReader:
        return {"content": text, "stop": False, "tokens_predicted": count}
    delta = {"reasoning_content" if reasoning else "content": text}
    more = {"usage": {"completion_tokens": count}, "timings": {"predicted_n": count}}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} | more


def end_frame(kind, count):
    if kind is RowReader:
        return {"message": {"content": ""}, "done": True, "done_reason": "stop", "eval_count": count}
    if kind is CompletionReader:
        return {"content": "", "stop": True, "stop_type": "eos", "tokens_predicted": count}
    return {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"completion_tokens": count}}


def body_of_pieces(kind, pieces):
    """A whole answer; a piece of None is a comment, or a blank line where the protocol has none."""
    frames, count = [], 0
    for piece in pieces:
        if piece is None:
            frames.append(b"\n" if kind is RowReader else b": keepalive\n\n")
            continue
        text, reasoning, tokens = piece
        count += tokens
        frames.append(encoded(kind, text_frame(kind, text, reasoning=reasoning, count=count)))
    return b"".join([*frames, encoded(kind, end_frame(kind, count))])


def play(kind, reads):
    reader = make(kind)
    chunks = [chunk for at, data in enumerate(reads, 1) for chunk in reader.feed(TimedRead(at, data))]
    chunks += reader.flush()
    return chunks, reader.finish()


def meaning(kind, reads):
    """What an answer says, when it came left out."""
    chunks, end = play(kind, reads)
    return [(c.text, c.reasoning, c.tokens) for c in chunks], (end.finish_reason, end.usage, end.timings, end.notes)


PIECES = st.lists(
    st.none() | st.tuples(st.text("a🦊\u2028ñ\n\r\0", min_size=1, max_size=5), st.booleans(), st.integers(1, 5)),
    max_size=8,
)


@pytest.mark.parametrize("kind", READERS)
@given(pieces=PIECES, cuts=st.lists(st.integers(0, 4000), max_size=12))
def test_rule_02_any_split_of_a_valid_stream_says_the_same(kind, pieces, cuts):
    body = body_of_pieces(kind, pieces)
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    whole = meaning(kind, [body])
    assert meaning(kind, [body[a:b] for a, b in pairwise(edges)]) == whole
    assert [text for text, _, _ in whole[0]] == [piece[0] for piece in pieces if piece]


@pytest.mark.parametrize("kind", READERS)
@given(pieces=PIECES, cuts=st.lists(st.integers(0, 4000), max_size=6))
def test_a_chunk_has_the_time_of_the_read_that_completed_it(kind, pieces, cuts):
    body = body_of_pieces(kind, pieces)
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    chunks, end = play(kind, [body[a:b] for a, b in pairwise(edges)])
    times = [chunk.at_ns for chunk in chunks] + [end.at_ns]
    assert times == sorted(times)
    assert all(1 <= at <= len(edges) for at in times)


def fragments(kind):
    whole = [
        encoded(kind, text_frame(kind, "x")),
        encoded(kind, end_frame(kind, 1)),
        encoded(kind, {"error": {"message": "boom"}}),
        encoded(kind, {"done": True, "done_reason": "load"}),
        encoded(kind, [1]),
        encoded(kind, {"usage": {"completion_tokens": 10**30}, "eval_count": -1, "tokens_predicted": 1e300}),
        encoded(kind, {"timings": {"predicted_n": 10**400, "predicted_ms": -1}, "choices": [{"delta": {"content": "y"}}]}),
        b"data: [DONE]\n\n", b"event: error\ndata: 1\n\n", b"data: {\n", b"data\n", b"\n", b"\r", b"[" * 3000 + b"\n", b"\xef\xbb\xbf",
    ]  # fmt: skip
    return st.lists(st.binary(max_size=60) | st.sampled_from(whole), max_size=10)


@pytest.mark.parametrize("kind", READERS)
@given(data=st.data())
def test_whatever_comes_only_backend_errors_are_raised_and_no_count_is_absurd(kind, data):
    reads = data.draw(fragments(kind))
    try:
        chunks, end = play(kind, reads)
    except BackendError:
        return
    assert all(chunk.text for chunk in chunks)
    counts = [chunk.tokens for chunk in chunks]
    if end.usage is not None:
        counts.append(end.usage.completion_tokens)
    if end.timings is not None:
        counts += [end.timings.decode_ns, end.timings.decode_tokens]
    assert all(count is None or 0 <= count <= LARGEST for count in counts)


@pytest.mark.parametrize("kind", READERS)
def test_rule_12_text_in_one_read_with_an_error_is_kept(kind):
    text, error = encoded(kind, text_frame(kind, "a")), encoded(kind, {"error": {"message": "boom"}})
    reader = make(kind)
    assert [chunk.text for chunk in reader.feed(TimedRead(1, text + error + text))] == ["a"]
    assert (reader.done, reader.has_text) == (True, True)
    with pytest.raises(BackendError, match="boom"):
        reader.flush()
    alone = make(kind)
    with pytest.raises(BackendError, match="boom"):
        alone.feed(TimedRead(1, error))


@pytest.mark.parametrize("kind", READERS)
def test_text_in_one_read_with_the_start_of_an_endless_line_is_kept(kind):
    reader = make(kind)
    chunks = reader.feed(TimedRead(1, encoded(kind, text_frame(kind, "a")) + b"x" * (LINE_LIMIT + 1)))
    assert [(chunk.at_ns, chunk.text) for chunk in chunks] == [(1, "a")]
    assert reader.done
    with pytest.raises(BackendError, match="more than 16 MiB") as caught:
        reader.flush()
    assert caught.value.kind == "malformed"


@pytest.mark.parametrize("kind", READERS)
def test_what_comes_after_the_end_is_neither_text_nor_an_error(kind):
    reader = make(kind)
    end = encoded(kind, end_frame(kind, 1))
    mark = b"" if kind is RowReader else b"data: [DONE]\n\n"
    reader.feed(TimedRead(1, encoded(kind, text_frame(kind, "a")) + end + mark))
    assert reader.done
    assert reader.feed(TimedRead(2, encoded(kind, text_frame(kind, "late")))) == []
    assert reader.feed(TimedRead(3, b"x" * (LINE_LIMIT + 1))) == []
    assert reader.flush() == []
    assert reader.finish().finish_reason == "stop"


@pytest.mark.parametrize("kind", READERS)
def test_progress_and_the_first_text_are_told_apart_from_what_was_received(kind):
    reader = make(kind)
    comment = b"\n\n" if kind is RowReader else b": keepalive\n\n"
    reader.feed(TimedRead(1, comment))
    assert (reader.progress, reader.received, reader.has_text) == (0, len(comment), False)
    reader.feed(TimedRead(2, encoded(kind, text_frame(kind, ""))))
    assert reader.progress > 0
    assert not reader.has_text
    reader.feed(TimedRead(3, encoded(kind, text_frame(kind, "a"))))
    assert reader.has_text


def steps_of(kind, framed, reads_of):
    """How many calls of Python functions bring one chunk of text out of its HTTP chunk, which comes in `reads_of`."""
    body, reader = ChunkedBody(), make(kind)
    chunks, calls = [], [0]

    def count(_frame, event, _argument):
        calls[0] += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        for read in reads_of(framed):
            chunks += reader.feed(TimedRead(1, body.feed(read)))
    finally:
        sys.setprofile(before)
    assert [chunk.text for chunk in chunks] == ["a"]
    return calls[0]


@pytest.mark.parametrize("kind", READERS)
def test_an_ordinary_chunk_takes_few_steps(kind):
    """The process sleeps between two chunks, so that each step is taken with cold caches."""
    row = text_frame(kind, "a")
    row.pop("usage", None)
    frame = encoded(kind, row)
    framed = b"%x\r\n%b\r\n" % (len(frame), frame)
    in_crlf = frame.replace(b"\n", b"\r\n")
    assert steps_of(kind, framed, lambda data: [data]) <= 15
    assert steps_of(kind, b"%X\r\n%b\r\n" % (len(in_crlf), in_crlf), lambda data: [data]) <= 15
    assert steps_of(kind, framed, lambda data: [data[:-5], data[-5:]]) > 15, "the steps are counted"


def test_a_reader_can_be_told_where_the_running_count_stands():
    reader = ChatStreamReader(url=URL, read_running_count=lambda frame: frame.get("so_far"))
    frame = {"choices": [{"delta": {"content": "a"}}], "so_far": 3, "usage": {"completion_tokens": 9}}
    assert reader.feed(TimedRead(1, encoded(ChatStreamReader, frame))) == [Chunk(1, "a", tokens=3)]
