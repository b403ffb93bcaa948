"""What became of a pile of documents: how fast it went down, and whether it went slower in the end. Pure."""

from collections.abc import Iterator

from llmtui import wording
from llmtui.metrics.inference.intervals import Interval, mean_interval
from llmtui.metrics.statistics import Missing, summarize
from llmtui.metrics.work_pace import Piece, WorkPace, taken_ns, work_pace
from llmtui.state.session import Job, Request, SessionState
from llmtui.summaries.answered import requests_of
from llmtui.summaries.summary import Summary, Table

_HEADINGS = ("document", "prompt tokens", "tokens", "first token", "time", "against its length")


def summarize_job(state: SessionState, job: Job) -> Summary | None:
    """Return documents an hour, the times and their scatter, and the end against the start; None before the first.

    Steadiness and memory are judged in the job's verdict.
    """
    asked = requests_of(state, job)
    if not asked:
        return None
    done = [request for request in asked if request.status == "done" and request.figures is not None]
    timed = [(request, piece) for request in done if (piece := _piece(request)) is not None]
    pace = work_pace([piece for _, piece in timed])
    lines = [f"documents: {len(done)} of {len(asked)} were summarised", *_lines(pace, [piece for _, piece in timed])]
    rows = tuple(_row(request, piece, own) for (request, piece), own in zip(timed, pace.paces, strict=True))
    title = "against its length: the time over the one that the lengths of document and answer let expect"
    return Summary(tuple(lines), (Table(_HEADINGS, rows, _HEADINGS[1:], title),) if rows else ())


def _lines(pace: WorkPace, pieces: list[Piece]) -> Iterator[str]:
    if pace.an_hour is not None:
        yield f"  {wording.number(pace.an_hour)} documents an hour, by the time from sending to the last text"
    times = summarize(float(piece.taken_ns) for piece in pieces)
    if times.mean is not None:
        interval = mean_interval([float(piece.taken_ns) for piece in pieces])
        within = f" (95 % interval {_durations(interval)})" if isinstance(interval, Interval) else ""
        yield (
            f"  a document took {wording.duration(times.mean)} on average{within}, "
            f"{wording.duration(times.least)} to {wording.duration(times.most)}, SD {wording.duration(times.sd)}"
        )
    if pace.variation is not None:
        varies = wording.percent(pace.variation, 1)
        yield f"  with the lengths taken out the times vary by {varies} (coefficient of variation)"
    yield f"  {_end_against_start(pace)}"


def _end_against_start(pace: WorkPace) -> str:
    last = pace.last_over_first
    if isinstance(last, Missing):
        return f"the end is not compared with the start: {last.reason}"
    low, high = last.interval.low, last.interval.high
    found = "slower" if low > 1 else "faster" if high < 1 else "no sure difference"
    return (
        f"the last {pace.compared} took {last.value:.2f} times as long as the first {pace.compared}, lengths taken out "
        f"(95 % interval {low:.2f} to {high:.2f}): {found}"
    )


def _piece(request: Request) -> Piece | None:
    if request.figures is None:
        return None
    taken = taken_ns(request.figures, request.sent_ns, request.finished_ns)
    return None if taken is None else Piece(taken, request.figures)


def _row(request: Request, piece: Piece, pace: float | None) -> tuple[str, ...]:
    figures = piece.figures
    return (
        request.task,
        wording.NOTHING if figures.prompt_tokens is None else str(figures.prompt_tokens),
        wording.NOTHING if figures.tokens is None else str(figures.tokens),
        wording.duration(figures.ttft_ns),
        wording.duration(piece.taken_ns),
        wording.NOTHING if pace is None else f"{pace:.2f}",
    )


def _durations(interval: Interval) -> str:
    return f"{wording.duration(interval.low)} to {wording.duration(interval.high)}"
