"""ollama-profiler, a Go program: the JSON of its runs, rates by Ollama's own counters. No inter-token latency."""

import json
from collections.abc import Sequence
from statistics import fmean

from peers.shape import TOKENS, Figures, Order, Peer, PeerError


def command(order: Order) -> Sequence[str]:
    return [
        f"{order.programs}/ollama-profiler", order.case.model, "--url", order.url,
        "--runs", str(order.requests), "--num-predict", str(TOKENS), "--no-per-run",
        "--json", str(order.folder / "result.json"),
    ]  # fmt: skip


def read(order: Order) -> Figures:
    runs = json.loads((order.folder / "result.json").read_text())["results"][order.case.model]
    if not runs:
        raise PeerError("no request of its run came to an end")
    rates = [run["eval_rate"] for run in runs if run["eval_rate"]]
    return Figures(ttft_ms=fmean(run["ttft_ms"] for run in runs), rate=fmean(rates) if rates else None)


PEER = Peer(
    "ollama-profiler",
    "ollama-profiler==0.4.0",
    frozenset({"ollama"}),
    command,
    read,
    silent={"itl_ms": "it tells rates only"},
)
