"""The table of the tests of pupils: a row for each request of a `student` job, and what its columns mean."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from llmtui.events import Usage
from llmtui.reports.export import csv_pieces
from llmtui.reports.files.registry import SessionFile
from llmtui.state.request_use import AROUND_NS
from llmtui.state.session import Job, SessionState
from llmtui.summaries.answered import Answered, answered, requests_of

NAME = "student.csv"
UNREAD_NS = 2 * AROUND_NS
"""When so long after a request no reading of the hardware has come, none is waited for any more."""


class _Test(NamedTuple):
    """A row to be."""

    session: str
    job: Job
    answer: Answered


class _Column(NamedTuple):
    """A column: its name, what it means, and its cell for a test."""

    name: str
    about: str
    cell: Callable[[_Test], Any]


def _plan(name: str) -> Callable[[_Test], Any]:
    return lambda test: getattr(test.job.plan, name, None)


def _request(name: str) -> Callable[[_Test], Any]:
    return lambda test: getattr(test.answer.request, name)


def _figure(name: str) -> Callable[[_Test], Any]:
    return lambda test: getattr(test.answer.request.figures, name, None)


def _answer(name: str, scale: float = 1.0) -> Callable[[_Test], Any]:
    def cell(test: _Test) -> Any:
        value = getattr(test.answer, name)
        return value if value is None or scale == 1 else round(value * scale, 3)

    return cell


def _seconds(name: str) -> Callable[[_Test], float | None]:
    def cell(test: _Test) -> float | None:
        value = getattr(test.answer.request, name)
        return None if value is None else value / 1e9

    return cell


_COLUMNS = (
    _Column("session", "the session's name", lambda test: test.session),
    _Column("job", "the job within the session", lambda test: test.job.id),
    _Column("request", "the request within the session", _request("id")),
    _Column("target", "the server, as the suite calls it", _plan("target")),
    _Column("backend", "the kind of server", _plan("backend")),
    _Column("model", "the model's name", _plan("model")),
    _Column("quantization", "its quantisation", _plan("quantization")),
    _Column("variant", "the variant of the suite, if it has variants", _plan("variant")),
    _Column("iteration", "which repetition of the questions this is, from 1", _plan("iteration")),
    _Column("category", "short, medium, long or follow-up", _request("category")),
    _Column("test", "the question within its category", _request("task")),
    _Column("question", "the question as it was asked", lambda test: _question(test.answer)),
    _Column("started_s", "when it was asked: seconds since the session began", _seconds("started_ns")),
    _Column("finished_s", "when the answer had ended: seconds since the session began", _seconds("finished_ns")),
    _Column("status", "done, failed or cancelled", _request("status")),
    _Column("problem", "what went wrong", _request("problem")),
    _Column("finish_reason", "why the answer ended: stop, or length at max_tokens", _request("finish_reason")),
    _Column(
        "prompt_tokens", "tokens of the question, system prompt and conversation included", _figure("prompt_tokens")
    ),
    _Column(
        "cached_tokens", "of these, how many the server had in its cache, as it says", lambda test: _cached(test.answer)
    ),
    _Column("tokens", "tokens of the answer", _figure("tokens")),
    _Column("tokens_basis", "who counted them: server, tokenizer, chunks or estimated", _figure("tokens_basis")),
    _Column(
        "first_token_ms",
        "from just before the request was written to the first piece of text",
        _answer("ttft_ns", 1e-6),
    ),
    _Column("total_ms", "to the last piece of text", _answer("total_ns", 1e-6)),
    _Column("tokens_per_s", "tokens of the answer a second, by the clock in `timing_source`", _answer("rate")),
    _Column("per_token_ms", "milliseconds a token, by the clock in `timing_source`", _answer("per_token_ns", 1e-6)),
    _Column("timing_source", "native: the server's own clock; client: the arrivals at llmtui", _answer("timing")),
    _Column("client_tokens_per_s", "the same by the arrivals at llmtui, always", _figure("decode_rate")),
    _Column("memory_of", "whose memory follows: server (private plus weights), else the machine", _answer("memory_of")),
    _Column("memory_before_bytes", "the last reading before the request", _answer("memory_before")),
    _Column("memory_during_bytes", "the median of the readings while it ran", _answer("memory_during")),
    _Column("memory_after_bytes", "the first reading after it", _answer("memory_after")),
    _Column("memory_peak_bytes", "the largest reading while it ran", _answer("memory_peak")),
    _Column("cpu_server_percent", "mean CPU of the server, in percent of one core", _answer("cpu_server", 100)),
    _Column(
        "cpu_client_percent",
        "mean CPU of llmtui's engine and sampler, in percent of one core",
        _answer("cpu_client", 100),
    ),
    _Column("cpu_both_percent", "server and client together", _answer("cpu_both", 100)),
    _Column("cpu_system_percent", "mean CPU of the whole machine, in percent of all cores", _answer("cpu_system")),
    _Column("missing", "for each empty figure the reason", lambda test: _missing(test.answer)),
)


def growing_files(state: SessionState, jobs: Sequence[Job], *, last: bool = False) -> Iterator[SessionFile]:
    """Yield the table as soon as it has a row; see `llmtui.reports.files.registry`."""
    session = state.header.session if state.header else ""
    tests = [_Test(session, job, answer) for job in jobs for answer in _due(state, job, last=last)]
    if tests:
        rows = [{column.name: column.cell(test) for column in _COLUMNS} for test in tests]
        yield SessionFile(NAME, "".join(csv_pieces(lambda: rows)), about(), grows=True)


def about() -> str:
    """Return what the table and its columns are, as Markdown."""
    columns = "\n".join(f"| `{column.name}` | {column.about} |" for column in _COLUMNS)
    return (
        "One row for each test, in the order in which they were asked; warm-up requests are left out. Commas, UTF-8, "
        "an empty cell for what is not known. A text that a spreadsheet would run as a formula begins with an "
        "apostrophe. The answers themselves are in the log: `llmtui export SESSION --what requests --text`.\n\n"
        f"| column | what it is |\n|---|---|\n{columns}"
    )


def _due(state: SessionState, job: Job, *, last: bool) -> Iterator[Answered]:
    """Yield the requests whose row will not change any more, up to the first that still waits for its readings.

    The readings after a request come some seconds after it.
    """
    for request in requests_of(state, job):
        waits = request.use is None and state.now_ns - (request.finished_ns or 0) < UNREAD_NS
        if waits and not last and request.sent_ns is not None and request.status != "cancelled":
            return
        yield answered(state, request)


def _question(answer: Answered) -> str:
    messages = answer.request.messages
    return messages[-1][1] if messages else ""


def _cached(answer: Answered) -> int | None:
    return (answer.request.usage or Usage()).cached_tokens


def _missing(answer: Answered) -> dict[str, str]:
    """Return the reasons by the names of the columns."""
    columns = {
        "ttft_ns": "first_token_ms",
        "total_ns": "total_ms",
        "rate": "tokens_per_s",
        "per_token_ns": "per_token_ms",
    }
    columns |= {f"memory_{when}": f"memory_{when}_bytes" for when in ("before", "during", "after", "peak")}
    columns |= {f"cpu_{whose}": f"cpu_{whose}_percent" for whose in ("server", "client", "both", "system")}
    return {columns[field]: reason for field, reason in answer.missing.items()}
