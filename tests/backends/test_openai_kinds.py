import pytest

from llmtui.backends.openai_kinds import KINDS, loaded_instances, read_lmstudio_models, read_models
from llmtui.events import Model

LMSTUDIO = {
    "models": [
        {
            "type": "llm",
            "publisher": "qwen",
            "key": "qwen/qwen3-4b",
            "display_name": "Qwen3 4B",
            "architecture": "qwen3",
            "quantization": {"name": "Q4_K_M", "bits_per_weight": 4},
            "size_bytes": 2497281120,
            "params_string": "4B",
            "loaded_instances": [{"id": "qwen/qwen3-4b:2", "config": {"context_length": 8192}}],
            "max_context_length": 32768,
        },
        {
            "key": "tiny",
            "loaded_instances": [],
            "max_context_length": 2048,
            "params_string": "135M",
            "quantization": None,
        },
    ]
}


def test_only_a_server_of_unknown_kind_gets_no_extra_fields():
    assert {name for name, kind in KINDS.items() if not kind.extra_fields} == {"openai"}


def test_models_of_vllm_and_llamacpp():
    listing = {
        "object": "list",
        "data": [
            {"id": "a", "object": "model", "owned_by": "vllm", "max_model_len": 4096},
            {
                "id": "b",
                "meta": {"n_ctx": 2048, "n_ctx_train": 8192, "n_params": 134515008, "size": 9, "ftype": "Q4_1"},
            },
            {"id": "c"},
        ],
    }
    assert read_models(listing) == (
        Model(id="a", context=4096),
        Model(id="b", context=2048, parameters=134515008, size=9, quantization="Q4_1"),
        Model(id="c"),
    )


@pytest.mark.parametrize("listing", [None, [], {}, {"data": None}, {"data": ["x", {"id": 5}, {}]}, "text"])
def test_a_listing_that_is_none_has_no_models(listing):
    assert read_models(listing) == ()
    assert read_lmstudio_models(listing) == ()


def test_figures_that_are_none_are_unknown():
    listing = {"data": [{"id": "a", "max_model_len": 0, "meta": {"n_params": True, "size": "9", "ftype": 3}}]}
    assert read_models(listing) == (Model(id="a"),)


def test_models_of_lmstudio():
    loaded, other = read_lmstudio_models(LMSTUDIO)
    assert loaded == Model(
        id="qwen/qwen3-4b",
        family="qwen3",
        parameters=4_000_000_000,
        quantization="Q4_K_M",
        context=8192,
        size=2497281120,
        loaded=True,
    )
    assert other == Model(id="tiny", parameters=135_000_000, context=2048, loaded=False)


def test_instances_are_found_by_key_and_by_their_own_name():
    config = {"qwen/qwen3-4b:2": {"context_length": 8192}}
    assert loaded_instances(LMSTUDIO, "qwen/qwen3-4b") == config
    assert loaded_instances(LMSTUDIO, "qwen/qwen3-4b:2") == config
    assert loaded_instances(LMSTUDIO, "tiny") == loaded_instances(LMSTUDIO, "other") == {}
