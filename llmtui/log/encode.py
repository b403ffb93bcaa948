"""From an event to its line. Whatever an event holds, its line can be written, and read again."""

import math
from typing import Any

import msgspec

from llmtui.events import Event, SampleTaken

WIDEST_NUMBER = 64
"""Bits of a whole number that every reader of JSON takes; a wider one is written as text, in hexadecimal."""

NOT_FINITE = "not a finite number"

# A value of a foreign type, which a suite's free parameters may hold, is written as its text.
_ENCODER = msgspec.json.Encoder(enc_hook=str)


def encode_line(event: Event) -> bytes:
    """Return the log's line for `event`, line feed included.

    A reading that is not finite has no form in JSON and goes to the sample's missing ones; a name of a file or process
    that is no valid Unicode has its stray bytes replaced.
    """
    if isinstance(event, SampleTaken):
        event = _only_finite(event)
    try:
        return _ENCODER.encode(event) + b"\n"
    except (ValueError, TypeError):
        return _ENCODER.encode(_writable(msgspec.to_builtins(event, enc_hook=str))) + b"\n"


def _only_finite(sample: SampleTaken) -> SampleTaken:
    if all(map(math.isfinite, sample.values.values())):
        return sample
    finite = {key: value for key, value in sample.values.items() if math.isfinite(value)}
    missing = {key: NOT_FINITE for key in sample.values if key not in finite}
    return msgspec.structs.replace(sample, values=finite, missing={**sample.missing, **missing})


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_writable(str(key)): _writable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(item) for item in value]
    if isinstance(value, int) and value.bit_length() > WIDEST_NUMBER:
        return hex(value)
    return value
