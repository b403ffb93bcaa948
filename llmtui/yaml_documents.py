"""From YAML text to a typed struct, with errors that name the file, the line, the path and the nearest right key."""

from typing import Any, TypeVar

import msgspec
import yaml

from llmtui.documents import DocumentError, Path, joined, nearest_key, parted, shown_path

T = TypeVar("T")

# The one in C is five times as fast, and not in every build.
_LOADER: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_document(text: str, source: str, kind: type[T]) -> T:
    """Return the YAML document in `text` as the struct `kind`; `source` names it in a `DocumentError`."""
    return convert_document(parse_document(text, source, kind), text, source, kind)


def parse_document(text: str, source: str, kind: Any) -> dict[str, Any]:
    """Return the plain mapping in `text`, after making sure that every key is one that `kind` has, and stands once."""
    node = _compose(text, source)
    _refuse_unknown_keys(node, kind, source)
    try:
        value: dict[str, Any] = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise DocumentError(_yaml_problem(error, source)) from None
    return value


def convert_document(value: dict[str, Any], text: str, source: str, kind: type[T]) -> T:
    """Return `value`, which came from `text`, as the struct `kind`."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise DocumentError(_located(error, _compose(text, source), source, kind)) from None


def _compose(text: str, source: str) -> yaml.Node:
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise DocumentError(_yaml_problem(error, source)) from None
    if not isinstance(node, yaml.MappingNode):
        raise DocumentError(f"{source}:1: a mapping of keys is expected here, such as `name: quick`")
    return node


def _yaml_problem(error: yaml.YAMLError, source: str) -> str:
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark else ""
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    return f"{source}{line}: not valid YAML: {problem}"


def _refuse_unknown_keys(node: yaml.Node, kind: Any, source: str, path: str = "") -> None:
    """Walk the document beside its type and stop at the first key that the type does not have, or has twice."""
    struct = _struct_for(node, kind)
    if isinstance(node, yaml.SequenceNode):
        for place, item in enumerate(node.value):
            _refuse_unknown_keys(item, _item_type(kind), source, f"{path}[{place}]")
    if struct is None or not isinstance(node, yaml.MappingNode):
        return
    fields = {field.name: field.type for field in msgspec.structs.fields(struct)}
    tag = struct.__struct_config__.tag_field
    seen: set[str] = set()
    for key_node, value_node in node.value:
        key = str(key_node.value)
        where = f"{source}:{key_node.start_mark.line + 1}: "
        if key in seen:
            raise DocumentError(f"{where}`{joined(path, key)}` stands here a second time; keep one of them")
        seen.add(key)
        if key != tag and key not in fields:
            raise DocumentError(
                f"{where}unknown key `{joined(path, key)}`{nearest_key(key, [*fields, *([tag] if tag else [])])}"
            )
        if key in fields:
            _refuse_unknown_keys(value_node, fields[key], source, joined(path, key))


def _struct_options(kind: Any) -> list[Any]:
    """Return the struct types that a value of type `kind` may have."""
    return [option for option in (getattr(kind, "__args__", None) or (kind,)) if hasattr(option, "__struct_config__")]


def _struct_for(node: yaml.Node, kind: Any) -> Any:
    """Return the struct type that `node` should have: for a union of workloads the one that its tag names."""
    if not isinstance(node, yaml.MappingNode):
        return None
    candidates = _struct_options(kind)
    if len(candidates) < 2:  # noqa: PLR2004 - a union has two members at least
        return candidates[0] if candidates else None
    for key_node, value_node in node.value:
        for option in candidates:
            config = option.__struct_config__
            if config.tag_field == key_node.value and config.tag == value_node.value:
                return option
    return None


def _item_type(kind: Any) -> Any:
    arguments = getattr(kind, "__args__", None)
    return arguments[0] if arguments else None


def _located(error: msgspec.ValidationError, node: yaml.Node, source: str, kind: Any) -> str:
    """Turn msgspec's `... - at `$.workloads[0].max_tokens`` into a sentence with file, line and path."""
    text, path = parted(error)
    shown = shown_path(path)
    line = _node_at(node, path).start_mark.line + 1
    tags = _tags_at(kind, path)
    hint = f"; known are {', '.join(f'`{tag}`' for tag in tags)}" if tags else ""
    return f"{source}:{line}: {f'`{shown}`: ' if shown else ''}{text}{hint}"


def _tags_at(kind: Any, path: Path) -> list[str]:
    """Return the tags of the union at `path` when the path ends in its tag field."""
    for part in path:
        options = [
            option for option in (getattr(kind, "__args__", None) or (kind,)) if hasattr(option, "__struct_config__")
        ]
        if isinstance(part, int):
            kind = _item_type(kind)
        elif part in {option.__struct_config__.tag_field for option in options}:
            return [option.__struct_config__.tag for option in options]
        elif len(options) == 1:
            kind = {field.name: field.type for field in msgspec.structs.fields(options[0])}.get(part)
        else:
            return []
    return []


def _node_at(node: yaml.Node, path: Path) -> yaml.Node:
    """Return the node at `path`, or the deepest one on the way to it."""
    for part in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        elif isinstance(node, yaml.MappingNode):
            found = [value for key, value in node.value if key.value == part]
            if not found:
                return node
            node = found[0]
    return node
