import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.backends.base import BackendError, Chunk, GenerationRequest
from llmtui.backends.llamacpp_frames import (
    CompletionReader,
    CountingChatReader,
    chat_body,
    completion_body,
    has_failed,
    names_of,
    read_model,
    read_timings,
    rows_of,
    status_of,
)
from llmtui.backends.transport import TimedRead
from llmtui.events import Model, ServerTimings, Usage

URL = "http://127.0.0.1:8080"
TIMINGS = {
    "cache_n": 31,
    "prompt_n": 8,
    "prompt_ms": 47.5,
    "predicted_n": 16,
    "predicted_ms": 157.207,
    "predicted_per_second": 95.4,
}


def play(reader, *reads: bytes):
    chunks = [chunk for at, data in enumerate(reads, 1) for chunk in reader.feed(TimedRead(at, data))]
    return chunks + reader.flush(), reader.finish()


def completion():
    return CompletionReader(url=URL, model="m")


def chat():
    return CountingChatReader(url=URL, model="m")


def frames(*rows: object) -> bytes:
    return b"".join(b"data: " + json.dumps(row, ensure_ascii=False).encode() + b"\n\n" for row in rows)


def piece(text: str, count: int = 1, **more: object) -> dict[str, object]:
    return {"index": 0, "content": text, "tokens": [0], "stop": False, "tokens_predicted": count} | more


LAST = {
    "content": "",
    "stop": True,
    "stop_type": "limit",
    "tokens_predicted": 16,
    "tokens_evaluated": 39,
    "truncated": False,
    "timings": TIMINGS,
}


# --- the requests --------------------------------------------------------------------------------------------------

REQUEST = GenerationRequest(
    model="m", messages=(("user", "Hi"),), max_tokens=8, temperature=0.0, seed=1, stop=("END",), options={"top_k": 1}
)


def test_a_chat_asks_for_usage_progress_and_running_counts():
    assert chat_body(REQUEST) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 8,
        "temperature": 0.0,
        "seed": 1,
        "stop": ["END"],
        "stream": True,
        "stream_options": {"include_usage": True},
        "timings_per_token": True,
        "return_progress": True,
        "top_k": 1,
    }


def test_a_completion_has_the_native_names():
    body = completion_body(GenerationRequest(model="m", prompt="Once", max_tokens=8))
    assert body == {
        "model": "m",
        "prompt": "Once",
        "n_predict": 8,
        "stream": True,
        "timings_per_token": True,
        "return_progress": True,
    }


def test_what_is_not_asked_for_is_not_sent():
    bare = GenerationRequest(model="m", messages=(("user", "Hi"),))
    assert not {"max_tokens", "temperature", "seed", "stop"} & chat_body(bare).keys()
    assert not {"n_predict", "temperature", "seed", "stop"} & completion_body(bare).keys()


def test_options_are_passed_through_and_win():
    options = {"grammar": 'root ::= "x"', "return_progress": False}
    body = chat_body(GenerationRequest(model="m", messages=(("user", "Hi"),), options=options))
    assert (body["grammar"], body["return_progress"]) == ('root ::= "x"', False)


# --- the timings ---------------------------------------------------------------------------------------------------


def test_rule_24_timings_are_milliseconds_and_decoding_starts_after_the_first_token():
    timings = read_timings({"timings": TIMINGS})
    assert timings == ServerTimings(
        prefill_ns=47_500_000, prefill_tokens=8, cached_tokens=31, decode_ns=157_207_000, decode_tokens=15
    )
    assert timings.decode_tokens / timings.decode_ns * 1e9 == pytest.approx(TIMINGS["predicted_per_second"], rel=1e-3)


def test_rule_23_the_prefill_counts_only_tokens_that_were_not_cached():
    timings = read_timings({"timings": TIMINGS})
    assert (timings.prefill_tokens, timings.cached_tokens) == (8, 31)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ({}, None),
        ({"timings": None}, None),
        ({"timings": {}}, ServerTimings()),
        ({"timings": {"predicted_n": 1, "predicted_ms": 0.001}}, ServerTimings()),
        ({"timings": {"prompt_n": 0, "prompt_ms": 0.0, "cache_n": 0}}, ServerTimings(cached_tokens=0)),
        ({"timings": {"predicted_n": "2", "predicted_ms": True}}, ServerTimings()),
    ],
)
def test_what_timings_do_not_say_is_unknown(frame, expected):
    assert read_timings(frame) == expected


# --- chat ----------------------------------------------------------------------------------------------------------


def test_a_recorded_chat_tells_the_count_with_each_chunk(body_of):
    chunks, end = play(chat(), body_of("llamacpp_chat_stream_timings"))
    assert [chunk.tokens for chunk in chunks] == list(range(1, 17))
    assert chunks[0].text == "The"
    assert end.usage == Usage(prompt_tokens=39, completion_tokens=16, cached_tokens=31)
    assert (end.timings.decode_tokens, end.timings.prefill_tokens) == (15, 8)


def test_rule_03_progress_of_the_prompt_is_no_token(body_of):
    body = body_of("llamacpp_chat_stream_timings")
    progress, _, rest = body.partition(b'"content":"The"')
    assert progress.count(b"prompt_progress") == 2
    reader = chat()
    assert reader.feed(TimedRead(1, progress)) == []
    assert reader.feed(TimedRead(2, b'"content":"The"' + rest))[0].at_ns == 2


def test_rule_07_a_chunk_of_several_tokens_says_so():
    two = {"choices": [{"delta": {"content": "🦊"}}], "timings": {"predicted_n": 2}}
    three = {"choices": [{"delta": {"content": "!"}}], "timings": {"predicted_n": 3}}
    end = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
    chunks, _ = play(chat(), frames(two, three, end))
    assert [(chunk.text, chunk.tokens) for chunk in chunks] == [("🦊", 2), ("!", 3)]


def test_a_chat_without_running_counts_has_none(body_of):
    chunks, _ = play(chat(), body_of("llamacpp_chat_stream_nousage"))
    assert {chunk.tokens for chunk in chunks} == {None}


# --- /completion ---------------------------------------------------------------------------------------------------


def test_rows_of_a_completion():
    progress = piece("", 0, prompt_progress={"total": 39, "processed": 39})
    chunks, end = play(completion(), frames(progress, piece("a"), piece("b", 3)), frames(LAST))
    assert chunks == [Chunk(1, "a", tokens=1), Chunk(1, "b", tokens=3)]
    assert (end.at_ns, end.finish_reason) == (2, "length")
    assert end.usage == Usage(prompt_tokens=39, completion_tokens=16, cached_tokens=31)
    assert end.timings.decode_tokens == 15


def test_rule_09_a_completion_ends_without_done_mark():
    reader = completion()
    reader.feed(TimedRead(1, frames(piece("a"), LAST)))
    assert reader.done
    assert play(completion(), frames(piece("a"), LAST) + b"data: [DONE]\n\n")[1].finish_reason == "length"


@pytest.mark.parametrize(
    ("stop_type", "reason"), [("limit", "length"), ("eos", "stop"), ("word", "stop"), (None, "stop"), ("new", "new")]
)
def test_why_a_completion_ended(stop_type, reason):
    assert play(completion(), frames(LAST | {"stop_type": stop_type}))[1].finish_reason == reason


def test_a_cut_prompt_is_noted():
    assert play(completion(), frames(LAST | {"truncated": True}))[1].notes
    assert not play(completion(), frames(LAST))[1].notes


def test_rule_02_a_completion_reads_the_same_however_it_is_split():
    body = b":\n\n" + frames(piece("ñ日本", 3), piece("🦊\u2028", 5), LAST)
    for at in range(1, len(body)):
        chunks, end = play(completion(), body[:at], body[at:])
        assert [(chunk.text, chunk.tokens) for chunk in chunks] == [("ñ日本", 3), ("🦊\u2028", 5)]
        assert end.usage.completion_tokens == 16
    chunks, _ = play(completion(), *(body[at : at + 1] for at in range(len(body))))
    assert [chunk.text for chunk in chunks] == ["ñ日本", "🦊\u2028"]


def test_rule_12_an_error_frame_ends_a_completion():
    reader = completion()
    assert len(reader.feed(TimedRead(1, frames(piece("a"))))) == 1
    with pytest.raises(BackendError) as caught:
        reader.feed(TimedRead(2, frames({"error": {"code": 500, "message": "boom", "type": "server_error"}})))
    assert caught.value.kind == "server_error"
    assert "boom" in caught.value.sentence


@pytest.mark.parametrize("make", [completion, chat])
def test_rule_12_text_in_one_read_with_an_error_is_kept(make):
    text = piece("a") | {"choices": [{"delta": {"content": "a"}}], "timings": {"predicted_n": 1}}
    reader = make()
    assert reader.feed(TimedRead(1, frames(text, {"error": {"message": "boom"}}, text))) == [Chunk(1, "a", tokens=1)]
    assert reader.done
    with pytest.raises(BackendError, match="boom"):
        reader.flush()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "empty"),
        (b":\n\n", "empty"),
        (frames(piece("a")), "truncated"),
        (frames(piece("a")) + b'data: {"con', "truncated"),
        (b"data: <html>\n\n", "malformed"),
        (b"data: [1]\n\n", "malformed"),
    ],
)
def test_a_completion_without_its_end_is_no_result(body, kind):
    with pytest.raises(BackendError) as caught:
        play(completion(), body)
    assert caught.value.kind == kind


def test_a_last_row_needs_no_blank_line():
    assert play(completion(), frames(piece("a"), LAST).rstrip())[1].finish_reason == "length"


def test_comments_are_no_progress():
    reader = completion()
    reader.feed(TimedRead(1, b":\n\n: ping\n\n"))
    assert reader.progress == 0
    reader.feed(TimedRead(2, frames(piece("", 0))))
    assert reader.progress > 0


def test_the_key_shows_in_no_sentence():
    for body in (frames({"error": {"message": "bad key s3cret"}}), b"data: s3cret\n\n"):
        with pytest.raises(BackendError) as caught:
            play(CompletionReader(url=URL, model="m", secret="s3cret"), body)
        assert "s3cret" not in caught.value.sentence


@given(st.lists(st.binary(max_size=40) | st.sampled_from([frames(LAST), frames(piece("x")), b"\n\n"]), max_size=8))
def test_whatever_comes_only_backend_errors_are_raised(reads):
    try:
        chunks, _ = play(completion(), *reads)
    except BackendError:
        return
    assert all(chunk.text for chunk in chunks)


# --- the lists -----------------------------------------------------------------------------------------------------

ROW = {
    "id": "smollm2",
    "aliases": ["smol", "small"],
    "owned_by": "llamacpp",
    "meta": {"n_ctx": 2048, "n_ctx_train": 8192, "n_params": 134_515_008, "size": 96_576_768, "ftype": "Q4_1"},
}


def test_a_model_by_its_row():
    expected = Model(
        id="smollm2",
        parameters=134_515_008,
        quantization="Q4_1",
        context=2048,
        trained=8192,
        size=96_576_768,
        loaded=True,
    )
    assert read_model(ROW, {}) == expected


def test_an_older_list_is_completed_by_the_properties(body_of):
    props = json.loads(body_of("llamacpp_get_props"))
    assert read_model({"id": "m"}, props) == Model(id="m", quantization="Q4_1", context=2048, loaded=True)
    assert read_model({"id": "m", "meta": None}, {}) == Model(id="m", loaded=True)


@pytest.mark.parametrize(
    ("value", "loaded"), [("unloaded", False), ("loading", False), ("loaded", True), ("sleeping", False)]
)
def test_a_routers_row_tells_the_state(value, loaded):
    row = {"id": "m", "status": {"value": value}}
    assert status_of(row) == value
    assert read_model(row, {}).loaded is loaded


def test_a_row_without_state_is_of_a_server_with_one_model():
    assert status_of(ROW) is None
    assert status_of({"status": "loaded"}) is None


def test_a_failed_load_is_one_that_is_not_tried_again():
    assert has_failed({"status": {"value": "unloaded", "failed": True, "exit_code": 1}})
    assert not has_failed({"status": {"value": "loading", "failed": True}})
    assert not has_failed({"status": {"value": "unloaded"}})
    assert not has_failed(ROW)


def test_a_model_has_several_names():
    assert names_of(ROW) == {"smollm2", "smol", "small"}
    assert names_of({"id": "m", "aliases": None}) == {"m"}


def test_ollamas_list_beside_the_rows_is_left_alone():
    assert rows_of({"models": [{"name": "a"}], "data": [ROW, {}, None]}) == [ROW]
    assert rows_of({"models": [{"name": "a"}]}) == []
