"""Which options each kind of server knows, and which of them count when it loads a model. Pure.

Read in the source of Ollama 0.11.0 and 0.32.15 (`api.Options`) and of llama.cpp's server (`server-task.cpp`), and in
the documentation of vLLM 0.11, SGLang 0.5, TGI 3 and LM Studio's REST API v1. A server of another version may know
more, so an unknown option is sent all the same.
"""

from collections.abc import Mapping
from typing import Any

from llmtui import wording

AT_LOAD: Mapping[str, frozenset[str]] = {
    "ollama": frozenset(
        {"num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "use_mmap"}
        | {"f16_kv", "low_vram", "numa", "use_mlock", "vocab_only"}
    ),
    "lmstudio": frozenset(
        {"context_length", "eval_batch_size", "flash_attention", "num_experts", "offload_kv_cache_to_gpu"}
    ),
}
"""By the kind of server: the options with which it loads a model. With other ones it has to be loaded anew."""

_SAMPLING = frozenset({"top_k", "top_p", "min_p", "typical_p", "repeat_penalty", "repeat_last_n"})
_SHARED = _SAMPLING | {"presence_penalty", "frequency_penalty", "seed", "stop", "temperature", "logprobs", "tools"}

_OLLAMA = (
    _SHARED
    | {"num_keep", "num_predict", "mirostat", "mirostat_eta", "mirostat_tau", "tfs_z", "penalize_newline"}
    | {"format", "keep_alive", "raw", "shift", "suffix", "system", "template", "think", "top_logprobs", "truncate"}
)
_LLAMACPP = (
    _SHARED
    | {"adaptive_decay", "adaptive_target", "dynatemp_exponent", "dynatemp_range", "mirostat", "mirostat_eta"}
    | {"mirostat_tau", "top_n_sigma", "xtc_probability", "xtc_threshold", "samplers", "min_keep", "backend_sampling"}
    | {"dry_allowed_length", "dry_base", "dry_multiplier", "dry_penalty_last_n", "dry_sequence_breakers"}
    | {"grammar", "grammar_lazy", "grammar_triggers", "json_schema", "response_format", "ignore_eos", "logit_bias"}
    | {"n", "n_cmpl", "n_discard", "n_indent", "n_keep", "n_predict", "n_probs", "max_tokens", "top_logprobs"}
    | {"max_completion_tokens", "t_max_predict_ms", "id_slot", "cache_prompt", "n_cache_reuse", "lora"}
    | {"return_tokens", "return_progress", "response_fields", "timings_per_token", "post_sampling_probs"}
    | {"chat_template_kwargs", "enable_thinking", "parse_tool_calls", "parallel_tool_calls", "tool_choice", "user"}
    | {"reasoning_format", "reasoning_effort", "reasoning_budget", "reasoning_budget_tokens", "thinking_budget_tokens"}
    | {"thinking_forced_open", "add_generation_prompt", "continue_final_message", "stream_options"}
)
_OPENAI = (
    frozenset({"frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "top_logprobs", "n", "seed", "stop"})
    | {"temperature", "top_p", "tools", "tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort"}
    | {"max_tokens", "max_completion_tokens", "stream_options", "user", "best_of", "echo", "suffix", "extra_body"}
)
_SERVING = (
    _OPENAI
    | {"top_k", "min_p", "min_tokens", "repetition_penalty", "stop_token_ids", "ignore_eos", "skip_special_tokens"}
    | {"spaces_between_special_tokens", "chat_template", "chat_template_kwargs", "continue_final_message", "priority"}
)
_VLLM = (
    _SERVING
    | {"add_generation_prompt", "add_special_tokens", "allowed_token_ids", "bad_words", "cache_salt", "documents"}
    | {"guided_choice", "guided_decoding_backend", "guided_grammar", "guided_json", "guided_regex", "include_reasoning"}
    | {"include_stop_str_in_output", "kv_transfer_params", "length_penalty", "logits_processors", "mm_processor_kwargs"}
    | {"prompt_logprobs", "request_id", "return_token_ids", "return_tokens_as_token_ids", "structured_outputs"}
    | {"structural_tag", "truncate_prompt_tokens", "use_beam_search", "vllm_xargs"}
)
_SGLANG = (
    _SERVING
    | {"custom_logit_processor", "custom_params", "ebnf", "lora_path", "no_stop_trim", "regex", "return_hidden_states"}
    | {"rid", "separate_reasoning", "session_params", "stop_regex", "stream_reasoning"}
)
_LMSTUDIO = _OPENAI | {"top_k", "min_p", "repeat_penalty", "ttl", "draft_model"}
_KNOWN: Mapping[str, frozenset[str]] = {
    "ollama": _OLLAMA | AT_LOAD["ollama"],
    "llamacpp": _LLAMACPP,
    "embedded": _LLAMACPP,
    "vllm": _VLLM,
    "sglang": _SGLANG,
    "tgi": _OPENAI | {"guideline", "tool_prompt"},
    "lmstudio": _LMSTUDIO | AT_LOAD["lmstudio"],
    "openai": _OPENAI - {"seed", "stream_options"},
}
"""What a request may hold. Servers of the named kinds take no notice of anything else, and say nothing of it; to one of
which no more is known than that it speaks OpenAI's protocol nothing else is sent.
"""

_OF_START: Mapping[str, str] = {
    "context": "--ctx-size",
    "ctx_size": "--ctx-size",
    "n_ctx": "--ctx-size",
    "num_ctx": "--ctx-size",
    "gpu_layers": "--n-gpu-layers",
    "n_gpu_layers": "--n-gpu-layers",
    "ngl": "--n-gpu-layers",
    "num_gpu": "--n-gpu-layers",
    "num_batch": "--batch-size",
    "n_batch": "--batch-size",
    "num_thread": "--threads",
    "threads": "--threads",
    "n_threads": "--threads",
}
"""What llama.cpp takes on its command line alone, by the names that people give it."""

_OF_EMBEDDED: Mapping[str, str] = {
    "--ctx-size": "embedded.context",
    "--n-gpu-layers": "embedded.gpu_layers",
    "--threads": "embedded.threads",
}


_NAMES: Mapping[str, str] = {
    "ollama": "Ollama",
    "llamacpp": "llama.cpp",
    "embedded": "llama.cpp",
    "vllm": "vLLM",
    "sglang": "SGLang",
    "tgi": "TGI",
    "lmstudio": "LM Studio",
}
_ALIKE: Mapping[str, str] = {
    "repeat_penalty": "repetition_penalty",
    "repetition_penalty": "repeat_penalty",
    "num_ctx": "context_length",
    "context_length": "num_ctx",
}
"""What an option is called by other servers."""


def options_at_load(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of `options` with which a server of this kind loads a model; {} where it takes none."""
    return {key: value for key, value in options.items() if key in AT_LOAD.get(kind, ())}


def options_without_effect(kind: str, options: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each of `options` that has no effect on a server of this kind, as far as is known."""
    known = _KNOWN.get(kind)
    return [] if known is None else [_sentence(kind, key) for key in options if key not in known]


def _sentence(kind: str, key: str) -> str:
    name = wording.visible(key)
    if kind == "openai":
        return f"the option `{name}` is not sent, since not every server takes it; put it under `extra_body` to send it"
    flag = _OF_START.get(key) if kind in {"llamacpp", "embedded"} else None
    if flag is None:
        told = (
            f"the option `{name}` is none that {_NAMES[kind]} is known to have, and it passes over such ones silently"
        )
        other = _ALIKE.get(key)
        return f"{told}; it has `{other}`" if other in _KNOWN[kind] else told
    own = _OF_EMBEDDED.get(flag) if kind == "embedded" else None
    if own is not None:
        return f"the option `{name}` has no effect in a request to llama.cpp; set `{own}` in the suite or a variant"
    return f"the option `{name}` has no effect in a request to llama.cpp; start the server with {flag}"
