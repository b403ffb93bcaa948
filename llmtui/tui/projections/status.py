"""The line at the top: what session this is, how far it is, and how much the instrument itself costs."""

from typing import Literal

from llmtui import wording
from llmtui.state.session import SessionState
from llmtui.tui.projections.queue import remaining_ns

Link = Literal["live", "replay", "cut", "over"]


def status_parts(state: SessionState, link: Link, bytes_per_s: float) -> list[str]:
    """Return the parts of the status line, the most important first, so that a narrow terminal shows those."""
    name = state.header.name if state.header else "session"
    parts = [wording.visible(name), _link_word(state, link), wording.clock(state.now_ns)]
    if any(state.jobs[name].client_bound for name in state.running_jobs):
        parts.insert(1, "CLIENT-BOUND")
    if state.paused:
        parts.insert(1, "QUEUE PAUSED")
    ended = sum(job.finished_ns is not None for job in state.jobs.values())
    if state.jobs:
        parts.append(f"job {min(ended + 1, len(state.jobs))} of {len(state.jobs)}")
    left = remaining_ns(state)
    if left is not None and not state.finished and link == "live" and state.jobs:
        parts.append(f"ETA {wording.clock(left)}")
    if state.own_use is not None:
        own = (
            state.own_use.engine_cpu
            + (state.own_use.sampler_cpu or 0)
            + sum(viewer.cpu for viewer in state.live_viewers)
        )
        parts.append(f"own CPU {own:.0f} %")
        if state.own_use.lag_p99_ns is not None:
            parts.append(f"lag p99 {wording.duration(state.own_use.lag_p99_ns)}")
    parts.append(f"{bytes_per_s / 1000:.0f} kB/s")
    return parts


def _link_word(state: SessionState, link: Link) -> str:
    if link == "cut":
        return "CUT: the engine is gone"
    if state.outcome is not None:
        return state.outcome
    return link


def hardware_strip(state: SessionState) -> str:
    """Return the hardware in one line, for a terminal that shows one pane at a time."""
    parts = []
    for label, key, unit in (
        ("CPU", "cpu.percent", "%"),
        ("RAM", "ram.used", "B"),
        ("GPU", "gpu.0.percent", "%"),
        ("", "gpu.0.temperature", "°C"),
        ("", "gpu.0.power", "W"),
        ("server", "server.cpu", "cores"),
    ):
        series = state.readings.get(key)
        value = series.last() if series is not None else None
        if value is not None:
            parts.append(f"{label} {wording.reading(value, unit)}".strip())
    return "  ".join(parts) or "no hardware reading yet"
