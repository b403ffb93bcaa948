"""A state as plain data, down to the last field, so that two states can be compared."""

from array import array
from collections import deque
from math import isnan

import msgspec

from llmtui.state.reducer import apply
from llmtui.state.session import Job, SessionState

CACHES = {(Job, "row")}
"""What is only made when somebody looks."""


def folded(events):
    """Fold events one by one."""
    state = SessionState()
    for event in events:
        apply(state, event)
    return state


def dump(value):
    """Return the value as lists and tuples; types are named, since 1 is not 1.0."""
    kind = type(value)
    if kind is float and isnan(value):
        return "NaN"
    if isinstance(value, dict):
        held = ((dump(key), dump(one)) for key, one in value.items())
    elif isinstance(value, set | frozenset):
        held = sorted(map(repr, value))
    elif isinstance(value, list | tuple | deque | array):
        held = [getattr(value, "maxlen", None), getattr(value, "most", None), *map(dump, value)]
    elif kind.__module__.startswith("llmtui."):
        held = ((name, dump(one)) for name, one in _held(value).items() if (kind, name) not in CACHES)
    else:
        return (kind.__name__, value)
    return [kind.__name__, *held]


def _held(value):
    if isinstance(value, msgspec.Struct):
        return {name: getattr(value, name) for name in value.__struct_fields__}
    slots = [name for base in type(value).__mro__ for name in getattr(base, "__slots__", ())]
    return {**{name: getattr(value, name) for name in slots}, **dict(sorted(getattr(value, "__dict__", {}).items()))}
