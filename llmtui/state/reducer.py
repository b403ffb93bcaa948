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
    """Fold all `events` in their order and return every section that changed.

    It is `apply` of one after the other. But tokens and samples, which are nearly all of a log, are taken together
    where nothing else stands between them: no fold of the one reads what a fold of the other writes.
    """
    changed: set[Section] = set()
    tokens: list[ev.TokensReceived] = []
    samples: list[ev.SampleTaken] = []
    nows: list[int] = []
    now_ns = state.now_ns
    for event in events:
        now_ns = max(now_ns, event.t)
        if isinstance(event, ev.TokensReceived):
            tokens.append(event)
        elif isinstance(event, ev.SampleTaken):
            samples.append(event)
            nows.append(now_ns)
        else:
            state.now_ns = now_ns
            changed.update(_apply_bulk(state, tokens, samples, nows), apply(state, event))
            tokens, samples, nows = [], [], []
    state.now_ns = now_ns
    return changed.union(_apply_bulk(state, tokens, samples, nows))


def _apply_bulk(
    state: SessionState, tokens: list[ev.TokensReceived], samples: list[ev.SampleTaken], nows: list[int]
) -> Sections:
    state.events += len(tokens) + len(samples)
    if tokens and samples:
        return requests.fold_tokens(state, tokens) + machine.fold_samples(state, samples, nows)
    if tokens:
        return requests.fold_tokens(state, tokens)
    return machine.fold_samples(state, samples, nows) if samples else NOTHING
