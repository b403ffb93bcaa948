"""One sample of everything, with its rates: two looks at the machine, some time apart."""

import time
from collections.abc import Callable

from llmtui.telemetry.base import Clock
from llmtui.telemetry.lanes import STALE_NS
from llmtui.telemetry.sample_lines import SamplerCommand, SamplerLine, Watch
from llmtui.telemetry.sampling import MakeLane, Sampler
from llmtui.telemetry.sources import Sources


def take_once(
    sources: Sources,
    *,
    between_s: float = 1.0,
    watch: Watch | None = None,
    clock: Clock = time.monotonic_ns,
    sleep: Callable[[float], None] = time.sleep,
    make_lane: MakeLane | None = None,
) -> list[SamplerLine]:
    """Return the hardware, the sample, and the processes of the watched server if there is one.

    Rates are those of the `between_s` seconds between the two looks. A driver that does not answer holds this up for
    three seconds at each look; its figures are then missing with that reason.
    """
    # The pace is also the period of the figures that are read every second: they must be due at the second look.
    sampler = Sampler(sources, clock=clock, make_lane=make_lane, interval_s=between_s, patience_s=STALE_NS / 1e9 + 0.5)
    if watch is not None:
        sampler.obey(SamplerCommand(watch=watch))
    sampler.prime()
    sleep(between_s)
    lines = sampler.take()
    sample = _together([line for line in lines if line.wall is not None])
    processes = [line for line in lines if line.processes is not None]
    return [sampler.hardware_line(), sample, *processes]


def _together(lines: list[SamplerLine]) -> SamplerLine:
    """Make one sample of several, the last of which is the newest."""
    values: dict[str, float] = {}
    missing: dict[str, str] = {}
    for line in lines:
        values.update(line.values)
        missing = {key: reason for key, reason in missing.items() if key not in line.values}
        for key, reason in line.missing.items():
            missing[key] = reason
            values.pop(key, None)
    last = lines[-1]
    return SamplerLine(monotonic_ns=last.monotonic_ns, wall=last.wall, values=values, missing=missing)
