"""How the servers differ that speak OpenAI's protocol: fields, and what they tell of themselves; no I/O.

Seen in recordings of vLLM 0.32; read in code and documentation of SGLang 0.5, TGI 3 and LM Studio's REST API v1.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from llmtui.backends.counters import read_positive
from llmtui.events import Model

STANDARD_FIELDS = frozenset(
    {
        "best_of",
        "echo",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "n",
        "parallel_tool_calls",
        "presence_penalty",
        "reasoning_effort",
        "response_format",
        "stop",
        "suffix",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
    }
)
"""Options that belong to OpenAI's own protocol, so that any server may be sent them."""

_PARAMETER_COUNT = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([KMBT])\s*$", re.IGNORECASE)
_SCALES = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of OpenAI-compatible server.

    Attributes:
        name: As it stands in logs and reports.
        extra_fields: It takes fields that are not OpenAI's, such as seed, top_k and ignore_eos. Some servers refuse a
            request for one unknown field, so a server of unknown kind is sent none.
        continuous_usage: It states its token count with every chunk when asked.
        tokenizer: It counts tokens at POST /tokenize.
        manages_models: It loads and unloads at /api/v1/models (LM Studio).
        info_paths: Where it tells its version, newest first.
        slots_field: The field there that says how many requests run at once.
        context_field: The field there that holds the context of its only model.
    """

    name: str
    extra_fields: bool = True
    continuous_usage: bool = False
    tokenizer: bool = False
    manages_models: bool = False
    info_paths: tuple[str, ...] = ()
    slots_field: str | None = None
    context_field: str | None = None


_ALL = (
    Kind(name="openai", extra_fields=False),
    Kind(
        name="vllm",
        continuous_usage=True,
        tokenizer=True,
        info_paths=("/version",),
    ),
    Kind(
        name="sglang",
        continuous_usage=True,
        tokenizer=True,
        info_paths=("/server_info", "/get_server_info"),
        slots_field="max_running_requests",
    ),
    Kind(
        name="tgi",
        info_paths=("/info",),
        slots_field="max_concurrent_requests",
        context_field="max_total_tokens",
    ),
    Kind(name="lmstudio", manages_models=True),
)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ALL}
"""By name; "openai" is a server of which no more is known than that it speaks the protocol."""


def read_models(listing: Any) -> tuple[Model, ...]:
    """Read the answer of GET /v1/models, with the extras of vLLM (max_model_len) and llama.cpp (meta)."""
    return tuple(_model(row) for row in _rows(listing, "data") if isinstance(row.get("id"), str))


def read_lmstudio_models(listing: Any) -> tuple[Model, ...]:
    """Read the answer of LM Studio's GET /api/v1/models; the context is that of a loaded instance, if there is one."""
    return tuple(_lmstudio_model(row) for row in _rows(listing, "models") if isinstance(row.get("key"), str))


def loaded_instances(listing: Any, model: str) -> dict[str, dict[str, Any]]:
    """Return LM Studio's instances of `model`, a key or the id of an instance: their ids with how they were loaded."""
    instances: dict[str, dict[str, Any]] = {}
    for row in _rows(listing, "models"):
        for instance in _rows(row, "loaded_instances"):
            name = instance.get("id")
            if isinstance(name, str) and model in {name, row.get("key")}:
                config = instance.get("config")
                instances[name] = config if isinstance(config, dict) else {}
    return instances


def _model(row: dict[str, Any]) -> Model:
    found = row.get("meta")
    meta = found if isinstance(found, dict) else {}
    quantization = meta.get("ftype")
    contexts = (row.get("max_model_len"), meta.get("n_ctx"), meta.get("n_ctx_train"))
    return Model(
        id=row["id"],
        parameters=read_positive(meta.get("n_params")),
        quantization=quantization if isinstance(quantization, str) else None,
        context=next(filter(None, map(read_positive, contexts)), None),
        size=read_positive(meta.get("size")),
    )


def _lmstudio_model(row: dict[str, Any]) -> Model:
    instances = loaded_instances({"models": [row]}, row["key"])
    contexts = [*(config.get("context_length") for config in instances.values()), row.get("max_context_length")]
    found = row.get("quantization")
    quantization = found.get("name") if isinstance(found, dict) else found
    family = row.get("architecture")
    return Model(
        id=row["key"],
        family=family if isinstance(family, str) else None,
        parameters=_parameter_count(row.get("params_string")),
        quantization=quantization if isinstance(quantization, str) else None,
        context=next(filter(None, map(read_positive, contexts)), None),
        size=read_positive(row.get("size_bytes")),
        loaded=bool(instances),
    )


def _parameter_count(text: Any) -> int | None:
    match = _PARAMETER_COUNT.match(text) if isinstance(text, str) else None
    return read_positive(float(match[1]) * _SCALES[match[2].upper()]) if match else None


def _rows(listing: Any, key: str) -> list[dict[str, Any]]:
    rows = listing.get(key) if isinstance(listing, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
