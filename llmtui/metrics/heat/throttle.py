"""The verdict of a run: whether heat slowed it, or something else, or nothing, and what that rests on.

Hard evidence (a device that says so itself) comes before clock and temperature, and those before the rate: a rate that
falls is never blamed on heat by itself. Where nothing could be read the verdict is "unknown", and never a pass.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from llmtui import wording
from llmtui.metrics.heat.decline import Decline
from llmtui.metrics.heat.device_verdict import DeviceJudge, DeviceVerdict
from llmtui.metrics.heat.evidence import Sample
from llmtui.metrics.heat.gpu_evidence import reason_words
from llmtui.metrics.heat.thermal_evidence import EvidenceWatch
from llmtui.metrics.heat.throttle_tally import ThrottleTally

VerdictKind = Literal[
    "thermal throttling",
    "hardware slowdown",
    "likely thermal",
    "slowed, other cause",
    "slowed, cause unknown",
    "power limited",
    "not throttled",
    "unknown",
]
"""hardware slowdown: a device says that it was slowed, but not that heat is why, and it was not hot."""


@dataclass(frozen=True, slots=True)
class ThrottleVerdict:
    """The verdict of a run: its kind, one sentence, the evidence in words (other causes first), and each device's own.

    `carrying` are the devices that carried the load; `heat_judged` is False where one of them can't be judged.
    `onset_ns` and `degrees` (°C) are when and at which temperature heat began to slow it; None where it did not.
    """

    kind: VerdictKind
    sentence: str
    evidence: tuple[str, ...]
    devices: tuple[DeviceVerdict, ...]
    heat_judged: bool
    onset_ns: int | None = None
    degrees: float | None = None
    carrying: tuple[str, ...] = ()


def judge_throttling(
    samples: Iterable[Sample],
    loaded: Sequence[tuple[int, int]],
    decline: Decline | None = None,
    other_causes: Iterable[str] = (),
    blind: str | None = None,
) -> ThrottleVerdict:
    """Judge a run. Never raises, whatever the samples are.

    Args:
        samples: All samples of the run in their order, best from before the load on: what a device says while it idles
            tells which of its bits are stuck.
        loaded: The spans (ns) in which requests were under way, in their order.
        decline: What the rate did, if that is known.
        other_causes: What the caller knows of other causes (the context grew, a batch changed), in words.
        blind: Why the samples can't speak for the server (it runs on another machine), if so.
    """
    watch, tally = EvidenceWatch(), ThrottleTally()
    spans = _merged(loaded)
    starts = [start for start, _ in spans]
    for sample in samples:
        place = bisect_right(starts, sample.t_ns) - 1
        evidence = watch.take(sample, in_flight=place >= 0 and sample.t_ns <= spans[place][1])
        # Another program's load before and after is none of this run's.
        if spans and starts[0] <= sample.t_ns <= spans[-1][1]:
            tally.add(evidence)
    span_s = sum(end - start for start, end in spans) / 1e9
    return verdict_of(tally, watch, max(tally.loaded_s, span_s), decline, other_causes=other_causes, blind=blind)


def _merged(loaded: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans that may overlap (requests side by side) as spans that don't."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(span for span in loaded if span[0] <= span[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def verdict_of(
    tally: ThrottleTally,
    watch: EvidenceWatch,
    loaded_s: float,
    decline: Decline | None = None,
    *,
    other_causes: Iterable[str] = (),
    blind: str | None = None,
) -> ThrottleVerdict:
    """Return the verdict of what was taken so far; the arguments are those of `judge_throttling`."""
    declined = decline is not None and decline.declined is True
    devices = () if blind is not None else _devices(tally, watch, loaded_s, declined=declined)
    carrying = [verdict for verdict in devices if verdict.device in tally.at_work()] or list(devices)
    others = (*map(wording.visible, other_causes), *(() if blind is not None else tally.other))
    kind, mains = _choose(devices, carrying, declined=declined, others=bool(others))
    evidence = [f"other cause: {words}" for words in others]
    for verdict in devices:
        evidence += verdict.evidence or (verdict.sentence,)
    if kind == "slowed, other cause":
        about = " and ".join(others)
    elif mains:
        about = "; ".join(verdict.sentence for verdict in mains)
    else:
        about = _about_heat(carrying, blind)
    if decline is not None:
        evidence.append(decline.sentence)
        about += f"; {decline.sentence}"
    heated = mains if kind in ("thermal throttling", "hardware slowdown", "likely thermal") else ()
    onset = min((verdict for verdict in heated if verdict.onset_ns is not None), key=_onset, default=None)
    return ThrottleVerdict(
        kind=kind,
        sentence=f"{kind.capitalize()}: {about}",
        evidence=tuple(dict.fromkeys(evidence)),
        devices=devices,
        heat_judged=bool(carrying) and all(verdict.kind != "unknown" for verdict in carrying),
        onset_ns=onset.onset_ns if onset is not None else None,
        degrees=onset.degrees if onset is not None else None,
        carrying=tuple(verdict.device for verdict in carrying),
    )


def _onset(verdict: DeviceVerdict) -> int:
    return verdict.onset_ns or 0


def _devices(
    tally: ThrottleTally, watch: EvidenceWatch, loaded_s: float, *, declined: bool
) -> tuple[DeviceVerdict, ...]:
    names = tuple(dict.fromkeys((*tally.devices(), *sorted(tally.at_work()))))
    stuck = {device: reason_words(bits) for device in names if (bits := watch.stuck(device))}
    judge = DeviceJudge(tally, loaded_s, watch.missing, stuck, declined=declined)
    return tuple(judge.judge(device) for device in names)


def _choose(
    devices: Sequence[DeviceVerdict], carrying: Sequence[DeviceVerdict], *, declined: bool, others: bool
) -> tuple[VerdictKind, tuple[DeviceVerdict, ...]]:
    """Return the kind of the run's verdict, and the devices that it is about."""

    def of(kind: VerdictKind, among: Sequence[DeviceVerdict]) -> tuple[DeviceVerdict, ...]:
        return tuple(verdict for verdict in among if verdict.kind == kind)

    # Any server needs the processor and the board; a GPU at which others work is none of its.
    needed = [verdict for verdict in devices if verdict in carrying or not verdict.device.startswith("gpu.")]
    thermal, hardware = of("thermal throttling", needed), of("hardware slowdown", needed)
    likely, limited = of("likely thermal", needed), of("power limited", carrying)
    order: tuple[tuple[bool, VerdictKind, tuple[DeviceVerdict, ...]], ...] = (
        (bool(thermal), "thermal throttling", thermal),
        (bool(hardware), "hardware slowdown", hardware),
        (declined and others, "slowed, other cause", ()),
        (bool(likely), "likely thermal", likely),
        (declined, "slowed, cause unknown", ()),
        (bool(limited), "power limited", limited),
        (not carrying or bool(of("unknown", carrying)), "unknown", ()),
        (True, "not throttled", ()),
    )
    return next((kind, found) for holds, kind, found in order if holds)


def _about_heat(carrying: Sequence[DeviceVerdict], blind: str | None) -> str:
    """Return what is known of heat where no device was slowed by it."""
    unknown = [verdict.sentence for verdict in carrying if verdict.kind == "unknown"]
    if blind is not None:
        unknown = [wording.visible(blind)]
    elif not carrying:
        unknown = ["there are no readings under load"]
    if unknown:
        return f"heat can't be judged ({'; '.join(unknown)})"
    return "; ".join(verdict.sentence for verdict in carrying)
