"""The format of the log as a page and as a JSON Schema, both made from the event types themselves."""

import inspect
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from llmtui.events import FORMAT_VERSION, AnyEvent, Event

SCHEMA_FILE = Path(__file__).with_name("schema.json")
"""The schema as it is shipped."""

_INTRODUCTION = f"""\
# The log of a session

This page is generated from the event types; `llmtui sessions schema` prints the same as a JSON Schema.

A session is one file of JSON lines (UTF-8, a line feed after each), here in format {FORMAT_VERSION}. One line is one
event: `ev` names its type, `t` is when it happened, in nanoseconds since the session's origin on the monotonic clock.
The first line is the header, `session_opened`. Lines are only ever appended, by one engine, which holds a lock on the
file (`flock`) while it lives. Lines stand about in order of `t`: batches of tokens, samples and intended times come a
little late.

Reading it:

- A key with its default value may be left out.
- Skip types and keys that you do not know: a newer llmtui adds some without another format number.
- The format number grows only when old lines would be read wrongly; llmtui reads all older formats.
- The last line may be cut off. Without `session_finished` as the last word the engine was cut off too.
- `null`, None in the words below, means unknown, never zero; `missing`, where an event has it, says why.

All sizes are bytes, all rates tokens per second, all keys that end in `_ns` nanoseconds, in `_us` microseconds.
"""

_SIMPLE = {int: "integer", float: "number", str: "text", bool: "true or false", Any: "any value", dict: "object"}


def render_log_format() -> str:
    """Return the whole page."""
    events = get_args(AnyEvent)
    lines = [_INTRODUCTION, "## Events", ""]
    lines += [f"- [`{_name(event)}`](#{_name(event)}): {_first_sentence(event)}" for event in events]
    lines.append("")
    for event in events:
        lines += _section(event)
    lines += ["## Parts", ""]
    for part in _parts(events):
        lines += _section(part)
    return "\n".join(lines).rstrip() + "\n"


def render_schema() -> str:
    """Return the JSON Schema of a line, of any type of event."""
    schema = _without_margins(msgspec.json.schema(AnyEvent))
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A line of the log of a session of llmtui, format {FORMAT_VERSION}",
    }
    return msgspec.json.format(msgspec.json.encode({**head, **schema}, order="deterministic"), indent=1).decode() + "\n"


def _without_margins(schema: Any) -> Any:
    """Return a schema whose descriptions have no margin: Python keeps that of a docstring up to 3.12."""
    if isinstance(schema, dict):
        cleaned = {key: _without_margins(value) for key, value in schema.items()}
        if isinstance(schema.get("description"), str):
            cleaned["description"] = inspect.cleandoc(schema["description"])
        return cleaned
    return [_without_margins(item) for item in schema] if isinstance(schema, list) else schema


def read_schema() -> str:
    """Return the schema that is shipped, which is `render_schema` at the time of the release."""
    return SCHEMA_FILE.read_text(encoding="utf-8")


def _name(struct: type[msgspec.Struct]) -> str:
    tag = struct.__struct_config__.tag
    return str(tag) if tag is not None else struct.__name__


def _section(struct: type[msgspec.Struct]) -> Iterator[str]:
    yield f"### {_name(struct)}"
    yield ""
    yield from _docstring(struct)
    yield ""
    fields = [
        field for field in msgspec.structs.fields(struct) if not (issubclass(struct, Event) and field.name == "t")
    ]
    if not fields:
        yield "No more keys."
    else:
        yield "| key | value | if left out |"
        yield "|---|---|---|"
        for field in fields:
            yield f"| `{field.encode_name}` | {_type_text(field.type)} | {_default_text(field)} |"
    yield ""


def _docstring(struct: type[msgspec.Struct]) -> list[str]:
    return [line.strip() for line in (struct.__doc__ or "").strip().splitlines()]


def _first_sentence(struct: type[msgspec.Struct]) -> str:
    return _docstring(struct)[0].partition(". ")[0].rstrip(".:")


def _parts(structs: Iterable[type[msgspec.Struct]]) -> list[type[msgspec.Struct]]:
    """Return the structs that stand in fields of others, each once, in the order in which they are met."""
    found: dict[type[msgspec.Struct], None] = {}
    for struct in structs:
        inner = [part for field in msgspec.structs.fields(struct) for part in _structs_in(field.type)]
        for part in inner:
            found.update(dict.fromkeys([part, *_parts([part])]))
    return list(found)


def _structs_in(kind: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for argument in get_args(kind):
        yield from _structs_in(argument)


def _type_text(kind: Any) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _SIMPLE:
        text = _SIMPLE[kind]
    elif origin is Literal:
        text = ", ".join(f"`{option}`" for option in arguments)
    elif origin in {Union, types.UnionType}:
        text = " or ".join("null" if option is type(None) else _type_text(option) for option in arguments)
    elif origin is dict:
        text = f"object of {_type_text(arguments[1])} by name"
    elif origin is tuple and arguments[-1] is Ellipsis:
        text = f"list of {_type_text(arguments[0])}"
    elif origin is tuple:
        text = f"[{', '.join(_type_text(argument) for argument in arguments)}]"
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        text = f"[`{_name(kind)}`](#{_name(kind).lower()})"
    else:
        raise TypeError(f"the page has no words for {kind}")
    return text


def _default_text(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "never"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if isinstance(value, msgspec.Struct):
        return "its own defaults"
    return f"`{msgspec.json.encode(value).decode()}`"
