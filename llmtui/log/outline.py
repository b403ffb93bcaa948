"""Lines of a log decoded only as far as an index needs them: when something happened, and what to jump to."""

from collections.abc import Iterable
from typing import Any, Union, get_args

import msgspec

from llmtui.events import AlertRaised, AnyEvent, Event, JobFinished, JobStarted, MarkerPlaced, RequestFinished
from llmtui.state.landmarks import Landmark, LandmarkKind

_NAMES: dict[type[Event], str] = {
    JobStarted: "job",
    JobFinished: "job",
    AlertRaised: "text",
    MarkerPlaced: "label",
    RequestFinished: "request",
}
_KINDS: dict[type[Event], LandmarkKind] = {
    JobStarted: "job start",
    JobFinished: "job end",
    AlertRaised: "alert",
    MarkerPlaced: "marker",
}


def _outline(kind: type[Event]) -> type[msgspec.Struct]:
    """Make a struct that reads the same lines as `kind`, and passes over all fields that no landmark needs."""
    kept = {"t", "status", _NAMES.get(kind)} if kind in _NAMES else {"t"}
    fields = [(field.name, field.type) for field in msgspec.structs.fields(kind) if field.name in kept]
    tag = kind.__struct_config__.tag
    return msgspec.defstruct(f"{kind.__name__}Line", fields, tag_field="ev", tag=tag, gc=False)


_OUTLINES = {kind: _outline(kind) for kind in get_args(AnyEvent)}
_NOTED = {_OUTLINES[kind]: kind for kind in _NAMES} | {kind: kind for kind in _NAMES}

OutlineDecoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Union[tuple(_OUTLINES.values())])  # noqa: UP007 - made of a tuple
"""Decodes a line to its outline: of each line that is an event, and maybe of one that only looks like an event."""


def landmarks_among(lines: Iterable[Any], moments: Iterable[int]) -> list[Landmark]:
    """Return the landmarks among `lines`, events or outlines of them, at the `moments` that belong to them."""
    found: list[Landmark] = []
    for line, moment in [pair for pair in zip(lines, moments, strict=True) if type(pair[0]) in _NOTED]:
        kind = _NOTED[type(line)]
        name = getattr(line, _NAMES[kind])
        if kind in _KINDS:
            found.append(Landmark(moment, _KINDS[kind], name))
        if getattr(line, "status", None) == "failed":
            found.append(Landmark(moment, "error", name))
    return found
