import json

import h11
import pytest

from llmtui.backends.base import BackendError
from llmtui.backends.chat_frames import read_frame
from llmtui.backends.ollama_rows import read_chunks, read_timings, read_usage
from llmtui.backends.wire import NdjsonParser, SseParser
from llmtui.testing.truth_frames import Shape, page, plan_answer
from llmtui.testing.truth_scenarios import SCENARIOS, plan_steps, read_scenario

OPENAI = Shape(api="openai", bare=False, stream=True, include_usage=True, prompt_tokens=7)
OLLAMA = OPENAI._replace(api="ollama")
CASES = [(name, shape) for shape in (OPENAI, OLLAMA) for name, traits in SCENARIOS.items() if shape.api in traits.apis]


def planned(name, shape=OPENAI):
    return plan_answer(read_scenario(f"{name}+tokens=12"), shape, name)


def body_of(answer, *, whole=True):
    """Read the HTTP framing by h11, which no bytes of the scenarios were made with."""
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    parser.send(h11.EndOfMessage())
    parser.receive_data(b"".join(send.data for send in answer.sends))
    body, ended = b"", False
    while (event := parser.next_event()) is not h11.NEED_DATA and not ended:
        if isinstance(event, h11.Data):
            body += bytes(event.data)
        ended = isinstance(event, h11.EndOfMessage)
    assert ended is whole
    return body


def sse_frames(answer, *, whole=True):
    events = SseParser().feed(body_of(answer, whole=whole))
    return [json.loads(event.data) for event in events if not event.comment and event.data != "[DONE]"]


def rows(answer, *, whole=True):
    return [json.loads(line) for line in NdjsonParser().feed(body_of(answer, whole=whole))]


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_the_truth_tells_what_the_bytes_hold(name, shape):
    answer = planned(name, shape)
    whole = answer.ending != "closed"
    if shape.api == "openai":
        pieces = [piece for frame in sse_frames(answer, whole=whole) for piece in read_frame(frame).pieces]
    else:
        pieces = [chunk for row in rows(answer, whole=whole) for chunk in read_chunks(row, 0)]
    sent = [send for send in answer.sends if send.tokens]
    assert ["reasoning" if piece.reasoning else "answer" for piece in pieces] == [send.kind for send in sent]
    steps = [step for step in plan_steps(read_scenario(f"{name}+tokens=12")) if step.tokens]
    assert [piece.text for piece in pieces] == [step.text for step in steps]
    assert [send.tokens for send in sent] == [step.tokens for step in steps]
    offsets = [send.offset_ns for send in answer.sends]
    assert offsets == sorted(offsets)


def test_a_piece_counts_with_the_send_that_completes_it():
    for name in ("utf8", "bytewise", "plain"):
        parser, seen, told = SseParser(), 0, 0
        for send in planned(name).sends[1:]:
            # Without the HTTP framing, which the parser does not know: it takes unknown lines for unknown fields.
            seen += sum("content" in event.data for event in parser.feed(send.data) if not event.comment)
            told += send.tokens
            assert (told, name) == (seen, name)


def test_a_character_is_split_over_two_sends():
    sends = planned("utf8").sends
    with pytest.raises(UnicodeDecodeError):
        sends[1].data.decode()
    (sends[1].data + sends[2].data).decode()
    assert sends[1].offset_ns < sends[2].offset_ns


def test_each_byte_is_a_send():
    sends = planned("bytewise").sends[1:-1]
    assert {len(send.data) for send in sends if not send.tokens} == {1}
    assert {send.data for send in sends if send.tokens} == {b"\n\r\n"}


def test_lines_may_end_with_cr_lf():
    body = body_of(planned("crlf"))
    assert body.count(b"\r\n") == body.count(b"\n")
    assert b"\r" not in body_of(planned("plain"))


def usage_of(name, shape=OPENAI):
    found = [read_frame(frame).usage for frame in sse_frames(planned(name, shape))]
    return [usage.completion_tokens for usage in found if usage is not None]


def test_what_the_server_says_of_its_tokens():
    assert usage_of("plain") == [12]
    assert usage_of("plain", OPENAI._replace(include_usage=False)) == []
    assert usage_of("nousage") == []
    assert usage_of("usage_each") == [*range(1, 13), 12]
    assert usage_of("low_usage") == [6]
    assert usage_of("negative") == [None]


def test_what_ollama_says_of_its_tokens_and_times():
    ends = {name: rows(planned(name, OLLAMA))[-1] for name in ("plain", "nousage", "negative", "zero_durations")}
    assert read_usage(ends["plain"]).completion_tokens == 12
    assert read_timings(ends["plain"]).decode_ns == 110_000_000
    assert read_usage(ends["nousage"]) is None
    assert ends["negative"]["eval_count"] == -12
    assert "eval_duration" not in ends["negative"]
    assert read_timings(ends["zero_durations"]).decode_ns is None
    assert rows(planned("warped", OLLAMA))[-1]["eval_duration"] == 1


def test_the_head_of_ollama_comes_with_its_first_row():
    assert planned("plain", OLLAMA).sends[0].tokens == 1
    assert planned("plain").sends[0].tokens == 0


def test_an_error_is_the_last_frame_and_nobody_says_done():
    assert "error" in sse_frames(planned("error"))[-1]
    assert b"[DONE]" not in body_of(planned("error"))
    assert rows(planned("error", OLLAMA))[-1].keys() == {"error"}


def test_plain_completion_has_its_own_fields():
    frames = sse_frames(planned("reasoning", OPENAI._replace(bare=True)))
    assert frames[0]["choices"][0]["text"] == "the "
    assert "delta" not in frames[0]["choices"][0]
    row = rows(planned("thinking", OLLAMA._replace(bare=True)))[0]
    assert (row["response"], row["thinking"]) == ("", "the ")


def test_an_answer_in_one_piece():
    (send,) = planned("reasoning", OPENAI._replace(stream=False)).sends
    document = json.loads(send.data.partition(b"\r\n\r\n")[2])
    assert document["usage"]["completion_tokens"] == send.tokens == 12
    assert len(document["choices"][0]["message"]["reasoning"]) == 24
    (send,) = planned("plain", OLLAMA._replace(stream=False)).sends
    assert json.loads(send.data.partition(b"\r\n\r\n")[2])["done"] is True
    (send,) = planned("error", OPENAI._replace(stream=False)).sends
    assert send.data.startswith(b"HTTP/1.1 500")
    assert send.tokens == 0


def test_a_page_is_json_or_text():
    assert page({"a": 1}).endswith(b'\r\n\r\n{"a":1}')
    assert b"text/plain" in page("Ollama is running")


def test_a_wrong_frame_would_be_noticed():
    answer = planned("plain")
    broken = answer._replace(
        sends=tuple(send._replace(data=send.data.replace(b"data:", b"d:")) for send in answer.sends)
    )
    with pytest.raises((h11.RemoteProtocolError, BackendError, AssertionError, json.JSONDecodeError)):
        assert sse_frames(broken)
