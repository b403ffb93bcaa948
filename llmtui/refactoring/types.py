"""Types of TypeScript in one way of writing them, so that two that mean the same are the same text.

Spaces, comments, quotes, parentheses, the order of a union, `Array<T>` for `T[]` and the names of parameters do not
matter. The trees are those of the TypeScript grammar of tree-sitter.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise

from tree_sitter import Language, Node, Parser
from tree_sitter_typescript import language_tsx, language_typescript

_VAGUE = re.compile(r"\bany\b")
_SAYS_NOTHING = frozenset({"unknown", "object", "Object", "Function", "{}"})
_STRINGS = re.compile(r'"[^"]*"')
_PARAMETERS = frozenset({"required_parameter", "optional_parameter"})


@cache
def _parser(*, tsx: bool) -> Parser:
    return Parser(Language(language_tsx() if tsx else language_typescript()))


def parse(code: str, *, tsx: bool = False) -> Node:
    """Return the root of the syntax tree of any code; what is no TypeScript stands in it as errors."""
    return _parser(tsx=tsx).parse(code.encode("utf-8", "replace")).root_node


@cache
def known_type(text: str) -> str:
    """Return a type of a fixture in the one way. Raises `ValueError` where it is none."""
    root = parse(f"type T = {text}")
    if root.has_error or len(root.named_children) != 1:
        raise ValueError(f"`{text}` is no type of TypeScript")
    value = root.named_children[0].child_by_field_name("value")
    assert value is not None
    return type_text(value)


def is_vague(text: str) -> bool:
    """Whether a type says nothing of what it is of: `any`, alone or within, and those that fit nearly everything."""
    return text in _SAYS_NOTHING or _VAGUE.search(_STRINGS.sub("", text)) is not None


def text_of(node: Node | None) -> str:
    """Return the source of a node, and nothing for none."""
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def unquoted(node: Node | None) -> str:
    """Return the name or string that a node holds, without quotes."""
    return text_of(node).strip("\"'`")


def named(node: Node | None) -> list[Node]:
    """Return the parts of a node that mean something; comments do not."""
    return [] if node is None else [child for child in node.named_children if child.type != "comment"]


def type_text(node: Node) -> str:
    """Return a type in the one way of writing it."""
    return _WRITERS.get(node.type, _pieces)(node)


def fields_of(body: Node) -> dict[str, tuple[str, bool]]:
    """Return the fields of an interface or an object type: each name with its type and whether it is optional."""
    fields = {}
    for member in named(body):
        if member.type not in {"property_signature", "method_signature"}:
            continue
        written = member.child_by_field_name("type")
        text = function_text(member) if member.type == "method_signature" else type_text(written) if written else ""
        optional = any(child.type == "?" for child in member.children)
        fields[unquoted(member.child_by_field_name("name"))] = (text, optional)
    return fields


def function_text(node: Node) -> str:
    """Return the type of a function by its signature."""
    returns = node.child_by_field_name("return_type")
    return f"({','.join(parameter_types(node))})=>{type_text(returns) if returns else 'void'}"


def parameter_types(node: Node) -> list[str]:
    """Return the types of a function's parameters in their order, empty text for one without.

    An optional one may be undefined too.
    """
    only = node.child_by_field_name("parameter")
    parameters = named(node.child_by_field_name("parameters"))
    return [""] if only is not None else [_parameter(each) for each in parameters if each.type in _PARAMETERS]


def payload(node: Node) -> list[str]:
    """Return the types in a tuple; those that may be left out may be undefined."""
    return [_parameter(part) if part.type in _PARAMETERS else type_text(part) for part in named(node)]


def _parameter(node: Node) -> str:
    written = node.child_by_field_name("type")
    if written is None:
        return ""
    text = type_text(written)
    if node.type == "required_parameter":
        return text
    return "|".join(sorted({*text.split("|"), "undefined"})) if "(" not in text else text


def _members(node: Node) -> Iterator[Node]:
    """Yield the members of a union or an intersection; the grammar nests them."""
    for part in named(node):
        while part.type == "parenthesized_type" and len(named(part)) == 1:
            part = named(part)[0]  # noqa: PLW2901 - parentheses mean nothing
        yield from _members(part) if part.type == node.type else (part,)


def _grouped(node: Node, mark: str) -> str:
    text = type_text(node)
    return f"({text})" if node.type == "function_type" or (mark == "&" and node.type == "union_type") else text


def _set(node: Node) -> str:
    mark = "|" if node.type == "union_type" else "&"
    return mark.join(sorted({_grouped(part, mark) for part in _members(node)}))


def _object(node: Node) -> str:
    members = (f"{name}{'?' * optional}:{text}" for name, (text, optional) in fields_of(node).items())
    return f"{{{';'.join(sorted(members))}}}"


def _inner(node: Node) -> str:
    parts = named(node)
    return type_text(parts[0]) if len(parts) == 1 else _pieces(node)


def _array(element: str) -> str:
    return f"({element})[]" if "|" in element or "&" in element or "=>" in element else f"{element}[]"


def _generic(node: Node) -> str:
    name = text_of(node.child_by_field_name("name"))
    arguments = [type_text(part) for part in named(node.child_by_field_name("type_arguments"))]
    if name == "Array" and len(arguments) == 1:
        return _array(arguments[0])
    return f"{name}<{','.join(arguments)}>"


def _pieces(node: Node) -> str:
    """Return what a node says word by word, with a space where two words meet."""
    if not node.children:
        return text_of(node)
    texts = [type_text(child) for child in node.children if child.type != "comment"]
    joined = texts[:1]
    for before, after in pairwise(texts):
        apart = before[-1:].isalnum() and after[:1].isalnum()
        joined += [" ", after] if apart else [after]
    return "".join(joined)


_WRITERS: dict[str, Callable[[Node], str]] = {
    "type_annotation": _inner,
    "parenthesized_type": _inner,
    "union_type": _set,
    "intersection_type": _set,
    "array_type": lambda node: _array(type_text(named(node)[0])),
    "generic_type": _generic,
    "string": lambda node: f'"{unquoted(node)}"',
    "object_type": _object,
    "interface_body": _object,
    "function_type": function_text,
    "tuple_type": lambda node: f"[{','.join(payload(node))}]",
}
