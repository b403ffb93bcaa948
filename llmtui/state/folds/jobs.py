"""Folds of jobs, and of what a job says of itself."""

from llmtui import events as ev
from llmtui.state.folds.folding import NOTHING, Sections, folds, job_of
from llmtui.state.order import move_key
from llmtui.state.session import Job, SessionState


@folds(ev.JobQueued)
def _job_queued(state: SessionState, event: ev.JobQueued) -> Sections:
    job = state.jobs.setdefault(event.job, Job(event.job))
    job.plan, job.total = event, event.requests
    job.changes += 1
    return "queue", "results"


@folds(ev.JobMoved)
def _job_moved(state: SessionState, event: ev.JobMoved) -> Sections:
    if not move_key(state.jobs, event.job, event.before):
        state.misfits += 1
        return NOTHING
    return "queue", "results"


@folds(ev.RepetitionBegun)
def _repetition_begun(state: SessionState, event: ev.RepetitionBegun) -> Sections:
    job_of(state, event.job).within = event.within
    return ("queue",)


@folds(ev.RepetitionEnded)
def _repetition_ended(state: SessionState, event: ev.RepetitionEnded) -> Sections:
    job_of(state, event.job).within = None
    return ("queue",)


@folds(ev.JobStarted)
def _job_started(state: SessionState, event: ev.JobStarted) -> Sections:
    job = job_of(state, event.job)
    job.started_ns = event.t
    state.use.watch.restart()
    job.changes += 1
    if job.status == "queued":
        job.status = "running"
        state.running_jobs.append(job.id)
    return "queue", "results"


@folds(ev.JobProgressed)
def _job_progressed(state: SessionState, event: ev.JobProgressed) -> Sections:
    job = job_of(state, event.job)
    job.phase, job.done, job.total, job.note = event.phase, event.done, event.total or job.total, event.note
    return ("queue",)


@folds(ev.JobFinished)
def _job_finished(state: SessionState, event: ev.JobFinished) -> Sections:
    job = job_of(state, event.job)
    job.status, job.finished_ns, job.reason, job.passed = event.status, event.t, event.reason, event.passed
    job.cause = event.cause
    job.phase = None
    job.changes += 1
    if job.id in state.running_jobs:
        state.running_jobs.remove(job.id)
    return "queue", "results"


@folds(ev.ModelFinished)
def _model_finished(state: SessionState, event: ev.ModelFinished) -> Sections:
    job = job_of(state, event.job)
    job.ended.append(event)
    job.changes += 1
    return ("results",)


@folds(ev.AnswerScored)
def _answer_scored(state: SessionState, event: ev.AnswerScored) -> Sections:
    job = job_of(state, event.job)
    job.scores.append(event)
    job.changes += 1
    return ("results",)


@folds(ev.StepFinished)
def _step_finished(state: SessionState, event: ev.StepFinished) -> Sections:
    job = job_of(state, event.job)
    job.steps.append(event)
    job.changes += 1
    return ("results",)


@folds(ev.CapacityFound)
def _capacity_found(state: SessionState, event: ev.CapacityFound) -> Sections:
    job = job_of(state, event.job)
    job.capacity = event
    job.changes += 1
    return ("results",)


@folds(ev.IntervalRecorded)
def _interval_recorded(state: SessionState, event: ev.IntervalRecorded) -> Sections:
    job_of(state, event.job).intervals.append(event)
    return ("results",)


@folds(ev.ContextTried)
def _context_tried(state: SessionState, event: ev.ContextTried) -> Sections:
    job = job_of(state, event.job)
    job.contexts.append(event)
    job.changes += 1
    return ("results",)


@folds(ev.VerdictReached)
def _verdict_reached(state: SessionState, event: ev.VerdictReached) -> Sections:
    job = job_of(state, event.job)
    job.verdict = event
    job.changes += 1
    return ("results",)
