"""llama-benchy: its JSON of means. It tells no inter-token latency."""

import json
from collections.abc import Mapping, Sequence

from peers.offline import BOOK_URL, write_book, write_tokenizer
from peers.shape import TOKENS, Figures, Order, Peer


def command(order: Order) -> Sequence[str]:
    return [
        f"{order.programs}/llama-benchy", "--base-url", f"{order.url}/v1", "--model", order.case.model,
        "--tokenizer", str(order.folder / "tokenizer"), "--book-url", BOOK_URL,
        "--pp", "16", "--tg", str(TOKENS), "--runs", str(order.requests),
        "--latency-mode", "none", "--no-warmup", "--skip-coherence", "--no-adapt-prompt",
        "--format", "json", "--save-result", str(order.folder / "result.json"),
    ]  # fmt: skip


def prepare(order: Order) -> None:
    write_tokenizer(order.folder)
    write_book(order.folder)


def environ(order: Order) -> Mapping[str, str]:
    return {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HOME": str(order.folder)}


def read(order: Order) -> Figures:
    (found,) = json.loads((order.folder / "result.json").read_text())["benchmarks"]
    return Figures(ttft_ms=_mean(found["e2e_ttft"]), rate=_mean(found["tg_throughput"]))


def _mean(figure: Mapping[str, float] | None) -> float | None:
    return figure["mean"] if figure else None


PEER = Peer(
    "llama-benchy",
    "llama-benchy==0.4.0",
    frozenset({"openai"}),
    command,
    read,
    prepare,
    environ,
    silent={"itl_ms": "it tells rates only"},
)
