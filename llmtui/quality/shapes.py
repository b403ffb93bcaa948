"""The shape of an answer: its words and sentences, the JSON in it, and whether that fits a small schema."""

import json
import re
from typing import Any

from llmtui.quality.answers import shown

_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_SENTENCE = re.compile(r"[.!?]+(?=\s|$)|\n+")
_FENCED = re.compile(r"^[ \t]*```[\w-]*[ \t]*\n(.*?)^[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE)
_ABBREVIATION = re.compile(r"\b(Mr|Mrs|Ms|Dr|St|e\.g|i\.e)\.", re.IGNORECASE)
_OPENING = re.compile(r"[{\[]")

MOST_DOCUMENTS = 20
"""Opening brackets that are tried in one answer."""


def words_of(text: str) -> list[str]:
    """Return the words of a text; `don't` and `well-known` are one each."""
    return _WORD.findall(text)


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a text; a line without a stop is one as well."""
    text = _ABBREVIATION.sub(r"\1", text)
    return [part for part in _SENTENCE.split(text) if _WORD.search(part)]


class _NotStrictError(ValueError):
    """JSON that is none by the letter: a key twice, NaN."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise _NotStrictError("a key stands twice")
    return value


def _refuse(_constant: str) -> Any:
    raise _NotStrictError("no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)


def documents_in(answer: str, *, bare: bool) -> list[Any]:
    """Return the JSON objects and arrays in an answer, in fences or in the text; `bare` allows nothing around one."""
    if bare:
        fenced = _FENCED.fullmatch(answer.strip())
        text = (fenced[1] if fenced else answer).strip()
        found = _decoded(text, 0)
        return [found[0]] if found is not None and found[1] == len(text) else []
    blocks = _FENCED.findall(answer) or [answer]
    return [document for block in blocks for document in _in_text(block)]


def _in_text(text: str) -> list[Any]:
    documents: list[Any] = []
    place = 0
    for _ in range(MOST_DOCUMENTS):
        opening = _OPENING.search(text, place)
        if opening is None:
            break
        found = _decoded(text, opening.start())
        if found is not None:
            documents.append(found[0])
            place = found[1]
        elif opening[0] == "{":
            break  # what is inside a broken object is no document of its own
        else:
            place = opening.end()  # brackets stand in prose as well
    return documents


def _decoded(text: str, start: int) -> tuple[Any, int] | None:
    """Return the object or array that begins at `start`, and where it ends."""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return (value, end) if isinstance(value, dict | list) else None


_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


def mismatch_of(value: Any, schema: dict[str, Any], path: str = "") -> str | None:
    """Return the first way in which `value` does not fit `schema`, None if it does.

    A part of JSON Schema: `type`, `const`, `enum`, `properties` (all of them required, no others allowed unless
    `optional` names them), `items`, `least` and `most` of a list's length.
    """
    where = path or "the document"
    kind = schema.get("type")
    if kind is not None:
        right = isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
        if not right:
            return f"{where} is no {kind}"
    if "const" in schema and not _same(value, schema["const"]):
        return f"{where} is {shown(str(value))}, expected {shown(str(schema['const']))}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{where} is {shown(str(value))}, which is none of those allowed"
    if isinstance(value, dict) and "properties" in schema:
        return _object_mismatch(value, schema, path)
    if isinstance(value, list):
        return _list_mismatch(value, schema, where, path)
    return None


def _same(value: Any, wanted: Any) -> bool:
    """Whether two values are the same; words whatever their case."""
    if isinstance(value, str) and isinstance(wanted, str):
        return value.strip().casefold() == wanted.casefold()
    return bool(value == wanted and isinstance(value, bool) == isinstance(wanted, bool))


def _object_mismatch(value: dict[str, Any], schema: dict[str, Any], path: str) -> str | None:
    properties = schema["properties"]
    optional = schema.get("optional", ())
    for key, part in properties.items():
        if key not in value:
            if key not in optional:
                return f"`{key}` is absent"
            continue
        problem = mismatch_of(value[key], part, f"{path}.{key}" if path else key)
        if problem:
            return problem
    extra = next((key for key in value if key not in properties), None)
    return None if extra is None else f"it has a key {shown(extra)} that was not asked for"


def _list_mismatch(value: list[Any], schema: dict[str, Any], where: str, path: str) -> str | None:
    least, most = schema.get("least", 0), schema.get("most", len(value))
    if not least <= len(value) <= most:
        return f"{where} has {len(value)} items"
    for place, item in enumerate(value):
        problem = mismatch_of(item, schema.get("items", {}), f"{path}[{place}]")
        if problem:
            return problem
    return None
