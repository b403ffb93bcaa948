"""What somebody met who read along: each continuation, and how much they differ. Pure."""

from llmtui import wording
from llmtui.metrics.statistics import finite, summarize
from llmtui.state.session import Job, SessionState
from llmtui.summaries.answered import answers_of, requests_of
from llmtui.summaries.summary import Summary, Table

_HEADINGS = ("continuation", "first token", "tok/s", "per token", "variation within", "total", "tokens", "ended by")


def summarize_job(state: SessionState, job: Job) -> Summary | None:
    """Return a row for each continuation; None before the first answer.

    The rate is by the arrivals, which is what a reader sees. What had to be kept stands in the job's verdict.
    """
    asked = requests_of(state, job)
    answers = answers_of(state, job)
    if not asked:
        return None
    figures = [answer.request.figures for answer in answers if answer.request.figures is not None]
    waits = summarize(figure.ttft_ns for figure in figures)
    rates = summarize(figure.decode_rate for figure in figures)
    lines = [f"continuations: {len(answers)} of {len(asked)} were answered"]
    if waits.median is not None:
        lines.append(
            f"  first token after {wording.duration(waits.median)} (median; {wording.duration(waits.least)} to "
            f"{wording.duration(waits.most)})"
        )
    if rates.median is not None:
        lines.append(
            f"  {wording.rate(rates.median)} tok/s (median; {wording.rate(rates.least)} to {wording.rate(rates.most)})"
        )
    cvs = finite(figure.itl_cv for figure in figures)
    rows = tuple(
        (
            answer.request.task,
            wording.duration(figure.ttft_ns),
            wording.rate(figure.decode_rate),
            wording.duration(figure.tpot_ns),
            wording.NOTHING if figure.itl_cv is None else wording.percent(figure.itl_cv),
            wording.duration(figure.e2e_ns),
            wording.NOTHING if figure.tokens is None else str(figure.tokens),
            answer.request.finish_reason or wording.NOTHING,
        )
        for answer, figure in ((answer, answer.request.figures) for answer in answers)
        if figure is not None
    )
    title = "variation within: of the gaps between tokens in one answer (CV); it is not judged" if cvs else ""
    return Summary(tuple(lines), (Table(_HEADINGS, rows, _HEADINGS[1:-1], title),) if rows else ())
