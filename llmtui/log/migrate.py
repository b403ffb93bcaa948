"""The ladder of formats: one step for each version, from the one before it. Old logs stay readable for ever."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from llmtui.events import FORMAT_VERSION

Step = Callable[[dict[str, Any]], dict[str, Any]]

STEPS: Mapping[int, Step] = {}
"""`STEPS[n]` turns a line of format n into one of format n + 1. It leaves the header's `format` as it is: that says in
which format the log was written."""


def upgrade(line: bytes, version: int, steps: Mapping[int, Step] = STEPS, goal: int = FORMAT_VERSION) -> bytes:
    """Return `line`, which has the format `version`, in the format `goal`.

    Raises `msgspec.DecodeError` when the line is no JSON object, or when no step leads on from its version.
    """
    event = msgspec.json.decode(line, type=dict[str, Any])
    for rung in range(version, goal):
        if rung not in steps:
            raise msgspec.DecodeError(f"nothing is known of format {rung}")
        event = steps[rung](event)
    return msgspec.json.encode(event)
