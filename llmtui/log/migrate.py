"""The ladder of formats: one step for each version, from the one before it. Old logs stay readable for ever."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from llmtui.events import FORMAT_VERSION

Step = Callable[[dict[str, Any]], dict[str, Any]]

STEPS: Mapping[int, Step] = {}
"""`STEPS[n]` turns a line of format n into one of format n + 1."""


def upgrade(line: bytes, version: int, steps: Mapping[int, Step] = STEPS, goal: int = FORMAT_VERSION) -> bytes | None:
    """Return `line` in the format `goal`, or None when it is no JSON object."""
    try:
        event = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not isinstance(event, dict):
        return None
    for step in range(version, goal):
        if step in steps:
            event = steps[step](event)
    return msgspec.json.encode(event)
