"""`apply` folds one event into a session. No clock, no I/O; no order of events makes it fail."""

from collections.abc import Iterable

from llmtui import events as ev
from llmtui.state.folds import jobs, machine, requests, sessions, targets
from llmtui.state.folds.folding import FOLDS, NOTHING, Sections
from llmtui.state.session import Section, SessionState

ROOMS = (sessions, targets, jobs, requests, machine)
"""The modules that hold the folds; each registers its own."""


def apply(state: SessionState, event: ev.Event) -> Sections:
    """Fold `event` into `state` and return the sections that it changed."""
    state.events += 1
    state.now_ns = max(state.now_ns, event.t)
    fold = FOLDS.get(type(event))
    if fold is None:
        state.misfits += 1
        return NOTHING
    return fold(state, event)


def apply_all(state: SessionState, events: Iterable[ev.Event]) -> set[Section]:
    """Fold all `events` in their order and return every section that changed."""
    changed: set[Section] = set()
    for event in events:
        changed.update(apply(state, event))
    return changed
