"""llmtui: the medians of the figures in its log, as its own table shows them. Installed as its users install it."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from llmtui.events import Figures as LoggedFigures
from llmtui.events import RequestFinished
from llmtui.log.read import read_log
from llmtui.metrics.statistics import median
from peers.shape import TOKENS, Figures, Order, Peer, PeerError

ROOT = Path(__file__).resolve().parents[2]


def command(order: Order) -> Sequence[str]:
    return [
        f"{order.programs}/llmtui", "run", str(order.folder / "suite.yaml"), "--plain",
        "--url", order.url, "--model", order.case.model,
    ]  # fmt: skip


def prepare(order: Order) -> None:
    workload = {"kind": "generate", "name": "peers", "prompts": ["Write down the weather."], "max_tokens": TOKENS}
    workload["prompts"] = [f"Write down the weather of day {day + 1}." for day in range(order.requests)]
    suite = {"name": "peers", "warmup": 0, "workloads": [workload]}
    (order.folder / "suite.yaml").write_text(json.dumps(suite))


def environ(order: Order) -> Mapping[str, str]:
    return {f"LLMTUI_{name}": str(order.folder / name.lower()) for name in ("SESSIONS", "SETTINGS", "STATE", "CACHE")}


def read(order: Order) -> Figures:
    logs = sorted((order.folder / "sessions").rglob("*.jsonl"))
    if len(logs) != 1:
        raise PeerError(f"its run left {len(logs)} logs")
    finished = [event for event in read_log(logs[0], bulk=False).events if isinstance(event, RequestFinished)]
    figures = [event.figures for event in finished if event.status == "done" and event.figures is not None]
    if not figures:
        raise PeerError("no request of its run came to an end")
    return Figures(
        ttft_ms=_median_ms(figures, lambda figure: figure.ttft_ns),
        itl_ms=_median_ms(figures, lambda figure: figure.itl_p50_ns),
        rate=median([figure.decode_rate for figure in figures if figure.decode_rate is not None]),
    )


def _median_ms(figures: Sequence[LoggedFigures], pick: Callable[[LoggedFigures], float | None]) -> float | None:
    value = median([found for found in map(pick, figures) if found is not None])
    return None if value is None else value / 1e6


PEER = Peer("llmtui", str(ROOT), frozenset({"openai", "ollama"}), command, read, prepare, environ, average=median)
