"""Whether the GPU had too little to do while requests ran on it, and why that is likely so.

Use is the share of time in which anything ran on the GPU, as its driver tells it. A server that decodes on a GPU keeps
it above 80 %, whatever the model; below that something else sets the pace, and the readings show what.
"""

import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from llmtui import wording
from llmtui.metrics.heat.evidence import Sample, name_of
from llmtui.metrics.heat.gpu_evidence import POWER, THERMAL, reason_words
from llmtui.metrics.heat.other_causes import FAULTS
from llmtui.metrics.heat.reading_history import as_bits
from llmtui.metrics.heat.thermal_evidence import AT_WORK_CORES, AT_WORK_PERCENT, LOADED_CPU

WELL_USED_PERCENT = 80.0

LEAST_READINGS = 5
"""Fewer readings of the use make no mean: each speaks for a second at most."""

SETTLES_NS = 1_000_000_000
"""A driver tells the use of the last second at most, so a reading that soon after a start also speaks of before it."""

DISK_RATE = 50e6
"""Bytes a second, on average: more than this is a model that is being read, and not a log that is written."""

OFTEN = 0.5
"""What holds the GPU down for half of the readings is a cause; any load touches its power limit in peaks."""

HELD = float(64 << 20)
"""Bytes of GPU memory that a server holds only when it means to compute there."""

Cause = Literal["disk", "split", "heat", "power", "processor", "waiting", "unknown"]

_PERCENT = re.compile(r"(gpu\.\d+)\.percent")


class LowUse(NamedTuple):
    """A GPU that had time to spare: the devices that took part, the mean use (%) of the busiest one, and why."""

    devices: tuple[str, ...]
    percent: float
    causes: tuple[Cause, ...]
    sentence: str


def low_gpu_use(samples: Iterable[Sample], requests: Iterable[tuple[int, int]]) -> LowUse | None:
    """Return why the GPU was used less than 80 % while requests ran on it. Never raises.

    None when it was used well, when nothing ran on a GPU, and when nothing can be said: no use was read, or too seldom.
    `requests` are the spans (ns) of the job's requests; samples outside of them do not count.
    """
    spans = _joined(requests)
    starts = [start for start, _ in spans]

    def counts(t_ns: int) -> bool:
        place = bisect_right(starts, t_ns - SETTLES_NS) - 1
        return place >= 0 and t_ns <= spans[place][1]

    within = [sample for sample in samples if counts(sample.t_ns)]
    used = _taking_part(_uses(within), within)
    if not used or max(used.values()) >= WELL_USED_PERCENT:
        return None
    devices = tuple(sorted(used, key=lambda device: (len(device), device)))
    causes = tuple(_causes(within, used))
    busiest = max(devices, key=lambda device: used[device])
    why = "; ".join(words for _, words in causes)
    head = f"{name_of(busiest)} was used only {used[busiest]:.0f} % of the time while requests ran"
    return LowUse(devices, used[busiest], tuple(cause for cause, _ in causes), f"{head}: {why}")


def _joined(requests: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans that lie so close together that no reading can tell them apart as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(span for span in requests if span[0] <= span[1]):
        if found and start - found[-1][1] <= SETTLES_NS:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _values(samples: Iterable[Sample], key: str) -> list[float]:
    return [value for sample in samples if (value := sample.values.get(key)) is not None and math.isfinite(value)]


def _mean(samples: Iterable[Sample], key: str) -> float | None:
    values = _values(samples, key)
    return sum(values) / len(values) if values else None


def _uses(samples: Sequence[Sample]) -> dict[str, float]:
    """Return the mean use of each GPU that was read often enough."""
    devices = {found[1] for sample in samples for key in sample.values if (found := _PERCENT.fullmatch(key))}
    uses = {}
    for device in devices:
        use = _mean(samples, f"{device}.percent")
        if use is not None and len(_values(samples, f"{device}.percent")) >= LEAST_READINGS:
            uses[device] = use
    return uses


def _taking_part(uses: dict[str, float], samples: Sequence[Sample]) -> dict[str, float]:
    """Return the GPUs on which requests ran: those in use, else those whose memory the server holds."""
    found = {device: use for device, use in uses.items() if use >= AT_WORK_PERCENT}
    held = _mean(samples, "server.memory.gpu")
    return found or (uses if held is not None and held >= HELD else {})


def _causes(samples: Sequence[Sample], used: dict[str, float]) -> list[tuple[Cause, str]]:
    """Return what the readings show, in words; what remains is that the GPU waits for requests."""
    found: list[tuple[Cause, str]] = []
    disk, faults = _mean(samples, "disk.read.rate"), _mean(samples, "memory.faults.rate")
    if (disk is not None and disk >= DISK_RATE) or (faults is not None and faults >= FAULTS):
        rate = f" at {wording.size(disk)}/s" if disk is not None and disk >= DISK_RATE else " page by page"
        found.append(("disk", f"the model was still being read from the disk{rate}; warm it up longer"))
    found += [limit for device in sorted(used) for limit in _limits(samples, device)]
    cores, percent = _mean(samples, "server.cpu"), _mean(samples, "cpu.percent")
    if cores is not None and cores >= AT_WORK_CORES:
        found.append(("processor", f"the server kept {wording.number(cores)} cores busy: {_ON_PROCESSOR}"))
    elif cores is None and percent is not None and percent >= LOADED_CPU:
        found.append(("processor", f"the processor was busy ({percent:.0f} %): {_ON_PROCESSOR}"))
    if not found and len(used) > 1 and sum(used.values()) >= WELL_USED_PERCENT:
        found.append(("split", f"{len(used)} GPUs took turns: a model that is split by layers uses one at a time"))
    if not found and cores is None and percent is None:
        found.append(("unknown", "why can't be told, since the load of the processor can't be read"))
    return found or [("waiting", _WAITING)]


_ON_PROCESSOR = "layers or sampling run on the processor; give all layers to the GPU (llama.cpp: `-ngl 99`)"
_WAITING = (
    "the processor was not busy either, so the GPU waited for work: "
    "short prompts or too few requests at once; longer answers or more of them fill it"
)


def _limits(samples: Sequence[Sample], device: str) -> list[tuple[Cause, str]]:
    """Return the limits that a GPU named in half of its readings."""
    bits = [as_bits(value) or 0 for value in _values(samples, f"{device}.throttle.reasons")]
    found: list[tuple[Cause, str]] = []
    causes: tuple[tuple[Cause, int], ...] = (("heat", THERMAL), ("power", POWER))
    for cause, mask in causes:
        held = [value & mask for value in bits if value & mask]
        if bits and len(held) >= OFTEN * len(bits):
            found.append((cause, f"{name_of(device)} was held down by: {reason_words(max(held))}"))
    return found
