"""llama-benchy's progress log (`--emit-progress FILE`, schema `llama-benchy-progress.v1`, version 0.4.0) as a run.

Its requests come without those of the warm-up. Its clock is the wall clock, except for TTFT, which is monotonic.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

import msgspec

from llmtui.events import OfferedLoad, SessionOutcome, Usage
from llmtui.log.imported import ImportedChunk, ImportedJob, ImportedRequest, ImportedRun

TOOL = "llama-benchy"
SCHEMA = "llama-benchy-progress.v1"

LATEST_S = 4e9
"""Seconds since 1970, the year 2096: a later moment is none."""

LONGEST_S = 1e6
LARGEST_COUNT = 2**53

CUT = "the imported log ends before its run did"
_OUTCOMES: dict[str, tuple[SessionOutcome, str | None]] = {
    "ok": ("completed", None),
    "interrupted": ("stopped", f"{TOOL} was interrupted"),
    "error": ("failed", f"{TOOL} ended with an error"),
}
_NO_KIND = "the imported log does not tell reasoning from answer: all text stands as answer"
_NO_BASIS = "the imported log does not say how its tokens were counted, so the count is taken for an estimate"


class BenchyLine(msgspec.Struct, frozen=True):
    """Any line; which fields it has depends on its `type`. Times are seconds."""

    type: str
    ts: float
    schema: str = ""
    llama_benchy_version: str | None = None
    request_id: int | None = None
    model: str = ""
    base_url: str = ""
    prompt_size: int = 0
    response_size: int = 0
    context_size: int = 0
    concurrency: int = 1
    run_index: int = 0
    ttft_s: float | None = None
    count: int = 0
    snippet: str = ""
    estimated: bool = False
    total_tokens: int = 0
    prompt_tokens: int = 0
    error: str = ""
    status: str = ""

    def __post_init__(self) -> None:
        """Refuse moments and sizes that can't be; the line counts as one that can't be read."""
        sizes = (self.prompt_size, self.response_size, self.context_size, self.concurrency, self.run_index)
        counts = (self.count, self.total_tokens, self.prompt_tokens)
        sound = 0 <= self.ts < LATEST_S and 0 <= (self.ttft_s or 0.0) < LONGEST_S and self.concurrency > 0
        if not sound or not all(0 <= number < LARGEST_COUNT for number in (*sizes, *counts)):
            raise ValueError("a moment or a size that can't be")


@dataclass(slots=True)
class _Request:
    start: BenchyLine
    first: BenchyLine | None = None
    tokens: list[BenchyLine] = field(default_factory=list)
    end: BenchyLine | None = None


def read_benchy(lines: Iterable[BenchyLine]) -> ImportedRun | None:
    """Return the run that the lines tell of; None for one without a request."""
    requests: dict[int, _Request] = {}
    version, status, origin = None, None, None
    notices: tuple[str, ...] = ()
    for line in lines:
        origin = line.ts if origin is None else min(origin, line.ts)
        if line.type == "header" and requests:
            notices = ("a second run follows in the imported log and is left out",)
            break
        if line.type == "header":
            version = line.llama_benchy_version
        elif line.type == "bench_complete":
            status = line.status
        elif line.type == "request_start" and line.request_id is not None:
            requests[line.request_id] = _Request(line)
        elif line.request_id in requests:
            _add(requests[line.request_id], line)
    if origin is None or not requests:
        return None
    outcome, reason = _OUTCOMES.get(status or "", ("stopped", CUT))
    jobs = _jobs(list(requests.values()), origin)
    return ImportedRun(
        tool=TOOL,
        version=version,
        opened_at=datetime.fromtimestamp(origin, UTC),
        jobs=jobs,
        targets={job.target: job.target for job in jobs},
        outcome=outcome,
        reason=reason,
        notices=notices,
    )


def _add(request: _Request, line: BenchyLine) -> None:
    if line.type == "request_first_token":
        request.first = line
    elif line.type == "tokens":
        request.tokens.append(line)
    elif line.type == "request_end":
        request.end = line


def _jobs(requests: list[_Request], origin: float) -> list[ImportedJob]:
    """Put the requests of one run of one setting together, which the tool begins all at once."""
    groups: dict[Hashable, list[_Request]] = {}
    for request in requests:
        start = request.start
        sizes = (start.prompt_size, start.response_size, start.context_size)
        groups.setdefault((start.base_url, start.model, *sizes, start.concurrency, start.run_index), []).append(request)
    jobs: list[ImportedJob] = []
    repeated: dict[Hashable, int] = {}
    for group in groups.values():
        for name, part in _phases(group):
            start = part[0].start
            kind = (name, start.base_url, start.model, start.concurrency)
            repeated[kind] = repeated.get(kind, 0) + 1
            jobs.append(_job(name, part, repeated[kind], origin))
    return jobs


def _phases(group: list[_Request]) -> list[tuple[str, list[_Request]]]:
    """With prefix caching a run is two rounds: one loads the context, then one asks; the log names both alike."""
    start = group[0].start
    context = f" d{start.context_size}" if start.context_size else ""
    name = f"pp{start.prompt_size} tg{start.response_size}{context}"
    if start.context_size and len(group) == 2 * start.concurrency:
        return [(f"{name} context load", group[: start.concurrency]), (name, group[start.concurrency :])]
    return [(name, group)]


def _job(name: str, requests: list[_Request], iteration: int, origin: float) -> ImportedJob:
    start = requests[0].start
    return ImportedJob(
        workload=name if start.concurrency == 1 else f"{name} c{start.concurrency}",
        model=start.model,
        target=_address(start.base_url),
        iteration=iteration,
        parameters={
            "prompt_tokens": start.prompt_size,
            "max_tokens": start.response_size,
            "context_tokens": start.context_size,
            "concurrency": start.concurrency,
        },
        requests=[_request(request, origin) for request in requests],
        load=OfferedLoad(concurrency=start.concurrency) if start.concurrency > 1 else None,
    )


def _request(request: _Request, origin: float) -> ImportedRequest:
    first, end, tokens = request.first, request.end, request.tokens
    due_ns = _ns(request.start.ts - origin)
    ttft_ns = None if first is None or first.ttft_s is None else _ns(first.ttft_s)
    # The first token's line is written at once, so that its time less the TTFT is when the request was sent.
    sent_ns = due_ns if first is None or ttft_ns is None else max(0, _ns(first.ts - origin) - ttft_ns)
    counted = bool(tokens) and not any(line.estimated for line in tokens)
    chunks, running = [], 0
    for place, line in enumerate(tokens):
        running += line.count
        at_ns = sent_ns + ttft_ns if place == 0 and ttft_ns is not None else _ns(line.ts - origin)
        chunks.append(ImportedChunk(at_ns, line.snippet, tokens_stated=running if counted else None))
    total = end.total_tokens if end is not None and end.total_tokens > 0 else None
    prompt = end.prompt_tokens if end is not None and end.prompt_tokens > 0 else None
    estimated = total is not None and not counted
    return ImportedRequest(
        due_ns=due_ns,
        sent_ns=sent_ns,
        end_ns=None if end is None else _ns(end.ts - origin),
        chunks=chunks,
        status="failed" if end is not None and end.error else "done",
        problem=end.error or None if end is not None else None,
        usage=Usage(prompt_tokens=prompt, completion_tokens=total if counted else None),
        tokenizer_count=total,
        own={"tokens_basis": "estimated"} if estimated and chunks else {},
        unsaid=("ttft_answer_ns",),
        notes=(_NO_KIND, *((_NO_BASIS,) if estimated else ())) if chunks else (),
    )


def _address(url: str) -> str:
    """Return a URL without a user's name and password, which no log of ours holds."""
    try:
        parts = urlsplit(url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")) or "unknown server"
    except ValueError:
        return "unknown server"


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
