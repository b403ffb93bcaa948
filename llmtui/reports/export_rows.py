"""A session as rows of plain cells for other programs: results, levels of load, requests, samples. Pure.

Latencies are nanoseconds, rates tokens per second, memory bytes; `t_ns`, `started_ns` and the like count from the
session's origin. An unknown cell is None, and `missing` of its row says why.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from llmtui.events import Event, Figures, RequestFinished, SampleTaken, ServerTimings, TokensReceived, Usage
from llmtui.metrics.statistics import Percentile, Summary
from llmtui.readings import describe
from llmtui.state.result_columns import load_text
from llmtui.state.results import JobResult, StepResult, job_results
from llmtui.state.session import Request, SessionState

Row = dict[str, Any]
"""Cells by column: None, a truth value, a number, a text, a list of texts, or texts by name."""

WHAT = ("results", "steps", "requests", "samples")
NO_END = "the log has no end of this request"

_UNITS = (
    (r"_ns(_|$)", "ns"),
    (r"^(t|window_start|window_end)$", "ns"),
    (r"^(decode|prefill|token|clean|server_decode)_rate(_|$)", "tokens/s"),
    (r"^(request_rate|goodput)$", "requests/s"),
    (r"^peak_memory$", "B"),
    (r"^joules_per_token$", "J"),
)
"""Units by what stands in the name of a column."""


def export_rows(
    what: str, session: str, state: SessionState, events: Iterable[Event], *, text: bool = False
) -> Iterator[Row]:
    """Yield the rows of `what`, one of `WHAT`; with `text` requests carry their prompt and answer.

    `state` is the whole session; its `events` are gone through once more, for the samples and the requests alone.
    """
    if what == "results":
        return result_rows(session, state, job_results(state))
    if what == "steps":
        return (_step_row(session, result, step) for result in job_results(state) for step in result.steps)
    if what == "requests":
        return _request_rows(session, state, events, text=text)
    return (
        {"session": session, "t_ns": event.t, **event.values, "missing": event.missing}
        for event in events
        if isinstance(event, SampleTaken)
    )


def result_rows(session: str, state: SessionState, results: Iterable[JobResult]) -> Iterator[Row]:
    """Yield a row for each of `results`."""
    return (_result_row(session, state, result) for result in results)


def columns_of(rows: Iterable[Row]) -> list[str]:
    """Return every column of the rows, in the order in which they are met, `missing` last."""
    columns = dict.fromkeys(column for row in rows for column in row)
    return sorted(columns, key=lambda column: column == "missing")


def unit_of(column: str) -> str | None:
    """Return the unit of a column's numbers; None for texts, counts and shares."""
    reading = describe(column)
    if reading is not None:
        return None if reading.unit == "count" else reading.unit
    if column.endswith("_n"):
        return None
    return next((unit for part, unit in _UNITS if re.search(part, column)), None)


def _result_row(session: str, state: SessionState, result: JobResult) -> Row:
    header = state.header
    row: Row = {
        "session": session,
        "suite": header.name if header else None,
        "host": header.hardware.hostname if header else None,
        "opened_at": header.opened_at if header else None,
    }
    for field in result.__struct_fields__:
        value = getattr(result, field)
        if field == "spreads":
            for name, summary in value.items():
                row |= {f"{name}_n": summary.count, f"{name}_least": summary.least, f"{name}_most": summary.most}
                row |= {f"{name}_sd": summary.sd}
        elif field == "load":
            row["load"] = load_text(value) if value else None
        elif field == "verdict":
            row |= {"verdict": value.verdict if value else None, "verdict_sentence": value.sentence if value else None}
        elif field == "steps":
            # A level is a row of its own kind.
            row["steps"] = len(value)
        else:
            row[field] = _cell(value)
    return row


def _step_row(session: str, result: JobResult, step: StepResult) -> Row:
    row: Row = {"session": session, "model": result.model, "target": result.target, "workload": result.workload}
    row |= {"iteration": result.iteration, "variant": result.variant}
    for field in step.finished.__struct_fields__:
        value = getattr(step.finished, field)
        row[field] = load_text(value) if field == "load" else _cell(value)
    missing: dict[str, str] = {}
    for name, summary in (
        ("ttft_ns", step.ttft),
        ("itl_ns", step.itl),
        ("e2e_ns", step.e2e),
        ("decode_rate", step.decode_rate),
    ):
        row |= _percentiles(name, summary, missing)
    return {**row, "missing": missing}


def _percentiles(name: str, summary: Summary, missing: dict[str, str]) -> Iterator[tuple[str, float | None]]:
    yield f"{name}_n", summary.count
    for share in (summary.p50, summary.p95, summary.p99):
        column = f"{name}_p{share.share:g}"
        yield column, share.value if share.carried else None
        if not share.carried:
            missing[column] = _too_few(share, summary.count)


def _too_few(share: Percentile, count: int) -> str:
    return f"{count} values are too few to speak of p{share.share:g}"


def _request_rows(session: str, state: SessionState, events: Iterable[Event], *, text: bool) -> Iterator[Row]:
    ends: dict[str, RequestFinished] = {}
    texts: dict[str, tuple[list[str], list[str]]] = {}
    for event in events:
        if isinstance(event, RequestFinished):
            ends[event.request] = event
        elif text and isinstance(event, TokensReceived):
            reasoning, answer = texts.setdefault(event.request, ([], []))
            (reasoning if event.kind == "reasoning" else answer).extend(event.texts)
    for request in state.requests.values():
        job = state.jobs.get(request.job)
        plan = job.plan if job else None
        end = ends.get(request.id)
        figures = request.figures or Figures(missing={"figures": NO_END})
        row: Row = {
            "session": session,
            "job": request.job,
            "request": request.id,
            "target": request.target or (plan.target if plan else None),
            "model": request.model or (plan.model if plan else None),
            "workload": plan.workload if plan else None,
            "iteration": plan.iteration if plan else None,
            "variant": plan.variant if plan else None,
            "load": load_text(plan.load) if plan and plan.load else None,
            "step": request.step,
            "warmup": request.warmup,
            "status": request.status,
            **_moments(request),
            "finish_reason": request.finish_reason,
            "problem": request.problem,
            "problem_kind": end.problem_kind if end else None,
            **_parts("usage", request.usage or Usage()),
            **_parts("server", (end.timings if end else None) or ServerTimings()),
            **{field: _cell(getattr(figures, field)) for field in figures.__struct_fields__},
        }
        if text:
            reasoning, answer = texts.get(request.id, ([], []))
            row["prompt"] = "\n".join(f"{role}: {words}" for role, words in request.messages)
            row |= {"reasoning": "".join(reasoning), "answer": "".join(answer)}
        yield row


def _moments(request: Request) -> Row:
    delay = None if request.sent_ns is None else max(0, request.sent_ns - request.started_ns)
    return {
        "started_ns": request.started_ns,
        "sent_ns": request.sent_ns,
        "sent_after_due_ns": delay,
        "finished_ns": request.finished_ns,
    }


def _parts(prefix: str, struct: msgspec.Struct) -> Row:
    return {f"{prefix}_{name}": getattr(struct, name) for name in struct.__struct_fields__}


def _cell(value: object) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return msgspec.to_builtins(value, enc_hook=str)
