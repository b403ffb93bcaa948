"""What all events have in common."""

import msgspec


def _snake_case(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="ev", tag=_snake_case, omit_defaults=True):
    """The base of all events: `t` is nanoseconds since the session's origin."""

    t: int
