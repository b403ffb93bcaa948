import pytest

from llmtui.backends.openai_kinds import KINDS, STANDARD_FIELDS
from llmtui.suites.server_options import options_at_load, options_without_effect

TUNED = {"num_gpu": 1, "num_ctx": 8192, "temperature": 0.3, "top_p": 0.9, "top_k": 40, "repeat_penalty": 1.1}


def told(kind, options):
    return [sentence.split("`")[1] for sentence in options_without_effect(kind, options)]


@pytest.mark.parametrize(
    ("kind", "left"),
    [
        ("ollama", []),
        ("llamacpp", ["num_gpu", "num_ctx"]),
        ("embedded", ["num_gpu", "num_ctx"]),
        ("vllm", ["num_gpu", "num_ctx", "repeat_penalty"]),
        ("sglang", ["num_gpu", "num_ctx", "repeat_penalty"]),
        ("tgi", ["num_gpu", "num_ctx", "top_k", "repeat_penalty"]),
        ("lmstudio", ["num_gpu", "num_ctx"]),
        ("openai", ["num_gpu", "num_ctx", "top_k", "repeat_penalty"]),
        ("scripted", []),
    ],
)
def test_what_a_server_would_pass_over_is_told(kind, left):
    assert told(kind, TUNED) == left


def test_the_sentence_says_what_to_do_instead():
    (embedded,) = options_without_effect("embedded", {"num_gpu": 1})
    assert embedded.endswith("set `embedded.gpu_layers` in the suite or a variant")
    (other,) = options_without_effect("llamacpp", {"num_ctx": 1})
    assert other.endswith("start the server with --ctx-size")
    (batch,) = options_without_effect("embedded", {"num_batch": 1})
    assert batch.endswith("start the server with --batch-size")
    (vllm,) = options_without_effect("vllm", {"repeat_penalty": 1.1})
    assert vllm.endswith("; it has `repetition_penalty`")
    (ollama,) = options_without_effect("ollama", {"repetition_penalty": 1.1})
    assert ollama.endswith("; it has `repeat_penalty`")
    (typo,) = options_without_effect("ollama", {"top_kk\x1b[2J": 1})
    assert "Ollama" in typo
    assert typo.isprintable()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "openai"])
def test_fields_of_the_protocol_are_known_to_all_who_speak_it(kind):
    assert told(kind, dict.fromkeys(STANDARD_FIELDS)) == []
    assert told(kind, {"extra_body": {}, "seed": 1}) == []


def test_options_that_count_at_load_are_those_of_the_server():
    assert options_at_load("ollama", TUNED) == {"num_gpu": 1, "num_ctx": 8192}
    assert options_at_load("lmstudio", {"context_length": 4, "top_k": 1}) == {"context_length": 4}
    assert options_at_load("llamacpp", TUNED) == options_at_load("vllm", TUNED) == {}
    assert "context_length" not in told("lmstudio", {"context_length": 4})


def test_what_is_not_sent_to_an_unknown_server_is_told():
    everything = {**TUNED, **dict.fromkeys(STANDARD_FIELDS), "seed": 1, "top_kk": 1, "extra_body": {}}
    assert set(told("openai", everything)) == everything.keys() - STANDARD_FIELDS - {"extra_body"}
    (sentence,) = options_without_effect("openai", {"top_k": 1})
    assert sentence.endswith("put it under `extra_body` to send it")
