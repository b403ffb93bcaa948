"""How the points of a grid are told."""

from collections.abc import Mapping
from typing import Any

import msgspec

from llmtui import wording

_ROOMS = ("options.", "embedded.")


def point_name(values: Mapping[str, Any]) -> str:
    """Return a point as it is told: `temperature=0.8, top_k=40`."""
    return ", ".join(f"{axis_name(key)}={value_text(value)}" for key, value in values.items())


def axis_name(key: str) -> str:
    """Return a key without the room in which it stands: `options.top_k` is `top_k`."""
    for room in _ROOMS:
        key = key.removeprefix(room)
    return wording.visible(key)


def value_text(value: Any) -> str:
    """Return a value as it is told."""
    return wording.visible(value if isinstance(value, str) else msgspec.json.encode(value).decode())
