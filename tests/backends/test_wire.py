import json
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llmtui.backends.wire import LINE_LIMIT, NdjsonParser, SseEvent, SseParser, WireError, decode_json

STREAMS = (
    "llamacpp_chat_stream_usage",
    "llamacpp_chat_stream_nousage",
    "llamacpp_unicode",
    "vllm_chat_stream",
    "ollama_v1_chat_stream",
)


def parse(*reads: bytes) -> list[SseEvent]:
    parser = SseParser()
    events = [event for read in reads for event in parser.feed(read)]
    return events + parser.finish()


def test_rule_01_line_ends_may_be_lf_crlf_or_cr():
    expected = [SseEvent("", "a"), SseEvent("", "b")]
    assert parse(b"data: a\n\ndata: b\n\n") == expected
    assert parse(b"data: a\r\n\r\ndata: b\r\n\r\n") == expected
    assert parse(b"data: a\r\rdata: b\r\r") == expected
    assert parse(b"data: a\r\n\ndata: b\n\r\n") == expected


def test_rule_01_only_the_first_space_after_the_colon_is_no_data():
    assert parse(b"data:a\n\n") == parse(b"data: a\n\n") == [SseEvent("", "a")]
    assert parse(b"data:  a \n\n") == [SseEvent("", " a ")]


def test_rule_01_data_of_several_lines_is_joined():
    assert parse(b"data: {\ndata:  1\ndata: }\n\n") == [SseEvent("", "{\n 1\n}")]
    assert parse(b"data\ndata\n\n") == [SseEvent("", "\n")]


def test_rule_01_comments_are_events_of_their_own_and_end_none():
    events = parse(b": keepalive 31/32\n\n:\n\ndata: a\n: within\ndata: b\n\n")
    comments = [event.data for event in events if event.comment]
    assert comments == ["keepalive 31/32", "", "within"]
    assert [event for event in events if not event.comment] == [SseEvent("", "a\nb")]


def test_rule_01_an_event_has_its_name_and_the_next_has_not():
    assert parse(b"event: error\ndata: x\n\ndata: y\n\n") == [SseEvent("error", "x"), SseEvent("", "y")]


def test_rule_01_an_event_without_data_and_unknown_fields_are_nothing():
    assert parse(b"event: ping\n\nid: 7\nretry: 10\nsurprise: 1\n\n") == []


def test_rule_01_a_blank_line_may_be_split_over_reads():
    assert parse(b"data: a\n", b"\ndata: b\r", b"\n\r", b"\ndata: c\n\n") == [
        SseEvent("", "a"),
        SseEvent("", "b"),
        SseEvent("", "c"),
    ]


def test_an_event_is_out_as_soon_as_its_blank_line_began():
    parser = SseParser()
    assert parser.feed(b"data: a\r\n\r") == [SseEvent("", "a")]
    assert parser.feed(b"\ndata: b\n\n") == [SseEvent("", "b")]


def test_a_byte_order_mark_is_no_part_of_the_first_line_wherever_it_is_split():
    assert parse(b"\xef\xbb\xbfdata: a\n\n") == [SseEvent("", "a")]
    assert parse(b"\xef", b"\xbb\xbf", b"data: a\n\n") == [SseEvent("", "a")]
    assert parse(b"data: a\n\n\xef\xbb\xbfdata: b\n\n") == [SseEvent("", "a")]


def test_the_end_of_the_body_ends_the_last_event():
    assert parse(b"data: a\n\ndata: b") == [SseEvent("", "a"), SseEvent("", "b")]
    assert parse(b"data: a\n\ndata: b\n") == [SseEvent("", "a"), SseEvent("", "b")]
    assert parse(b"") == []


def test_separators_of_unicode_end_no_line():
    text = "x\u2028y\u2029z\u0085\x0b\x0c\x1c"
    assert parse(f"data: {text}\n\n".encode()) == [SseEvent("", text)]


def test_rule_02_a_character_split_over_reads_is_whole():
    data = "data: 🦊\n\n".encode()
    for cut in range(len(data)):
        assert parse(data[:cut], data[cut:]) == [SseEvent("", "🦊")]


def test_rule_02_bytes_that_are_no_utf8_are_replaced_and_counted():
    parser = SseParser()
    assert parser.feed(b"data: \xf0\x9f\xa6\n\ndata: \xff\n\ndata: a\n\n") == [
        SseEvent("", "\ufffd"),
        SseEvent("", "\ufffd"),
        SseEvent("", "a"),
    ]
    assert parser.undecodable_lines == 2


@pytest.mark.parametrize("name", STREAMS)
def test_recordings_parse_the_same_split_at_each_offset(name, body_of):
    body = body_of(name)
    whole = parse(body)
    assert whole[-1] == SseEvent("", "[DONE]")
    assert parse(*(body[at : at + 1] for at in range(len(body)))) == whole
    for cut in range(len(body) + 1):
        assert parse(body[:cut], body[cut:]) == whole


LINES = st.sampled_from([
    b"data: a", b"data:", b"data", b": c", b":", b"event: e", b"data: \xf0\x9f\xa6\x8a", b"data: \xff", b"x", b"", b"",
])  # fmt: skip


@given(
    lines=st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r\n", b"\r"])), max_size=20),
    cuts=st.lists(st.integers(0, 200), max_size=12),
)
def test_events_do_not_depend_on_how_the_bytes_were_cut(lines, cuts):
    body = b"".join(line + end for line, end in lines)
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    parser, whole = SseParser(), SseParser()
    events = [e for a, b in pairwise(edges) for e in parser.feed(body[a:b])] + parser.finish()
    assert events == whole.feed(body) + whole.finish()
    assert (parser.progress, parser.undecodable_lines) == (whole.progress, whole.undecodable_lines)


READS = st.lists(
    st.binary(max_size=20)
    | st.sampled_from([
        b"data: a\n\n", b"data: a\r\n\r\n", b"data: \n\n", b"data:  \xf0\x9f\xa6\x8a\n\n", b"data: \xff\n\n", b"data: b\n\ndata: c\n\n",
        b"data: a\r\n\n", b"data: a\n\r\n\r\n", b"data: a\rdata: b\n\n", b"data: a\n: c\n\n", b"data:a\n\n", b"\xef\xbb\xbfdata: a\n\n",
        b"data: a\r\r", b"data: a\n\r", b"data: a\ndata: b\n", b"event: e\n", b"data\n", b"data: a\n", b"data: a", b": c\n\n", b"\n", b"\r",
    ]),
    max_size=10,
)  # fmt: skip


@given(reads=READS)
@example([b"event: e\n", b"data: a\n\n"])
@example([b"data: a\n", b"data: b\n\n"])
@example([b"data: a\n\n", b"\xef\xbb\xbfdata: b\n\n"])
@example([b"data: a\ndata: b\n", b"\n"])
@example([b"\r", b"data: a\n\n", b"\n", b"data: b\n\n"])
@example([b"data: a\r\r", b"\ndata: b\r\n\r", b"data: c\r\r", b"\n", b"\n"])
def test_a_read_says_what_its_bytes_say_one_by_one(reads):
    """A read of one byte is never a whole event, so that the one parser goes line by line all the way."""
    at_once, bytewise = SseParser(), SseParser()
    for read in reads:
        assert at_once.feed(read) == [event for byte in read for event in bytewise.feed(bytes([byte]))]
        assert (at_once.progress, at_once.kept) == (bytewise.progress, bytewise.kept)
        assert at_once.undecodable_lines == bytewise.undecodable_lines
    assert at_once.finish() == bytewise.finish()


@pytest.mark.parametrize("ends", [b"\n\n", b"\r\n\r\n"])
def test_one_event_in_one_read_is_bounded_too(ends):
    parser = SseParser()
    (event,) = parser.feed(b"data: " + b"x" * LINE_LIMIT + ends)
    assert (len(event.data), parser.fault) == (LINE_LIMIT, None)
    assert parser.feed(b"data: x" + b"x" * LINE_LIMIT + ends) == []
    assert "event of more than 16 MiB" in str(parser.fault)


def test_progress_counts_what_is_neither_comment_nor_blank():
    parser = SseParser()
    parser.feed(b": keepalive\n\n:\r\n\r\n\n")
    assert parser.progress == 0
    parser.feed(b"data: a\n\n")
    assert parser.progress == 7
    parser.feed(b"dat")
    assert parser.progress == 10
    parser.feed(b"a: bc\n")
    assert parser.progress == 15
    parser.feed(b": a comment that takes its time")
    assert parser.progress == 15


def test_a_line_without_end_is_given_up_and_what_was_whole_before_it_is_kept():
    parser = SseParser()
    assert parser.feed(b"data: a\n\n" + b"x" * LINE_LIMIT) == [SseEvent("", "a")]
    assert (parser.fault, parser.kept) == (None, LINE_LIMIT)
    assert parser.feed(b"data: b") == []
    assert "line of more than 16 MiB" in str(parser.fault)
    assert parser.feed(b"\n\ndata: c\n\n") == parser.finish() == []
    assert parser.kept == 0


@pytest.mark.parametrize(
    ("line", "most"),
    [
        (b"data: " + b"x" * 2**14 + b"\n", 17),
        (b"data\n" * 2**16, 5),
        (b"data: \xff\n" * 2**16, 3),
    ],
)
def test_an_event_without_end_is_given_up_however_short_its_lines(line, most):
    parser = SseParser()
    assert parser.feed(b"data: a\n\n") == [SseEvent("", "a")]
    assert parser.feed(b"data: " + b"x" * (LINE_LIMIT - 2**18) + b"\n") == []
    reads = 0
    while parser.fault is None and reads < most:
        assert parser.feed(line) == []
        assert parser.kept <= LINE_LIMIT
        reads += 1
    assert "event of more than 16 MiB" in str(parser.fault)


def test_many_names_of_one_event_keep_the_last():
    parser = SseParser()
    for _ in range(1000):
        parser.feed(b"event: " + b"n" * 1000 + b"\n")
    assert parser.kept == 1000


def test_a_long_line_in_small_reads_is_copied_once():
    parser = SseParser()
    for _ in range(20_000):
        parser.feed(b"x" * 100)
    assert parser.feed(b"\n\ndata: a\n\n") == [SseEvent("", "a")]


def parse_rows(*reads: bytes) -> list[bytes]:
    parser = NdjsonParser()
    rows = [row for read in reads for row in parser.feed(read)]
    return rows + parser.finish()


def test_rows_end_with_lf_and_blank_ones_are_none():
    assert parse_rows(b'{"a":1}\n\n{"b":2}\r\n  \n{"c":3}') == [b'{"a":1}', b'{"b":2}', b'{"c":3}']
    assert parse_rows(b"") == parse_rows(b"\n") == []


def test_separators_of_unicode_end_no_row():
    row = '{"a":"x\u2028y\u0085"}'.encode()
    assert parse_rows(row + b"\n") == [row]


@given(
    rows=st.lists(st.sampled_from([b"{}", b'{"a":"\xf0\x9f\xa6\x8a"}', b"", b"\r"]), max_size=20),
    cuts=st.lists(st.integers(0, 200), max_size=12),
)
def test_rows_do_not_depend_on_how_the_bytes_were_cut(rows, cuts):
    body = b"\n".join(rows)
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    assert parse_rows(*(body[a:b] for a, b in pairwise(edges))) == parse_rows(body)


def test_a_row_without_end_is_given_up_and_what_was_whole_before_it_is_kept():
    parser = NdjsonParser()
    assert parser.feed(b"{}\n" + b"x" * LINE_LIMIT) == [b"{}"]
    assert (parser.fault, parser.kept) == (None, LINE_LIMIT)
    assert parser.feed(b"x") == []
    assert "line of more than 16 MiB" in str(parser.fault)
    assert parser.feed(b"\n{}\n") == parser.finish() == []
    assert parser.kept == 0


def test_progress_of_rows_counts_the_unfinished_one():
    parser = NdjsonParser()
    parser.feed(b"\n\n")
    assert parser.progress == 0
    parser.feed(b'{"a":1}\n{"b')
    assert parser.progress == 10


@given(reads=st.lists(st.binary(max_size=200), max_size=10))
@pytest.mark.parametrize("make", [SseParser, NdjsonParser])
def test_whatever_comes_no_more_is_kept_than_came(make, reads):
    parser = make()
    came = 0
    for read in reads:
        parser.feed(read)
        came += len(read)
        assert 0 <= parser.kept <= came
        assert 0 <= parser.progress <= came
    parser.finish()
    assert parser.kept == 0
    assert parser.fault is None


def test_json_of_python_servers_is_read():
    assert decode_json('{"logprob": NaN, "top": [-Infinity, 1]}') == {"logprob": None, "top": [None, 1]}
    assert decode_json(b'{"a": "\xff"}') == {"a": "\ufffd"}


def test_a_surrogate_without_its_half_is_replaced_so_that_a_log_can_take_it():
    value = decode_json('{"a": "x\\ud83d", "b": "\\ud83e\\udd8a"}')
    assert value["b"] == "🦊"
    value["a"].encode()
    assert value["a"].startswith("x")


@pytest.mark.parametrize("text", ["", "{", "hello", "[DONE]", "[" * 100_000, '{"a":1} trailing'])
def test_what_is_no_json_is_refused_in_one_short_sentence(text):
    with pytest.raises(WireError) as caught:
        decode_json(text)
    assert len(str(caught.value)) < 120
    assert str(caught.value).isprintable()


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_json_is_what_python_reads(value):
    assert decode_json(json.dumps(value)) == decode_json(json.dumps(value).encode()) == value
