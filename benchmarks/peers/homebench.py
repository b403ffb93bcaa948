"""homebench: the JSON of its speed probe, the best of its repetitions. It tells no inter-token latency."""

import json
from collections.abc import Sequence

from peers.shape import TOKENS, Figures, Order, Peer, PeerError


def command(order: Order) -> Sequence[str]:
    return [
        f"{order.programs}/homebench", "run", "--models", order.case.model,
        "--provider", order.case.api, "--host", order.url, "--no-quality", "--speed-tokens", str(TOKENS),
        "--repeat", str(order.requests), "--no-warmup", "--no-unload", "--no-tui", "--no-save", "--no-cache",
        "--json", str(order.folder / "result.json"),
    ]  # fmt: skip


def read(order: Order) -> Figures:
    (report,) = json.loads((order.folder / "result.json").read_text())["reports"]
    if report["error"] or not report["speed"]:
        raise PeerError(f"it says: {report['error']}")
    speed = report["speed"]
    return Figures(ttft_ms=speed["ttft_s"] * 1000, rate=speed["tokens_per_sec"] or None)


PEER = Peer(
    "homebench",
    "homebench==0.11.0",
    frozenset({"openai", "ollama"}),
    command,
    read,
    silent={"itl_ms": "it tells rates only"},
)
