import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.backends.base import BackendError, Chunk, GenerationRequest
from llmtui.backends.ollama_rows import (
    RowReader,
    full_name,
    generation_body,
    read_model,
    read_size_label,
    read_timings,
    read_usage,
    split_options,
)
from llmtui.backends.transport import TimedRead
from llmtui.events import Model, ServerTimings, Usage

URL = "http://127.0.0.1:11434"


def reader():
    return RowReader(url=URL, model="m")


def play(*reads: bytes):
    """Feed reads that arrive at 1, 2, 3 ... and return the chunks and the end."""
    rows = reader()
    chunks = [chunk for at, data in enumerate(reads, 1) for chunk in rows.feed(TimedRead(at, data))]
    return chunks + rows.flush(), rows.finish()


def lines(*rows: object) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def answer(text: str, **more: object) -> dict[str, object]:
    return {"message": {"role": "assistant", "content": text}, "done": False, **more}


DONE = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}


# --- the request ---------------------------------------------------------------------------------------------------


def test_a_chat_body_has_ollamas_names():
    request = GenerationRequest(
        model="m",
        messages=(("system", "Be brief."), ("user", "Hi")),
        max_tokens=32,
        temperature=0.0,
        seed=7,
        stop=("END",),
        options={"num_ctx": 2048, "think": "low", "keep_alive": "10m", "top_k": 1},
    )
    path, body = generation_body(request)
    assert path == "/api/chat"
    assert body == {
        "model": "m",
        "stream": True,
        "truncate": False,
        "shift": False,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "options": {
            "num_predict": 32,
            "temperature": 0.0,
            "seed": 7,
            "stop": ["END"],
            "num_ctx": 2048,
            "top_k": 1,
        },
        "think": "low",
        "keep_alive": "10m",
    }


def test_a_prompt_goes_to_generate_and_may_be_raw():
    path, body = generation_body(GenerationRequest(model="m", prompt="Once", options={"raw": True}))
    assert path == "/api/generate"
    assert body["prompt"] == "Once"
    assert body["raw"] is True
    assert body["options"] == {}


def test_cutting_long_prompts_is_off_unless_asked_for():
    _, body = generation_body(GenerationRequest(model="m", prompt="x", options={"truncate": True, "shift": True}))
    assert body["truncate"] is body["shift"] is True


def test_a_request_without_text_is_no_request():
    with pytest.raises(BackendError) as caught:
        generation_body(GenerationRequest(model="m", prompt=""))
    assert caught.value.kind == "bad_request"


def test_options_part_by_where_ollama_reads_them():
    assert split_options({"think": True, "num_ctx": 8, "format": "json"}) == (
        {"think": True, "format": "json"},
        {"num_ctx": 8},
    )


# --- the rows ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "pieces", "tokens"), [("ollama_chat_stream", 32, 32), ("ollama_generate_stream", 5, 5)]
)
def test_a_recording_reads_the_same_however_it_is_split(body_of, name, pieces, tokens):
    body = body_of(name)
    chunks, end = play(body)
    text = "".join(chunk.text for chunk in chunks)
    assert len(chunks) == pieces
    assert text.startswith("The")
    assert (end.finish_reason, end.usage.completion_tokens) == ("length", tokens)
    for at in range(1, len(body)):
        halves, half_end = play(body[:at], body[at:])
        assert "".join(chunk.text for chunk in halves) == text
        assert (half_end.usage, half_end.timings) == (end.usage, end.timings)
    bytewise, _ = play(*(body[at : at + 1] for at in range(len(body))))
    assert [chunk.text for chunk in bytewise] == [chunk.text for chunk in chunks]


def test_pieces_of_one_read_share_its_time():
    chunks, end = play(lines(answer("a"), answer("b")), lines(answer("c"), DONE))
    assert chunks == [Chunk(1, "a"), Chunk(1, "b"), Chunk(2, "c")]
    assert end.at_ns == 2


def test_rule_02_a_character_split_over_reads_stays_whole():
    body = lines(answer("ñ日本🦊"), DONE)
    chunks, _ = play(*(body[at : at + 1] for at in range(len(body))))
    assert [chunk.text for chunk in chunks] == ["ñ日本🦊"]


def test_rule_02_a_line_separator_inside_a_text_is_no_line_end():
    chunks, _ = play(lines(answer("a\u2028b\u0085c"), DONE))
    assert [chunk.text for chunk in chunks] == ["a\u2028b\u0085c"]


def test_rule_03_a_row_without_text_is_no_chunk():
    chunks, _ = play(lines(answer(""), {"message": {"role": "assistant"}, "done": False}, {"done": False}, DONE))
    assert chunks == []


def test_rule_04_thinking_is_reasoning_in_chat_and_in_generate():
    thought = {"message": {"role": "assistant", "content": "", "thinking": "Hm"}, "done": False}
    chunks, _ = play(lines(thought, {"response": "", "thinking": "Well", "done": False}, answer("Hi"), DONE))
    assert [(chunk.text, chunk.reasoning) for chunk in chunks] == [("Hm", True), ("Well", True), ("Hi", False)]


def test_rule_10_no_row_at_all_is_an_error():
    with pytest.raises(BackendError) as caught:
        play(b"\n")
    assert caught.value.kind == "empty"


def test_an_end_with_neither_done_nor_error_is_a_cut_answer():
    with pytest.raises(BackendError) as caught:
        play(lines(answer("a"), answer("b")))
    assert caught.value.kind == "truncated"
    assert play(lines(answer("a"), answer("b"), DONE))[1].finish_reason == "stop"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("an error was encountered while running the model: unexpected EOF", "server_error"),
        ({"message": "boom", "type": "server_error"}, "server_error"),
        ("model 'm' not found", "no_model"),
        (
            '{"error":{"code":400,"message":"request (3031 tokens) exceeds the available context size (2048 tokens)"}}',
            "context_full",
        ),
    ],
)
def test_rule_12_an_error_row_ends_the_stream_after_what_came_before(error, kind):
    rows = reader()
    assert rows.feed(TimedRead(1, lines(answer("a")))) == [Chunk(1, "a")]
    with pytest.raises(BackendError) as caught:
        rows.feed(TimedRead(2, lines({"error": error})))
    assert caught.value.kind == kind
    assert URL in caught.value.sentence


def test_rule_12_text_in_one_read_with_an_error_is_kept():
    rows = reader()
    assert rows.feed(TimedRead(1, lines(answer("a"), {"error": "boom"}, answer("b")))) == [Chunk(1, "a")]
    assert rows.done
    with pytest.raises(BackendError, match="boom"):
        rows.flush()


def test_an_error_in_a_last_row_without_its_line_end_counts():
    rows = reader()
    rows.feed(TimedRead(1, lines(answer("a"), {"error": "boom"}).rstrip()))
    with pytest.raises(BackendError) as caught:
        rows.flush()
    assert caught.value.kind == "server_error"


@pytest.mark.parametrize("line", [b"<html>\n", b"[1]\n", b"null\n", b"{'a': 1}\n"])
def test_what_is_no_row_is_malformed(line):
    with pytest.raises(BackendError) as caught:
        play(line)
    assert caught.value.kind == "malformed"


def test_a_row_cut_off_within_is_a_cut_answer():
    with pytest.raises(BackendError) as caught:
        play(lines(answer("a")) + b'{"message":{"con')
    assert caught.value.kind == "truncated"


def test_a_last_row_needs_no_line_end():
    chunks, end = play(lines(answer("a"), DONE | {"eval_count": 1}).rstrip())
    assert [chunk.text for chunk in chunks] == ["a"]
    assert end.usage == Usage(completion_tokens=1)


def test_nothing_after_the_last_row_matters():
    chunks, _ = play(lines(DONE, answer("late"), {"error": "late"}) + b"garbage\n")
    assert chunks == []


@pytest.mark.parametrize(("reason", "kind"), [("load", "bad_request"), ("error", "server_error")])
def test_an_end_that_is_none_of_an_answer(reason, kind):
    with pytest.raises(BackendError) as caught:
        play(lines(DONE | {"done_reason": reason}))
    assert caught.value.kind == kind


def test_the_key_shows_in_no_sentence():
    rows = RowReader(url=URL, model="m", secret="s3cret")
    with pytest.raises(BackendError) as caught:
        rows.feed(TimedRead(1, lines({"error": "bad key s3cret"})))
    assert "s3cret" not in caught.value.sentence
    with pytest.raises(BackendError) as caught:
        RowReader(url=URL, model="m", secret="s3cret").feed(TimedRead(1, b"s3cret\n"))
    assert "s3cret" not in caught.value.sentence


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"\n", lines(DONE), lines(answer("x"))]), max_size=8))
def test_whatever_comes_only_backend_errors_are_raised(reads):
    try:
        chunks, _ = play(*reads)
    except BackendError:
        return
    assert all(chunk.text for chunk in chunks)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["message", "content", "done", "done_reason", "eval_count", "error"]), inner)
    ),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.sampled_from(["message", "response", "done", "eval_count", "error"]), _JSON)))
def test_rows_of_any_shape_raise_only_backend_errors(rows):
    try:
        play(lines(*rows))
    except BackendError:
        return
    assert any(row.get("done") is True for row in rows)


# --- the counters --------------------------------------------------------------------------------------------------

COUNTERS = {
    "total_duration": 1_067_026_059,
    "load_duration": 800_714_016,
    "prompt_eval_count": 18,
    "prompt_eval_duration": 55_438_000,
    "eval_count": 32,
    "eval_duration": 208_568_000,
}


def test_rule_24_the_counters_are_nanoseconds_and_decoding_starts_after_the_first_token():
    assert read_timings(COUNTERS) == ServerTimings(
        load_ns=800_714_016,
        prefill_ns=55_438_000,
        decode_ns=208_568_000,
        decode_tokens=31,
        total_ns=1_067_026_059,
    )


def test_rule_23_the_prompt_count_is_no_count_of_computed_tokens():
    assert read_timings(COUNTERS).prefill_tokens is None
    assert read_usage(COUNTERS) == Usage(prompt_tokens=18, completion_tokens=32)


@pytest.mark.parametrize("key", sorted(COUNTERS))
def test_a_counter_that_is_left_out_is_unknown_and_no_zero(key):
    timings = read_timings({name: value for name, value in COUNTERS.items() if name != key})
    gone = {
        "total_duration": {"total_ns"},
        "load_duration": {"load_ns"},
        "prompt_eval_count": set(),
        "prompt_eval_duration": {"prefill_ns"},
        "eval_count": {"decode_ns", "decode_tokens"},
        "eval_duration": {"decode_ns", "decode_tokens"},
    }[key]
    full = read_timings(COUNTERS)
    fields = ("load_ns", "prefill_ns", "decode_ns", "decode_tokens", "total_ns")
    assert {field for field in fields if getattr(timings, field) is None} == gone
    assert all(getattr(timings, field) == getattr(full, field) for field in fields if field not in gone)


def test_a_single_token_took_no_decoding():
    timings = read_timings(COUNTERS | {"eval_count": 1, "eval_duration": 1000})
    assert timings.decode_ns is timings.decode_tokens is None
    assert read_timings(COUNTERS | {"eval_count": 2}).decode_tokens == 1


def test_an_end_without_counts_has_no_usage():
    assert read_usage({}) is None
    assert read_usage({"eval_count": True, "prompt_eval_count": "18"}) is None


# --- the models ----------------------------------------------------------------------------------------------------


def test_a_model_is_put_together_from_three_pages(body_of):
    tag = json.loads(body_of("ollama_tags"))["models"][0]
    show = json.loads(body_of("ollama_show"))
    loaded = json.loads(body_of("ollama_ps"))["models"][0]
    expected = Model(
        id="smollm2:135m",
        family="llama",
        parameters=134_515_008,
        quantization="Q4_1",
        context=8192,
        trained=8192,
        size=98_362_745,
        digest="fd5f44c0b5aff6453726119fc560d73a8a995a55b4a49804bc24b1969ecf1794",
        loaded=False,
    )
    assert read_model(tag, show, None) == expected
    running = read_model(tag, show, loaded)
    assert (running.loaded, running.context, running.trained) == (True, 4096, 8192)


def test_a_list_with_names_only_is_enough():
    assert read_model({"name": "m", "model": "m"}, {}, None) == Model(id="m", loaded=False)
    assert read_model({"name": "m", "details": {"parameter_size": "134.52M"}}, {}, None).parameters == 134_520_000


@pytest.mark.parametrize(
    ("label", "count"),
    [
        ("134.52M", 134_520_000),
        ("8.0B", 8_000_000_000),
        ("", None),
        ("M", None),
        (None, None),
        ("1e999B", None),
        (7, None),
    ],
)
def test_size_labels(label, count):
    assert read_size_label(label) == count


@pytest.mark.parametrize(
    ("given_name", "listed"),
    [("m", "m:latest"), ("m:7b", "m:7b"), ("hub.example:5000/a/m", "hub.example:5000/a/m:latest"), ("a/m:x", "a/m:x")],
)
def test_a_name_without_tag_means_latest(given_name, listed):
    assert full_name(given_name) == listed
