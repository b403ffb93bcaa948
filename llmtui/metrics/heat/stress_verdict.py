"""What a stress run says: throttling, swapping, the decline of the rate, the steady state and the recovery."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from llmtui import wording
from llmtui.events import Criterion
from llmtui.metrics.heat.decline import CHANCE, DEEP, DEEP_SHARE, Decline, judge_decline
from llmtui.metrics.heat.evidence import Sample
from llmtui.metrics.heat.reading_history import HELD_S
from llmtui.metrics.heat.settling import settling, steady_since
from llmtui.metrics.heat.throttle import ThrottleVerdict, judge_throttling
from llmtui.metrics.statistics import median

SWAPPED_IN = 16 * 1024 * 1024
"""Bytes that may come back from the swap over a whole run: less is what any idle machine fetches now and then."""

RECOVERED_C = 5.0
"""A device has recovered when it is within so many degrees of what it was before the load."""

_HEAT_KINDS = frozenset({"thermal throttling", "hardware slowdown", "likely thermal"})
_TEMPERATURE = re.compile(r"(cpu|gpu\.\d+)\.temperature")


class Record(NamedTuple):
    """One interval [start, end) of the run (ns): its decode rate, and the least, mean and greatest of each figure."""

    start: int
    end: int
    decode_rate: float | None
    figures: Mapping[str, tuple[float, float, float]]


class StressVerdict(NamedTuple):
    """The verdict in a word, a sentence, its evidence, and the criteria that are not about a temperature's height.

    `carrying` are the devices that carried the load, as far as that can be told.
    """

    verdict: str
    sentence: str
    evidence: tuple[str, ...]
    criteria: tuple[Criterion, ...]
    carrying: tuple[str, ...] = ()


def judge_stress(  # noqa: PLR0917 - what was measured, when, and by which measure
    samples: Sequence[Sample],
    records: Sequence[Record],
    began_ns: int,
    ended_ns: int,
    max_decline: float,
    blind: str | None = None,
) -> StressVerdict:
    """Judge a run that held its load from `began_ns` to `ended_ns`; `samples` go on through the cool-down.

    `blind` is why the samples can't speak for the server, if they can't.
    """
    rates = [((record.start + record.end) // 2, record.decode_rate) for record in records]
    decline = judge_decline(rates)
    throttling = judge_throttling(samples, [(began_ns, ended_ns)], decline, blind=blind)
    return StressVerdict(
        throttling.kind,
        throttling.sentence,
        (*throttling.evidence, *_course(() if blind else samples, records, throttling, began_ns, ended_ns)),
        (_throttling_criterion(throttling), _swap_criterion(samples, blind), _rate_criterion(decline, max_decline)),
        throttling.carrying,
    )


def _throttling_criterion(found: ThrottleVerdict) -> Criterion:
    name = "throttling"
    if found.kind in _HEAT_KINDS:
        return Criterion(name=name, passed=False, text=found.kind)
    if not found.heat_judged:
        return Criterion(name=name, passed=None, text="not evaluated: nothing here tells whether heat slows it")
    return Criterion(name=name, passed=True, text="no device was slowed by heat")


def _swap_criterion(samples: Sequence[Sample], blind: str | None) -> Criterion:
    points = [(sample.t_ns, sample.values["swap.in.rate"]) for sample in samples if "swap.in.rate" in sample.values]
    if len(points) < 2 or blind is not None:  # noqa: PLR2004 - a rate speaks for the time since the one before
        return Criterion(name="swap", passed=None, text=f"not evaluated: {blind or 'the swap can not be read here'}")
    swapped = sum(rate * (t - before) / 1e9 for (before, _), (t, rate) in pairwise(points) if t > before)
    text = f"{wording.size(swapped)} came back from the swap"
    return Criterion(name="swap", passed=swapped < SWAPPED_IN, text=text)


def _rate_criterion(decline: Decline, most: float) -> Criterion:
    if decline.declined is None:
        return Criterion(name="rate", passed=None, text=decline.sentence)
    change, p, low_share = decline.change or 0.0, decline.p, decline.low_share or 0.0
    fell = change < -most and p is not None and p < CHANCE
    spells = low_share > DEEP_SHARE and most < DEEP
    text = f"{decline.sentence}; allowed is a fall of {wording.percent(most)}"
    return Criterion(name="rate", passed=not (fell or spells), text=text)


def _course(
    samples: Sequence[Sample], records: Sequence[Record], found: ThrottleVerdict, began_ns: int, ended_ns: int
) -> Iterator[str]:
    """Yield how the run went: time to throttle, steady state, temperatures, recovery."""
    if found.onset_ns is not None:
        at = f" at {found.degrees:.0f} °C" if found.degrees is not None else ""
        yield f"time to throttle: {wording.clock(found.onset_ns - began_ns)}{at}"
    rates = [((record.start + record.end) // 2, record.decode_rate) for record in records]
    heats = _temperatures(samples)
    hottest = max(heats.values(), key=lambda points: max(value for _, value in points), default=[])
    settled = settling(rates, hottest)
    last = median([rate for _, rate in rates[-10:] if rate is not None])
    since = steady_since(rates, hottest)
    after = f", steady since {wording.clock(since - began_ns)}" if since is not None else ""
    yield f"rate at the end: {wording.rate(last)} tok/s{after} ({settled.sentence})"
    for device, points in heats.items():
        yield from _recovery(device, points, began_ns, ended_ns)


def _temperatures(samples: Sequence[Sample]) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for sample in samples:
        for key, value in sample.values.items():
            if match := _TEMPERATURE.fullmatch(key):
                found.setdefault(match[1], []).append((sample.t_ns, value))
    return found


def _recovery(device: str, points: Sequence[tuple[int, float]], began_ns: int, ended_ns: int) -> Iterator[str]:
    """Yield how hot a device was and how fast it cooled once the load was off."""
    name = device.replace(".", " ").upper()
    before = [value for t, value in points if t <= began_ns] or [points[0][1]]
    during = [(t, value) for t, value in points if began_ns <= t <= ended_ns]
    after = [(t, value) for t, value in points if t > ended_ns]
    if during:
        last_ns, last = during[-1]
        fresh = ended_ns - last_ns <= HELD_S * 1e9
        when = "at the end" if fresh else f"when it was read last, {wording.clock(last_ns - began_ns)} into the load"
        most = max(value for _, value in during)
        yield f"{name}: {before[-1]:.0f} °C before, {most:.0f} °C at most, {last:.0f} °C {when}"
    if after:
        cool = next((t for t, value in after if value <= before[-1] + RECOVERED_C), None)
        if cool is not None:
            yield f"{name}: recovered within {wording.clock(cool - ended_ns)}"
        else:
            yield f"{name}: still {after[-1][1]:.0f} °C after {wording.clock(after[-1][0] - ended_ns)} of cool-down"
