import json
from pathlib import Path

import pytest

from llmtui.testing.answers import Answer, Piece, sse

CAPTURES = Path(__file__).parents[1] / "captures"


def test_an_answer_with_a_length():
    assert Answer.json({"a": 1}, 404).data == (
        b'HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"a": 1}'
    )


def test_a_chunked_answer_sends_each_piece_as_one_chunk_at_its_time():
    answer = Answer.stream([b"one", Piece(0.5, b"twelve bytes")])
    head, *rest = answer.pieces
    assert head.data.endswith(b"Transfer-Encoding: chunked\r\n\r\n")
    assert rest == [Piece(0, b"3\r\none\r\n"), Piece(0.5, b"c\r\ntwelve bytes\r\n"), Piece(0, b"0\r\n\r\n")]
    assert answer.ending == "keep"


def test_an_empty_piece_does_not_end_a_chunked_answer():
    assert Answer.stream([b"", b"x"]).data.endswith(b"\r\n\r\n1\r\nx\r\n0\r\n\r\n")


def test_an_answer_of_http_1_0_ends_with_its_connection():
    answer = Answer.until_close([b"x"])
    assert answer.data.startswith(b"HTTP/1.0 200 OK\r\n")
    assert answer.data.endswith(b"\r\n\r\nx")
    assert answer.ending == "close"


@pytest.mark.parametrize("raw", sorted(CAPTURES.glob("*.raw")), ids=lambda raw: raw.stem)
def test_a_recording_is_played_byte_for_byte_however_it_is_split(raw):
    data = raw.read_bytes()
    answer = Answer.recording(raw)
    assert [piece.data for piece in answer.pieces] == [data]
    assert answer.ending == "close"
    single = answer.split_every_byte()
    assert (single.data, len(single.pieces)) == (data, len(data))
    assert [piece.data for piece in answer.split_at(7).pieces] == [data[:7], data[7:]]


def test_a_paced_recording_has_the_pieces_and_the_pauses_of_the_real_server():
    raw = CAPTURES / "llamacpp_chat_stream_usage.raw"
    answer = Answer.recording(raw, paced=True)
    rows = [json.loads(line) for line in raw.with_suffix(".timing.jsonl").read_text().splitlines()]
    arrivals = [row for row in rows if "n" in row]
    assert answer.data == raw.read_bytes()
    assert [piece.data.decode() for piece in answer.pieces] == [row["text"] for row in arrivals]
    assert sum(piece.delay_s for piece in answer.pieces) == pytest.approx(arrivals[-1]["t"])


def test_a_recording_and_a_timing_that_do_not_belong_together_are_refused(tmp_path):
    (tmp_path / "x.raw").write_bytes(b"12345")
    (tmp_path / "x.timing.jsonl").write_text('{"t": 0.1, "n": 4, "text": "1234"}\n')
    with pytest.raises(ValueError, match="5 bytes, but its timing tells of 4"):
        Answer.recording(tmp_path / "x.raw", paced=True)


def test_an_answer_is_cut_from_either_end():
    answer = Answer.stream([b"x"])
    assert answer.cut(12) == Answer((Piece(0, b"HTTP/1.1 200"),), "close")
    assert answer.cut(-5, "reset") == Answer((Piece(0, answer.data[:-5]),), "reset")


def test_server_sent_events():
    assert sse({"a": 1}, ": ping") == [b'data: {"a": 1}\n\n', b": ping\n\n", b"data: [DONE]\n\n"]
    assert sse("x", newline="\r\n", done=False) == [b"data: x\r\n\r\n"]
