import pytest

from llmtui.backends.base import ServerStats
from llmtui.backends.openai_kinds import KINDS, loaded_instances, read_lmstudio_models, read_models, read_stats
from llmtui.backends.prometheus import read_metrics
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


@pytest.mark.parametrize(
    ("kind", "text", "stats"),
    [
        (
            "vllm",
            (
                'vllm:num_requests_running{engine="0"} 3\nvllm:num_requests_running{engine="1"} 1\n'
                'vllm:num_requests_waiting{engine="0"} 2\n'
                'vllm:kv_cache_usage_perc{engine="0"} 0.5\nvllm:kv_cache_usage_perc{engine="1"} 0.25\n'
            ),
            ServerStats(running=4, queued=2, kv_usage=0.375),
        ),
        ("vllm", "vllm:gpu_cache_usage_perc 0.5\n", ServerStats(kv_usage=0.5)),
        (
            "sglang",
            'sglang:num_running_reqs{m="x"} 3.0\nsglang:num_queue_reqs{m="x"} 0.0\nsglang:token_usage{m="x"} 0.1\n',
            ServerStats(running=3, queued=0, kv_usage=0.1),
        ),
        ("tgi", "tgi_batch_current_size 2\ntgi_queue_size 5\n", ServerStats(running=2, queued=5)),
        ("tgi", "", ServerStats()),
    ],
)
def test_load_of_each_kind(kind, text, stats):
    assert read_stats(KINDS[kind].metrics, read_metrics(text)) == stats
