"""The reference of all keys of a suite as Markdown, made from the schema itself, so that it can't fall behind."""

import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from llmtui.suites.kinds.refactor import Weights
from llmtui.suites.schema import AnyWorkload, Cooling, Embedded, Limits, Search, Slo, Suite, Synthetic, Variant

_PARTS = (Variant, Cooling, Embedded, Limits, Slo, Search, Synthetic, Weights)


_INTRODUCTION = """\
# Suites

A suite is a YAML file that says what to run. `llmtui suites` lists them, `llmtui suites check FILE` finds what is
wrong, `llmtui run FILE` runs one. Your own belong into `suites/` in the settings folder, which `llmtui doctor` names.
`--set KEY=VALUE` changes a value for one run: a key of the suite or of its workloads (`max_tokens=64`), a path
(`limits.stall_s=20`), or a span with its unit (`duration=90s` for `duration_s`).

This page is generated from the schema (`llmtui suites keys` prints it); a key that is not on it is an error.
"""

LONGEST_DEFAULT = 100
"""Characters of a text that is a default."""

_SIMPLE = {int: "whole number", float: "number", str: "text", bool: "`true` or `false`", dict: "a mapping"}


def render_reference() -> str:
    """Return the whole page."""
    lines = [_INTRODUCTION, *_section("The suite", Suite)]
    for kind in AnyWorkload.__args__:
        lines += _section(f"Workload `{kind.__struct_config__.tag}`", kind)
    for part in _PARTS:
        lines += _section(f"`{_key_of(part)}`", part)
    return "\n".join(lines).rstrip() + "\n"


def _key_of(part: type[msgspec.Struct]) -> str:
    return "variants[]" if part is Variant else part.__name__.lower()


def _section(title: str, struct: type[msgspec.Struct]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield from (line.strip() for line in (struct.__doc__ or "").strip().splitlines())
    yield ""
    yield "| key | value | if not given |"
    yield "|---|---|---|"
    if struct.__struct_config__.tag is not None:
        yield f"| `kind` | `{struct.__struct_config__.tag}` | must be given |"
    for field in msgspec.structs.fields(struct):
        yield f"| `{field.name}` | {_type_text(field.type)} | {_default_text(field)} |"
    yield ""


def _type_text(kind: Any) -> str:
    """Return a type in words that a writer of YAML knows."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _SIMPLE or origin in _SIMPLE:
        return _SIMPLE[kind if kind in _SIMPLE else origin]
    if origin is Literal:
        return ", ".join(f"`{option}`" for option in arguments)
    if origin in {Union, types.UnionType}:
        return _union_text([option for option in arguments if option is not type(None)])
    if origin is tuple:
        return f"a list of {_plural(_type_text(arguments[0]))}"
    if hasattr(kind, "__struct_config__"):
        return f"a mapping, see [`{_key_of(kind)}`](#{_key_of(kind).rstrip('[]')})"
    return "any value"


def _union_text(options: list[Any]) -> str:
    if len(options) > 1 and all(hasattr(option, "__struct_config__") for option in options):
        return "a workload"
    return " or ".join(dict.fromkeys(_type_text(option) for option in options))


def _plural(text: str) -> str:
    noun, comma, rest = text.partition(",")
    return f"{noun.removeprefix('a ')}s{comma}{rest}"


def _default_text(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "must be given"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value is None or value in ((), {}, ""):
        return "-"
    if isinstance(value, str):
        return f"`{_shown(value)}`"
    if isinstance(value, tuple) and isinstance(value[0], str):
        more = len(value) - 1
        return f"`{_shown(value[0])}`{f' and {more} more' if more else ''}"
    return "its own defaults" if isinstance(value, msgspec.Struct) else f"`{value}`"


def _shown(text: str) -> str:
    """Return the beginning of a long text: a cell of a table has one line."""
    first = text.partition("\n")[0][:LONGEST_DEFAULT]
    return first if first == text else f"{first.rstrip()} ..."
