"""servebench: its table of levels, written as CSV. TPOT is its rate's inverse, ITL the gap between two chunks."""

import csv
from collections.abc import Sequence
from statistics import median

from peers.shape import TOKENS, Figures, Order, Peer, PeerError


def command(order: Order) -> Sequence[str]:
    return [
        f"{order.programs}/servebench", "run", "--url", f"{order.url}/v1", "--model", order.case.model,
        "--concurrency", "1", "--num-requests", str(order.requests), "--warmup", "0",
        "--input-len", "16", "--output-len", str(TOKENS), "--no-gpu",
        "--out", str(order.folder / "run.json"), "--csv", str(order.folder / "levels.csv"),
    ]  # fmt: skip


def read(order: Order) -> Figures:
    with (order.folder / "levels.csv").open(newline="") as file:
        row = next(csv.DictReader(file), None)
    if row is None or int(row["completed"]) == 0:
        raise PeerError("no request of its run came to an end")
    return Figures(
        ttft_ms=float(row["ttft_p50_ms"]),
        itl_ms=float(row["itl_p50_ms"]) if row["itl_p50_ms"] else None,
        rate=1000 / float(row["tpot_p50_ms"]) if row["tpot_p50_ms"] else None,
    )


PEER = Peer("servebench", "servebench==1.1.3", frozenset({"openai"}), command, read, average=median)
