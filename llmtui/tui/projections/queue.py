"""The queue pane: one row for each job with state, progress and time; "to 2 %" is how exactly its rate is wanted."""

from llmtui import wording
from llmtui.metrics.statistics import median
from llmtui.state.session import Job, SessionState
from llmtui.tui.glyphs import Glyphs
from llmtui.tui.widgets.rows import Column, Row

COLUMNS = (
    Column("job"),
    Column("workload"),
    Column("state"),
    Column("done", number=True),
    Column("time", number=True),
    Column("model"),
)
TONES = {"done": "good", "failed": "bad", "skipped": "dim", "cancelled": "warn", "queued": "dim", "running": "normal"}


def queue_rows(state: SessionState, glyphs: Glyphs) -> list[Row]:
    """Return the rows of the queue in its order."""
    return [_row(state, job, glyphs) for job in state.jobs.values()]


def _row(state: SessionState, job: Job, glyphs: Glyphs) -> Row:
    plan = job.plan
    goal = f" to {job.within * 100:g} %" if job.within is not None else ""
    name = f"{plan.workload} #{plan.iteration}{goal}" if plan else "?"
    glyph = glyphs.skipped if job.status == "cancelled" else getattr(glyphs, job.status)
    status = job.phase or job.status if job.status == "running" else job.status
    progress = f"{job.done}/{job.total}" if job.total else wording.NOTHING
    cells = (job.id, name, f"{glyph} {status}", progress, _time(state, job), plan.model if plan else wording.NOTHING)
    return Row(job.id, tuple(wording.visible(cell) for cell in cells), TONES[job.status])


def _time(state: SessionState, job: Job) -> str:
    if job.started_ns is None:
        return wording.NOTHING
    end = job.finished_ns if job.finished_ns is not None else state.now_ns
    return wording.clock(end - job.started_ns)


def remaining_ns(state: SessionState) -> float | None:
    """Estimate the time that the queue still takes; None as long as no job of the same workload has ended.

    Each job that waits is taken to last as long as the median of those of its workload that are done.
    """
    lasted: dict[str, list[float]] = {}
    for job in state.jobs.values():
        if job.status == "done" and job.plan and job.started_ns is not None and job.finished_ns is not None:
            lasted.setdefault(job.plan.workload, []).append(job.finished_ns - job.started_ns)
    total = 0.0
    for job in state.jobs.values():
        if job.status not in {"queued", "running"} or job.plan is None:
            continue
        expected = median(lasted.get(job.plan.workload, []))
        if expected is None:
            return None
        spent = state.now_ns - job.started_ns if job.started_ns is not None else 0
        total += max(0.0, expected - spent)
    return total
