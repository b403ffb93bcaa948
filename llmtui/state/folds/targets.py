"""Folds of servers and the models on them."""

from llmtui import events as ev
from llmtui.state.folds.folding import Sections, folds, job_of, target_of
from llmtui.state.session import SessionState


@folds(ev.ServerStarted)
def _server_started(state: SessionState, event: ev.ServerStarted) -> Sections:
    target = target_of(state, event.target)
    target.pid, target.url = event.pid, event.url
    return ("targets",)


@folds(ev.ServerStopped)
def _server_stopped(state: SessionState, event: ev.ServerStopped) -> Sections:
    target = target_of(state, event.target)
    target.pid = None
    if event.reason is not None:
        target.problem = event.reason
    return ("targets",)


@folds(ev.TargetResolved)
def _target_resolved(state: SessionState, event: ev.TargetResolved) -> Sections:
    target = target_of(state, event.target)
    target.url, target.server, target.problem = event.url, event.server, event.problem
    return ("targets",)


@folds(ev.ServerProcessesFound)
def _server_processes_found(state: SessionState, event: ev.ServerProcessesFound) -> Sections:
    target = target_of(state, event.target)
    target.processes, target.processes_missing = event.processes, event.missing
    return ("targets",)


@folds(ev.ModelLoaded)
def _model_loaded(state: SessionState, event: ev.ModelLoaded) -> Sections:
    for name in state.running_jobs:
        job = state.jobs[name]
        if job.plan is not None and (job.plan.target, job.plan.model) == (event.target, event.model):
            job.load_ns = event.load_ns
            job.changes += 1
        if job.plan is not None and any((p.target, p.model) == (event.target, event.model) for p in job.plan.models):
            job.loaded.append(event)
    return "targets", "results"


@folds(ev.ModelUnloaded)
def _model_unloaded(state: SessionState, event: ev.ModelUnloaded) -> Sections:
    job = job_of(state, event.job)
    job.unloaded.append(event)
    job.changes += 1
    return "targets", "results"
