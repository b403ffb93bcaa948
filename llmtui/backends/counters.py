"""Numbers as servers state them: what is no number, negative or beyond belief is unknown, never 0."""

from typing import Any

LARGEST = 2**53
"""Above it a number in JSON is not exact, and nothing that a server counts comes near: tokens, bytes, nanoseconds."""


def read_count(value: Any) -> int | None:
    """Return a count of 0 or more."""
    if type(value) is int and 0 <= value <= LARGEST:
        return value
    number = read_number(value)
    return None if number is None else int(number)


def read_positive(value: Any) -> int | None:
    """Return a count of 1 or more, for servers that leave a 0 out and for sizes that cannot be 0."""
    return read_count(value) or None


def read_number(value: Any) -> float | None:
    """Return a finite number of 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 <= value <= LARGEST else None


def read_nanoseconds(milliseconds: Any) -> int | None:
    """Return a duration that a server states in milliseconds; 0 is unknown, as nothing takes no time."""
    number = read_number(milliseconds)
    return round(number * 1e6) or None if number is not None and number <= LARGEST / 1e6 else None
