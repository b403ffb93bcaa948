"""Dotted paths into a document: `max_tokens`, `limits.stall_s`, `workloads.0.prompts`."""

from itertools import pairwise
from typing import Any

from llmtui.documents import DocumentError


def split_path(key: str) -> list[str | int]:
    """Return the parts of a path; whole numbers are places in a list."""
    return [int(part) if part.isdigit() else part for part in key.split(".")]


def set_path(document: Any, key: str, value: Any, source: str) -> None:
    """Set the value at `key`; a mapping on the way is made where it is absent. `source` names it in `DocumentError`."""
    parts = split_path(key)
    place: Any = document
    for part, following in pairwise(parts):
        if isinstance(place, dict):
            place = place.setdefault(part, [] if isinstance(following, int) else {})
            if place is None:
                raise DocumentError(f"{source}: there is nothing at `{part}`")
        elif isinstance(place, list) and isinstance(part, int) and part < len(place):
            place = place[part]
        else:
            raise DocumentError(f"{source}: there is nothing at `{part}`")
    last = parts[-1]
    if isinstance(place, dict) or (isinstance(place, list) and isinstance(last, int) and last < len(place)):
        place[last] = value  # type: ignore[index]
    else:
        raise DocumentError(f"{source}: there is nothing at `{last}`")
