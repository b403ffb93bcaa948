"""guidellm: the means of its JSON report. Its rates count the wait for the first token, so none is a decode rate."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from peers.offline import write_tokenizer
from peers.shape import TOKENS, Figures, Order, Peer, PeerError


def command(order: Order) -> Sequence[str]:
    backend = {
        "kind": "openai_http",
        "target": order.url,
        "model": order.case.model,
        "request_format": "/v1/chat/completions",
        "validate_backend": "false",
    }
    return [
        f"{order.programs}/guidellm", "run", "--backend", _pairs(backend),
        "--profile", "kind=synchronous", "--constraint", f"kind=max_requests,count={order.requests}",
        "--tokenizer", f"kind=huggingface_auto,model={order.folder / 'tokenizer'}",
        "--data", f"kind=synthetic_text,prompt_tokens=16,output_tokens={TOKENS}",
        "--output", f"kind=json,path={order.folder / 'report.json'}", "--disable-console",
    ]  # fmt: skip


def prepare(order: Order) -> None:
    write_tokenizer(order.folder)


def environ(_order: Order) -> Mapping[str, str]:
    return {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def read(order: Order) -> Figures:
    (found,) = json.loads((order.folder / "report.json").read_text())["benchmarks"]
    metrics = found["metrics"]
    if metrics["request_totals"]["successful"] == 0:
        raise PeerError("no request of its run came to an end")
    return Figures(ttft_ms=_mean(metrics, "time_to_first_token_ms"), itl_ms=_mean(metrics, "inter_token_latency_ms"))


def _mean(metrics: Mapping[str, Any], name: str) -> float | None:
    found = metrics[name]["successful"]
    return found["mean"] if found["count"] else None


def _pairs(values: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in values.items())


PEER = Peer(
    "guidellm",
    "guidellm==0.8.1",
    frozenset({"openai"}),
    command,
    read,
    prepare,
    environ,
    silent={"rate": "its rates count the wait for the first token"},
)
