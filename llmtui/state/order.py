"""The order of a queue, kept in the order of a mapping's keys."""

from typing import TypeVar

V = TypeVar("V")


def move_key(queue: dict[str, V], name: str, before: str | None) -> bool:
    """Move `name` in front of `before` in `queue`, or to its end where that is None, and return whether it could be.

    A name that is not there, or in front of itself, moves nothing.
    """
    if name not in queue or name == before or (before is not None and before not in queue):
        return False
    moved = queue.pop(name)
    behind = []
    if before is not None:
        names = list(queue)
        behind = [(key, queue.pop(key)) for key in names[names.index(before) :]]
    queue[name] = moved
    queue.update(behind)
    return True
