import json

import pytest

from llmtui.backends.base import BackendError, Chunk, End
from llmtui.backends.chat_frames import ChatFrame, ChatStreamReader, TextPiece, read_frame, read_usage
from llmtui.backends.transport import TimedRead
from llmtui.events import ServerTimings, Usage


def delta(finish=None, **fields):
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def usage(completion, prompt=5):
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def read(*frames, **arguments):
    """Feed each frame in a read of its own, at 1, 2, 3 ... ns; bytes go in as they are."""
    reader = ChatStreamReader(url="http://server", model="m", **arguments)
    chunks = []
    for number, frame in enumerate(frames, start=1):
        data = frame if isinstance(frame, bytes) else f"data: {json.dumps(frame)}\n\n".encode()
        chunks += reader.feed(TimedRead(number, data))
    chunks += reader.flush()
    return chunks, reader.finish()


def texts(chunks):
    return [chunk.text for chunk in chunks]


DONE = b"data: [DONE]\n\n"


@pytest.mark.parametrize(
    "frame",
    [
        delta(role="assistant"),
        delta(role="assistant", content=None),
        delta(role="assistant", content=""),
        delta(role="assistant", content="", reasoning_content=None),
        delta(tool_calls=[{"index": 0, "function": {"arguments": "{"}}]),
        {"choices": [{"index": 0, "delta": None}]},
        {"choices": [{"index": 0}]},
        {"choices": [None]},
        {"choices": [], "prompt_progress": {"total": 39, "cache": 31, "processed": 39, "time_ms": 47}},
        {"choices": [], "sglext": {}},
        {"choices": []},
        {"choices": None},
        {"error": None},
        {},
    ],
)
def test_rule_03_and_05_what_holds_no_text_is_no_chunk(frame):
    assert read_frame(frame) == ChatFrame()


def test_rule_03_the_first_chunk_is_the_first_text_reasoning_included():
    chunks, _ = read(delta(role="assistant", content=""), delta(reasoning="hm"), delta(content="Hi"), delta("stop"))
    assert chunks == [Chunk(2, "hm", True), Chunk(3, "Hi", False)]


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking"])
def test_rule_04_reasoning_has_several_names(field):
    assert read_frame(delta(**{field: "hm", "content": ""})).pieces == (TextPiece("hm", True),)


def test_rule_04_reasoning_under_two_names_counts_once():
    assert read_frame(delta(reasoning_content="hm", reasoning="hm")).pieces == (TextPiece("hm", True),)


def test_a_frame_may_end_the_reasoning_and_begin_the_answer():
    assert read_frame(delta(reasoning="so", content="Hi")).pieces == (TextPiece("so", True), TextPiece("Hi", False))


def test_plain_completions_have_their_text_beside_the_index():
    chunks, end = read(
        {"choices": [{"index": 0, "text": " the"}]}, {"choices": [{"text": "", "finish_reason": "length"}]}
    )
    assert texts(chunks) == [" the"]
    assert end.finish_reason == "length"


def test_rule_06_usage_on_a_frame_of_its_own():
    _, end = read(delta(content="a"), delta("stop"), {"choices": [], "usage": usage(3)}, DONE)
    assert end == End(2, "stop", Usage(prompt_tokens=5, completion_tokens=3))


def test_rule_06_usage_on_the_finish_frame():
    chunks, end = read(delta(content="a"), delta("stop") | {"usage": usage(3)})
    assert end.usage == Usage(prompt_tokens=5, completion_tokens=3)
    assert [chunk.tokens for chunk in chunks] == [None]


def test_rule_06_usage_on_every_frame_is_a_running_count():
    frames = [delta(content=text) | {"usage": usage(count)} for text, count in (("a", 1), ("", 2), ("b", 3))]
    chunks, end = read(
        delta(role="assistant", content="") | {"usage": usage(0)}, *frames, delta("stop") | {"usage": usage(3)}
    )
    assert [(chunk.text, chunk.tokens) for chunk in chunks] == [("a", 1), ("b", 3)]
    assert end.usage.completion_tokens == 3


def test_rule_06_a_count_that_comes_only_with_the_last_text_is_no_running_one():
    chunks, _ = read(delta(content="a"), delta("stop", content="b") | {"usage": usage(9)})
    assert [(chunk.text, chunk.tokens) for chunk in chunks] == [("a", None), ("b", None)]


def test_rule_06_usage_that_never_comes_is_unknown():
    _, end = read(delta(content="a"), delta("stop") | {"usage": None}, DONE)
    assert end.usage is None


def test_usage_with_its_details():
    details = {"prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 2}}
    assert read_usage(usage(3) | details) == Usage(
        prompt_tokens=5, completion_tokens=3, reasoning_tokens=2, cached_tokens=4
    )
    assert read_usage(usage(3) | {"reasoning_tokens": 1}).reasoning_tokens == 1
    assert read_usage({"completion_tokens": "3", "prompt_tokens": -1, "prompt_tokens_details": None}) == Usage()
    assert read_usage([]) is read_usage(None) is None


def test_rule_09_a_finish_reason_without_done_is_an_end():
    chunks, end = read(delta(content="a"), delta("stop"))
    assert (texts(chunks), end.finish_reason, end.at_ns) == (["a"], "stop", 2)


@pytest.mark.parametrize("tail", [[], [DONE]])
def test_rule_09_no_finish_reason_is_truncated_even_with_done(tail):
    with pytest.raises(BackendError) as caught:
        read(delta(content="a"), *tail)
    assert caught.value.kind == "truncated"


@pytest.mark.parametrize("body", [b"", b": keepalive\n\n", DONE, b"\n\n", b"event: ping\n\n"])
def test_rule_10_a_stream_without_frames_is_empty(body):
    with pytest.raises(BackendError) as caught:
        read(body)
    assert caught.value.kind == "empty"


@pytest.mark.parametrize(
    "frame",
    [
        {"error": {"code": 500, "message": "boom", "type": "server_error"}},
        {"error": "boom"},
        {"object": "error", "message": "boom", "code": 500},
        {"detail": "boom"},
        b'event: error\ndata: {"message":"boom"}\n\n',
        b'event: error\ndata: "boom"\n\n',
    ],
)
def test_rule_12_an_error_in_mid_stream_ends_it_and_keeps_what_came(frame):
    reader = ChatStreamReader(url="http://server")
    assert texts(reader.feed(TimedRead(1, f"data: {json.dumps(delta(content='a'))}\n\n".encode()))) == ["a"]
    data = frame if isinstance(frame, bytes) else f"data: {json.dumps(frame)}\n\n".encode()
    with pytest.raises(BackendError, match="boom") as caught:
        reader.feed(TimedRead(2, data))
    assert caught.value.kind == "server_error"


@pytest.mark.parametrize("reason", ["error", "abort"])
def test_a_finish_reason_of_failure_is_one(reason):
    with pytest.raises(BackendError) as caught:
        read(delta(content="a"), delta(reason))
    assert caught.value.kind == "server_error"


def test_rule_01_done_may_have_spaces_behind_it_and_nothing_after_it_counts():
    chunks, _ = read(delta("stop", content="a"), b"data: [DONE] \n\n", delta(content="late"))
    assert texts(chunks) == ["a"]


def test_frames_of_one_read_share_its_time():
    data = b"".join(f"data: {json.dumps(delta(content=text))}\n\n".encode() for text in "abc")
    chunks, _ = read(data, delta("stop"))
    assert chunks == [Chunk(1, "a"), Chunk(1, "b"), Chunk(1, "c")]


def test_a_last_frame_without_its_blank_line_counts():
    chunks, end = read(f"data: {json.dumps(delta('stop', content='a'))}".encode())
    assert (texts(chunks), end.at_ns) == (["a"], 1)


def test_a_last_frame_that_was_cut_within_does_not_count():
    _, end = read(delta("stop"), b'data: {"choices":[],"usa')
    assert end.finish_reason == "stop"
    with pytest.raises(BackendError) as caught:
        read(delta(content="a"), b'data: {"choices":[{"fin')
    assert caught.value.kind == "truncated"


def test_what_is_no_json_in_mid_stream_is_malformed_and_what_is_no_object_is_nothing():
    with pytest.raises(BackendError) as caught:
        read(b"data: hello\n\n")
    assert caught.value.kind == "malformed"
    chunks, _ = read(b"data: 5\n\n", b'data: ["x"]\n\n', delta("stop", content="a"))
    assert texts(chunks) == ["a"]


def test_the_key_stays_out_of_sentences():
    for frame in (b"data: sk-123 is no JSON\n\n", {"error": "bad key sk-123"}):
        with pytest.raises(BackendError) as caught:
            read(frame, secret="sk-123")
        assert "sk-123" not in str(caught.value)


def test_bytes_that_are_no_utf8_are_noted():
    _, end = read(b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n', delta("stop"))
    assert end.notes == ("1 lines of the answer held bytes that are no UTF-8",)


def test_timings_are_found_by_whoever_knows_them():
    def find(frame):
        timings = frame.get("timings")
        return ServerTimings(decode_tokens=timings["predicted_n"]) if timings else None

    _, end = read(delta("stop"), {"choices": [], "timings": {"predicted_n": 64}}, {"choices": []}, read_timings=find)
    assert end.timings == ServerTimings(decode_tokens=64)


def test_progress_does_not_count_comments():
    reader = ChatStreamReader(url="http://server")
    reader.feed(TimedRead(1, b": keepalive 1/2\n\n"))
    assert reader.progress == 0
    reader.feed(TimedRead(2, b"data: {}\n\n"))
    assert reader.progress == 8


RECORDED = [
    ("llamacpp_chat_stream_usage", 64, "length", Usage(prompt_tokens=39, completion_tokens=64, cached_tokens=0)),
    ("llamacpp_chat_stream_nousage", 16, "length", None),
    ("llamacpp_chat_stream_timings", 16, "length", Usage(prompt_tokens=39, completion_tokens=16, cached_tokens=31)),
    ("llamacpp_unicode", 20, "length", None),
    ("vllm_chat_stream", 3, "length", Usage(prompt_tokens=32, completion_tokens=3)),
    ("ollama_v1_chat_stream", 3, "length", Usage(prompt_tokens=11, completion_tokens=3)),
]


@pytest.mark.parametrize(("name", "chunks", "finish", "counted"), RECORDED)
def test_recordings_mean_the_same_split_at_each_offset(name, chunks, finish, counted, body_of):
    body = body_of(name)

    def meaning(*reads):
        found, end = read(*reads)
        return texts(found), end.finish_reason, end.usage

    whole = meaning(body)
    assert (len(whole[0]), whole[1], whole[2]) == (chunks, finish, counted)
    assert meaning(*(body[at : at + 1] for at in range(len(body)))) == whole
    step = max(1, len(body) // 400)
    for cut in range(0, len(body), step):
        assert meaning(body[:cut], body[cut:]) == whole
