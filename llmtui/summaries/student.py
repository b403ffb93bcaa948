"""What pupils met: for each category of questions how long they waited, and what the machine did. Pure."""

from collections.abc import Callable, Sequence

from llmtui import wording
from llmtui.metrics.statistics import finite, median
from llmtui.state.session import Job, SessionState
from llmtui.summaries.answered import Answered, answers_of, requests_of
from llmtui.summaries.summary import Summary, Table

ALL = "all"

_TIMES = ("category", "tests", "first token", "total", "tok/s", "per token", "tokens", "timing")
_MACHINE = ("category", "before", "during", "after", "peak", "server", "client", "both", "system")


def summarize_job(state: SessionState, job: Job) -> Summary | None:
    """Return two tables with a row for each category and one for all of them; None before the first answer."""
    asked = requests_of(state, job)
    answers = answers_of(state, job)
    if not asked:
        return None
    groups: dict[str, list[Answered]] = {}
    for answer in answers:
        groups.setdefault(answer.request.category, []).append(answer)
    rows = [*groups.items(), (ALL, answers)] if len(groups) > 1 else list(groups.items())
    lines = [f"questions of pupils: {len(answers)} of {len(asked)} were answered"]
    cut = sum(answer.request.finish_reason == "length" for answer in answers)
    if cut:
        lines.append(f"  {cut} of the answers were cut off at max_tokens")
    if not answers:
        return Summary(tuple(lines))
    lines.append("  medians over the tests of a category; peak: the largest")
    return Summary(tuple(lines), (_times(rows), _machine(rows)), tuple(_details(answers)))


def _times(rows: Sequence[tuple[str, Sequence[Answered]]]) -> Table:
    return Table(
        _TIMES,
        tuple(
            (
                name,
                str(len(tests)),
                wording.duration(_median(tests, lambda test: test.ttft_ns)),
                wording.duration(_median(tests, lambda test: test.total_ns)),
                wording.rate(_median(tests, lambda test: test.rate)),
                wording.duration(_median(tests, lambda test: test.per_token_ns)),
                _count(_median(tests, lambda test: test.request.figures.tokens if test.request.figures else None)),
                timing_text(tests),
            )
            for name, tests in rows
        ),
        _TIMES[1:-1],
        "times (timing says by whose clock tok/s and per token are: the server's own, or llmtui's)",
    )


def _machine(rows: Sequence[tuple[str, Sequence[Answered]]]) -> Table:
    of = {test.memory_of for _, tests in rows for test in tests} - {None}
    whose = f"memory of the {' or '.join(sorted(filter(None, of)))}" if of else "memory"
    return Table(
        _MACHINE,
        tuple(
            (
                name,
                wording.size(_median(tests, lambda test: test.memory_before)),
                wording.size(_median(tests, lambda test: test.memory_during)),
                wording.size(_median(tests, lambda test: test.memory_after)),
                wording.size(max(finite(test.memory_peak for test in tests), default=None)),
                cores_text(_median(tests, lambda test: test.cpu_server)),
                cores_text(_median(tests, lambda test: test.cpu_client)),
                cores_text(_median(tests, lambda test: test.cpu_both)),
                _percent(_median(tests, lambda test: test.cpu_system)),
            )
            for name, tests in rows
        ),
        _MACHINE[1:],
        f"{whose}; CPU of server, client (llmtui) and both in percent of one core, of the system in percent of all",
    )


def timing_text(tests: Sequence[Answered]) -> str:
    """Return by whose clock the rates are: `native`, `client`, or both with their counts."""
    native = sum(test.timing == "native" for test in tests)
    client = sum(test.timing == "client" for test in tests)
    if native and client:
        return f"{native} native, {client} client"
    return "native" if native else "client" if client else wording.NOTHING


def cores_text(cores: float | None) -> str:
    """Return a number of cores in percent of one core."""
    return _percent(None if cores is None else 100 * cores)


def _percent(value: float | None) -> str:
    return wording.NOTHING if value is None else f"{value:.0f} %"


def _count(value: float | None) -> str:
    return wording.NOTHING if value is None else f"{value:g}"


def _median(tests: Sequence[Answered], figure: Callable[[Answered], float | None]) -> float | None:
    return median(finite(figure(test) for test in tests))


def _details(answers: Sequence[Answered]) -> list[str]:
    """Return each test in a line, and why figures are missing."""
    lines = [
        f"  {test.request.task}: first token {wording.duration(test.ttft_ns)}, "
        f"total {wording.duration(test.total_ns)}, {wording.rate(test.rate)} tok/s ({test.timing or 'no rate'})"
        for test in answers
    ]
    reasons = dict.fromkeys(f"{name}: {reason}" for test in answers for name, reason in test.missing.items())
    return [*lines, *(f"  missing {reason}" for reason in reasons)]
