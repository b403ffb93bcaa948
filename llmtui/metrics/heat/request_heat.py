"""The heat tag of one request: whether its figures are those of a healthy machine."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from llmtui import wording
from llmtui.metrics.heat.evidence import BOARD, SampleEvidence, name_of
from llmtui.metrics.heat.reading_history import HELD_S

AT_WORK_SHARE = 1 / 3
"""A device that works in fewer of the samples does not carry the request."""

HeatTag = Literal["clean", "warm", "throttled", "unknown"]


class RequestHeat(NamedTuple):
    """The tag of a request, and why it is not "clean". Warm means: near a limit of temperature, but not slowed."""

    tag: HeatTag
    reason: str | None = None


def request_heat(
    evidence: Sequence[SampleEvidence], start_ns: int, end_ns: int, missing: Mapping[str, str] | None = None
) -> RequestHeat:
    """Return the tag of the request from `start_ns` to `end_ns`. Never raises.

    Throttled: a device says so, once is enough, or its clock is low at its limit of temperature. Clean needs a word of
    every device that carried the request, or its clock and temperature. A power limit is no heat.

    Args:
        evidence: What the samples said, in their order, from five seconds before the request to five after it. Short
            requests fall between two samples; then the nearest ones speak, and what a counter grew is told by the next.
        start_ns: When the request was sent.
        end_ns: When it ended.
        missing: The reasons for figures that can't be read, by key (`EvidenceWatch.missing`).
    """
    inside = [one for one in evidence if start_ns <= one.t_ns <= end_ns]
    before = [one for one in evidence if start_ns - HELD_S * 1e9 <= one.t_ns < start_ns]
    after = [one for one in evidence if end_ns < one.t_ns <= end_ns + HELD_S * 1e9]
    near = inside or [*before[-1:], *after[:1]]
    if not near:
        return RequestHeat("unknown", "no sample was taken while it ran")
    carriers = _carriers([*near, *after[:1]] if inside else near)
    relevant = {*carriers, "cpu", BOARD}
    spoke = {device: _of_device(device, inside, before, after) for device in relevant}
    reason = _throttled(spoke, after)
    if reason is not None:
        return RequestHeat("throttled", reason)
    for device in sorted(carriers):
        if not _was_asked(device, spoke):
            return RequestHeat("unknown", _why(device, missing or {}))
    for device, samples in sorted(spoke.items()):
        words = [
            finding.words
            for one in samples
            for finding in one.findings
            if _is_warm(device, finding.device, finding.kind)
        ]
        if words:
            return RequestHeat("warm", f"{name_of(device)}: {words[-1]}")
    return RequestHeat("clean")


def _carriers(samples: Sequence[SampleEvidence]) -> set[str]:
    devices = {device for one in samples for device in one.at_work}
    found = {d for d in devices if sum(d in one.at_work for one in samples) >= AT_WORK_SHARE * len(samples)}
    gpus = devices - {"cpu"}
    # The use of a GPU is told with a delay, and until then the processor seems to do the work.
    if gpus and not any("cpu" in one.at_work and one.at_work & gpus for one in samples):
        return gpus
    return found


def _of_device(
    device: str, inside: Sequence[SampleEvidence], before: Sequence[SampleEvidence], after: Sequence[SampleEvidence]
) -> list[SampleEvidence]:
    """Return the samples that speak for a device: those in the request, else the last before and the first after."""

    def asked(samples: Iterable[SampleEvidence]) -> list[SampleEvidence]:
        return [one for one in samples if any(name == device for name, _ in one.observed)]

    return asked(inside) or [*asked(before)[-1:], *asked(after)[:1]]


def _throttled(spoke: Mapping[str, Sequence[SampleEvidence]], after: Sequence[SampleEvidence]) -> str | None:
    for device, samples in sorted(spoke.items()):
        found = [finding for one in samples for finding in one.findings if finding.device == device]
        # The next reading of a counter holds the end of the request too.
        found += [f for one in after[:1] for f in one.findings if f.device == device and f.counted]
        slowed = [finding for finding in found if finding.kind in ("thermal", "hardware")]
        if slowed:
            return f"{name_of(device)}: {slowed[0].words}"
        kinds = {finding.kind for finding in found}
        if {"clock", "hot"} <= kinds and not _says(device, spoke):
            return f"{name_of(device)}: its clock was low at its limit of temperature"
    return None


def _says(device: str, spoke: Mapping[str, Sequence[SampleEvidence]]) -> bool:
    """Whether a device, or its board, can say itself that it is slowed."""
    return any((name, "hard") in one.observed for name in (device, BOARD) for one in spoke.get(name, ()))


def _was_asked(device: str, spoke: Mapping[str, Sequence[SampleEvidence]]) -> bool:
    sources = {source for one in spoke.get(device, ()) for name, source in one.observed if name == device}
    return _says(device, spoke) or {"clock", "heat"} <= sources


def _is_warm(device: str, of: str, kind: str) -> bool:
    return of == device and kind in ("warm", "hot")


def _why(device: str, missing: Mapping[str, str]) -> str:
    figures = ("throttle.reasons", "throttle.time", "temperature")
    reason = next((missing[key] for figure in figures if (key := f"{device}.{figure}") in missing), None)
    text = wording.visible(reason) if reason else "nothing was read that tells of throttling"
    return f"{name_of(device)}: {text}"
