"""aiperf: the means of its JSON export, with the server's token counts."""

import json
from collections.abc import Mapping, Sequence

from peers.offline import write_tokenizer
from peers.shape import TOKENS, Figures, Order, Peer


def command(order: Order) -> Sequence[str]:
    return [
        f"{order.programs}/aiperf", "profile", "--model", order.case.model, "--url", order.url,
        "--endpoint-type", "chat", "--streaming", "--use-server-token-count",
        "--tokenizer", str(order.folder / "tokenizer"),
        "--request-count", str(order.requests), "--concurrency", "1",
        "--synthetic-input-tokens-mean", "16", "--output-tokens-mean", str(TOKENS),
        "--ui", "none", "--no-gpu-telemetry", "--no-server-metrics",
        "--artifact-dir", str(order.folder / "artifacts"),
    ]  # fmt: skip


def prepare(order: Order) -> None:
    write_tokenizer(order.folder)


def environ(_order: Order) -> Mapping[str, str]:
    # Its offline mode takes no folder for a tokenizer; a hub that nobody serves keeps it from asking elsewhere.
    return {"HF_ENDPOINT": "http://127.0.0.1:9"}


def read(order: Order) -> Figures:
    found = json.loads((order.folder / "artifacts" / "profile_export_aiperf.json").read_text())
    return Figures(
        ttft_ms=_mean(found, "time_to_first_token"),
        itl_ms=_mean(found, "inter_token_latency"),
        rate=_mean(found, "output_token_throughput_per_user"),
    )


def _mean(found: Mapping[str, Mapping[str, float]], name: str) -> float | None:
    return found[name]["avg"] if name in found else None


PEER = Peer("aiperf", "aiperf==0.13.0", frozenset({"openai"}), command, read, prepare, environ)
