"""aiperf's records, one a line (`profile_export.jsonl`, version 0.13.0), as a run.

A record has no texts, no model and no address. Moments are of the wall clock, latencies of a monotonic one.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

import msgspec

from llmtui.events import Usage
from llmtui.log.imported import UNKNOWN_MODEL, ImportedChunk, ImportedJob, ImportedRequest, ImportedRun

TOOL = "aiperf"
TARGET = "unknown server"
NO_END = "the imported log does not say whether its run was whole"

LATEST_NS = 4 * 10**18
"""Nanoseconds since 1970, the year 2096: a later moment is none."""

LONGEST_NS = 10**15
LARGEST_COUNT = 2**53

_UNITS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "sec": 1e9, "s": 1e9}
"""Nanoseconds in each unit of time that a record may name."""


class AiperfValue(msgspec.Struct, frozen=True):
    """A figure with its unit."""

    value: float | list[float] | None = None
    unit: str = ""


class AiperfError(msgspec.Struct, frozen=True):
    """Why a request failed."""

    message: str = ""
    type: str | None = None
    code: int | None = None


class AiperfMetadata(msgspec.Struct, frozen=True):
    """When and as what a request ran; `*_ns` are nanoseconds of the wall clock."""

    request_start_ns: int
    request_end_ns: int
    credit_issued_ns: int | None = None
    x_request_id: str | None = None
    benchmark_phase: str = "profiling"
    phase_name: str | None = None
    profiling_index: int | None = None
    was_cancelled: bool = False

    def __post_init__(self) -> None:
        """Refuse moments that can't be; the line counts as one that can't be read."""
        moments = (self.request_start_ns, self.request_end_ns, self.credit_issued_ns or 0)
        if not all(0 <= moment < LATEST_NS for moment in moments):
            raise ValueError("a moment that can't be")


class AiperfRecord(msgspec.Struct, frozen=True):
    """One line."""

    metadata: AiperfMetadata
    metrics: dict[str, AiperfValue]
    error: AiperfError | None = None


def read_aiperf(records: Iterable[AiperfRecord], model: str | None = None) -> ImportedRun | None:
    """Return the run that the records tell of; None without any. `model` is what they do not say."""
    known = sorted(records, key=lambda record: record.metadata.request_start_ns)
    if not known:
        return None
    origin_ns = min(_due_ns(record.metadata) for record in known)
    phases: dict[int, list[AiperfRecord]] = {}
    warm_up = [record for record in known if record.metadata.benchmark_phase == "warmup"]
    for record in known:
        if record.metadata.benchmark_phase != "warmup":
            phases.setdefault(record.metadata.profiling_index or 0, []).append(record)
    # Warm-ups belong to the first phase; without one they still ran.
    first = min(phases, default=0)
    phases[first] = sorted([*warm_up, *phases.get(first, [])], key=lambda record: record.metadata.request_start_ns)
    return ImportedRun(
        tool=TOOL,
        version=None,
        opened_at=datetime.fromtimestamp(origin_ns / 1e9, UTC),
        jobs=[_job(phases[place], origin_ns, model or UNKNOWN_MODEL) for place in sorted(phases)],
        targets={TARGET: None},
        outcome="completed",
        reason=NO_END,
    )


def _job(records: list[AiperfRecord], origin_ns: int, model: str) -> ImportedJob:
    names = [record.metadata.phase_name for record in records if record.metadata.benchmark_phase != "warmup"]
    return ImportedJob(
        workload=next((name for name in names if name), "profiling"),
        model=model,
        target=TARGET,
        iteration=1,
        parameters={},
        requests=[_request(record, origin_ns) for record in records],
    )


def _request(record: AiperfRecord, origin_ns: int) -> ImportedRequest:
    metadata = record.metadata
    sent_ns = metadata.request_start_ns - origin_ns
    ttft_ns, e2e_ns = _time(record, "time_to_first_token"), _time(record, "request_latency")
    answer_ns = _time(record, "time_to_first_output_token")
    gaps = _times(record, "inter_chunk_latency")
    offsets = [] if ttft_ns is None else [ttft_ns + round(passed) for passed in (0.0, *accumulate(gaps))]
    own: dict[str, Any] = {name: value for name, value in (("ttft_answer_ns", answer_ns), ("e2e_ns", e2e_ns)) if value}
    usage = _usage(record)
    failed = record.error is not None
    return ImportedRequest(
        due_ns=_due_ns(metadata) - origin_ns,
        sent_ns=sent_ns,
        end_ns=metadata.request_end_ns - origin_ns,
        chunks=[ImportedChunk(sent_ns + at, reasoning=answer_ns is not None and at < answer_ns) for at in offsets],
        status="cancelled" if metadata.was_cancelled else "failed" if failed else "done",
        warmup=metadata.benchmark_phase == "warmup",
        problem=record.error.message if record.error else "it was cancelled" if metadata.was_cancelled else None,
        problem_kind=record.error.type if record.error else None,
        usage=usage,
        tokenizer_count=_count(record, "output_sequence_length"),
        own=own,
        unsaid=_unsaid(own, offsets, gaps),
        notes=_notes(record, usage),
        options={"x_request_id": metadata.x_request_id} if metadata.x_request_id else {},
    )


def _unsaid(own: dict[str, Any], offsets: list[int], gaps: list[float]) -> tuple[str, ...]:
    """Return what can't be told: without its moments nothing of the stream, without its gaps nothing between chunks."""
    between = (
        "decode_rate",
        "tpot_ns",
        *(f"itl_{part}" for part in ("p50_ns", "p95_ns", "p99_ns", "max_ns", "cv", "basis")),
    )
    names = [name for name in ("ttft_answer_ns", "e2e_ns") if name not in own]
    if not offsets:
        names += ["ttft_ns", *between]
    elif not gaps:
        names += between
    return tuple(names)


def _notes(record: AiperfRecord, usage: Usage) -> tuple[str, ...]:
    notes = []
    connecting = _time(record, "http_req_connecting")
    if connecting:
        notes.append(f"aiperf's latencies include the {connecting / 1e6:.1f} ms in which the connection was opened")
    if usage.completion_tokens is None and _count(record, "output_sequence_length") is not None:
        notes.append("tokens were counted by the tokenizer that aiperf was given, which may not be the model's")
    return tuple(notes)


def _usage(record: AiperfRecord) -> Usage:
    return Usage(
        prompt_tokens=_count(record, "usage_prompt_tokens"),
        completion_tokens=_count(record, "usage_completion_tokens"),
        reasoning_tokens=_count(record, "usage_reasoning_tokens"),
        cached_tokens=_count(record, "usage_prompt_cache_read_tokens"),
    )


def _due_ns(metadata: AiperfMetadata) -> int:
    due = metadata.credit_issued_ns
    return metadata.request_start_ns if due is None else min(due, metadata.request_start_ns)


def _time(record: AiperfRecord, name: str) -> int | None:
    """Return a figure in nanoseconds; None where it is not there, can't be, or is in a unit that is none of time."""
    times = _times(record, name)
    return round(times[0]) if len(times) == 1 else None


def _times(record: AiperfRecord, name: str) -> list[float]:
    figure = record.metrics.get(name)
    scale = _UNITS.get(figure.unit) if figure else None
    if figure is None or scale is None or figure.value is None:
        return []
    values = [value * scale for value in (figure.value if isinstance(figure.value, list) else [figure.value])]
    return values if all(value >= 0 for value in values) and sum(values) < LONGEST_NS else []


def _count(record: AiperfRecord, name: str) -> int | None:
    figure = record.metrics.get(name)
    value = figure.value if figure else None
    return round(value) if isinstance(value, int | float) and 0 <= value < LARGEST_COUNT else None
