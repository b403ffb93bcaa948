"""How a fold says which event it folds, and finds what an event speaks of."""

from collections.abc import Callable
from typing import Any, TypeVar

from llmtui import events as ev
from llmtui.state.session import Job, Request, Section, SessionState, Target

Sections = tuple[Section, ...]
E = TypeVar("E", bound=ev.Event)

NOTHING: Sections = ()
FOLDS: dict[type[ev.Event], Callable[[SessionState, Any], Sections]] = {}
"""The fold of each kind of event."""


def folds(kind: type[E]) -> Callable[[Callable[[SessionState, E], Sections]], Callable[[SessionState, E], Sections]]:
    """Register a fold of events of one kind; it returns the sections that it changed."""

    def register(fold: Callable[[SessionState, E], Sections]) -> Callable[[SessionState, E], Sections]:
        FOLDS[kind] = fold
        return fold

    return register


def target_of(state: SessionState, name: str) -> Target:
    """Return a target by its name, new where nothing was known of it."""
    if name not in state.targets:
        state.targets[name] = Target(name)
    return state.targets[name]


def job_of(state: SessionState, name: str) -> Job:
    """Return a job by its id; one that nobody queued counts as a misfit."""
    if name not in state.jobs:
        state.jobs[name] = Job(name)
        state.misfits += 1
    return state.jobs[name]


def request_of(state: SessionState, name: str) -> Request:
    """Return a request by its id; one that nobody started counts as a misfit."""
    if name not in state.requests:
        state.requests[name] = Request(name, job="")
        state.misfits += 1
    return state.requests[name]
