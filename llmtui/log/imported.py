"""A run of another tool as events of a session: what its log says, and "does not say" for all the rest.

Times count from the first moment that the log names. Figures are computed from those times by the definitions of
`llmtui.events.Figures` or are the tool's own; either way their source is "imported".
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from llmtui import __version__
from llmtui import events as ev
from llmtui.metrics.latency import measure
from llmtui.metrics.token_count import Arrival

UNSAID = "the imported log does not say"
SOURCE = "imported"
BATCH_NS = 50_000_000
UNKNOWN_MODEL = "unknown model"

_SERVERS_OWN = ("prefill_rate", "server_decode_rate")
"""No tool writes down the server's own times."""


class ImportedChunk(NamedTuple):
    """A chunk with text, which may be unknown. `tokens_stated` is the server's running count, where the log has it."""

    at_ns: int
    text: str = ""
    reasoning: bool = False
    tokens_stated: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRequest:
    """One request. `end_ns` None: the log ends before it. `own` are figures that the tool states itself.

    `unsaid` names figures that can't be computed from what the log says; `tokenizer_count` is a count by the tool.
    """

    due_ns: int
    sent_ns: int
    end_ns: int | None
    chunks: Sequence[ImportedChunk] = ()
    status: ev.RequestStatus = "done"
    warmup: bool = False
    problem: str | None = None
    problem_kind: str | None = None
    usage: ev.Usage | None = None
    tokenizer_count: int | None = None
    connect_ns: int | None = None
    own: dict[str, Any] = field(default_factory=dict)
    unsaid: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


class ImportedJob(NamedTuple):
    """Requests that belong together: one repetition of one workload."""

    workload: str
    model: str
    target: str
    iteration: int
    parameters: dict[str, Any]
    requests: list[ImportedRequest]
    load: ev.OfferedLoad | None = None


class ImportedRun(NamedTuple):
    """A whole log of another tool. `targets` are URLs by name; None where the log does not say."""

    tool: str
    version: str | None
    opened_at: datetime
    jobs: list[ImportedJob]
    targets: dict[str, str | None]
    outcome: ev.SessionOutcome
    reason: str | None
    notices: tuple[str, ...] = ()


def events_of(run: ImportedRun, session: str) -> list[ev.Event]:
    """Return the events of a run in the order of time, from the header to the end."""
    events = list(_targets(run))
    for place, job in enumerate(run.jobs, start=1):
        events += _job(f"j{place}", job)
    events.sort(key=lambda event: event.t)
    end = max((event.t for event in events), default=0)
    return [_header(run, session), *events, ev.SessionFinished(t=end, outcome=run.outcome, reason=run.reason)]


def _header(run: ImportedRun, session: str) -> ev.SessionOpened:
    suite = f"# imported from {run.tool} {run.version or 'of unknown version'}; no suite of llmtui ran\n"
    unknown = {name: UNSAID for name in ev.HardwareSnapshot.__struct_fields__ if name != "detection_failed"}
    return ev.SessionOpened(
        t=0,
        format=ev.FORMAT_VERSION,
        llmtui=__version__,
        session=session,
        name=run.tool,
        opened_at=run.opened_at.isoformat(),
        origin_ns=0,
        clock=f"wall clock as {run.tool} wrote it",
        pid=0,
        suite=suite,
        suite_sha256=hashlib.sha256(suite.encode()).hexdigest(),
        models=tuple(dict.fromkeys(job.model for job in run.jobs)),
        urls=tuple(url for url in run.targets.values() if url is not None),
        hardware=ev.HardwareSnapshot(detection_failed=unknown),
    )


def _targets(run: ImportedRun) -> Iterator[ev.Event]:
    text = f"imported from {run.tool}: latencies as it stated or stamped them; what it does not say is missing"
    yield ev.AlertRaised(t=0, severity="info", code="imported", text=text)
    for notice in run.notices:
        yield ev.AlertRaised(t=0, severity="warning", code="imported", text=notice)
    for name, url in run.targets.items():
        yield ev.TargetResolved(t=0, target=name, url=url or "", problem=f"{UNSAID} which kind of server it was")


def _job(name: str, job: ImportedJob) -> Iterator[ev.Event]:
    start = min((request.due_ns for request in job.requests), default=0)
    yield ev.JobQueued(
        t=0,
        job=name,
        target=job.target,
        backend="openai",
        model=job.model,
        workload=job.workload,
        kind="generate",
        iteration=job.iteration,
        requests=sum(not request.warmup for request in job.requests),
        load=job.load,
        parameters=job.parameters,
    )
    yield ev.JobStarted(t=start, job=name)
    last = start
    for place, request in enumerate(job.requests, start=1):
        for event in _request(f"{name}.{place}", name, job.model, request):
            last = max(last, event.t)
            yield event
    status, reason = _outcome(job)
    yield ev.JobFinished(t=last, job=name, status=status, reason=reason)


def _outcome(job: ImportedJob) -> tuple[ev.JobStatus, str | None]:
    if any(request.end_ns is None for request in job.requests):
        return "cancelled", "the imported log ends before this job did"
    if all(request.status != "done" for request in job.requests):
        return "failed", next((r.problem for r in job.requests if r.problem), "no request was answered")
    return "done", None


def _request(name: str, job: str, model: str, request: ImportedRequest) -> Iterator[ev.Event]:
    yield ev.RequestStarted(
        t=request.due_ns,
        request=name,
        job=job,
        model=model,
        messages=(),
        options=request.options,
        warmup=request.warmup,
    )
    yield ev.RequestSent(t=request.sent_ns, request=name, connect_ns=request.connect_ns)
    yield from _batches(name, request)
    if request.end_ns is None:
        return
    yield ev.RequestFinished(
        t=max(request.end_ns, request.sent_ns),
        request=name,
        job=job,
        status=request.status,
        warmup=request.warmup,
        usage=request.usage,
        figures=imported_figures(request),
        problem=request.problem,
        problem_kind=request.problem_kind,
    )


def _batches(name: str, request: ImportedRequest) -> Iterator[ev.TokensReceived]:
    def batch_of(chunk: ImportedChunk) -> tuple[bool, int]:
        return chunk.reasoning, (chunk.at_ns - request.sent_ns) // BATCH_NS

    for (reasoning, _), group in groupby(request.chunks, key=batch_of):
        chunks = list(group)
        counts = [chunk.tokens_stated for chunk in chunks if chunk.tokens_stated is not None]
        yield ev.TokensReceived(
            t=chunks[-1].at_ns,
            request=name,
            offsets_us=tuple((chunk.at_ns - request.sent_ns) // 1000 for chunk in chunks),
            texts=tuple(chunk.text for chunk in chunks),
            kind="reasoning" if reasoning else "answer",
            tokens=tuple(counts) if len(counts) == len(chunks) else (),
        )


def imported_figures(request: ImportedRequest) -> ev.Figures:
    """Return the figures of a request: by our definitions from its times, but for those that the tool states itself."""
    figures = measure(
        request.sent_ns,
        [Arrival(chunk.at_ns, len(chunk.text), chunk.reasoning, chunk.tokens_stated) for chunk in request.chunks],
        connect_ns=request.connect_ns,
        usage=request.usage,
        tokenizer_count=request.tokenizer_count,
    )
    values = {name: getattr(figures, name) for name in figures.__struct_fields__}
    missing = dict(figures.missing)
    for name in (*_SERVERS_OWN, *request.unsaid, *(("connect_ns",) if request.connect_ns is None else ())):
        values[name] = None
        missing[name] = UNSAID
    for name, value in request.own.items():
        values[name] = value
        missing.pop(name, None)
    if values["prompt_tokens"] is None:
        missing["prompt_tokens"] = UNSAID
    counts = {"chunks", "itl_count", "tokens_basis", "itl_basis", "sources", "missing", "notes"}
    values |= {
        "sources": {name: SOURCE for name, value in values.items() if name not in counts and value is not None},
        "missing": missing,
        "notes": (*figures.notes, *request.notes),
    }
    return msgspec.convert(values, ev.Figures)
