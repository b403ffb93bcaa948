"""The spans of a session in which heat slowed a device, as the samples told it one after the other. Pure."""

from typing import NamedTuple

from llmtui.metrics.heat.reading_history import HELD_S

HELD_NS = int(HELD_S * 1e9)
"""A device that was slowed and then says nothing for longer is not known to be slowed any more."""


class HeatSpan(NamedTuple):
    """From `start_ns`, when it was first seen, to `end_ns`, when it was last seen or seen to be over."""

    start_ns: int
    end_ns: int
    over: bool = False


def note_heat(spans: list[HeatSpan], t: int, *, slowed: bool) -> None:
    """Add to `spans` what a sample at `t` (ns, never before the one before it) says."""
    last = spans[-1] if spans and not spans[-1].over else None
    if last is not None and t - last.end_ns > HELD_NS:
        spans[-1] = last._replace(over=True)
        last = None
    if last is not None:
        spans[-1] = HeatSpan(last.start_ns, t, over=not slowed)
    elif slowed:
        spans.append(HeatSpan(t, t))
