"""What the script of a component declares: imports, interfaces, types of values and functions, props and events."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tree_sitter import Node

from llmtui.refactoring.blocks import Component, comments_in
from llmtui.refactoring.types import (
    fields_of,
    named,
    parameter_types,
    parse,
    payload,
    text_of,
    type_text,
    unquoted,
)

Fields = dict[str, tuple[str, bool]]
"""The type of each field, and whether it is optional."""

_HOLDERS = frozenset({"ref", "shallowRef", "computed", "reactive", "shallowReactive", "readonly", "customRef"})
_HOLDER_TYPES = frozenset({"Ref", "ShallowRef", "ComputedRef", "WritableComputedRef", "Reactive", "ShallowReactive"})
_FUNCTIONS = frozenset({"arrow_function", "function_expression"})
_SWITCHED_OFF = re.compile(r"@(?:ts-(?:nocheck|ignore|expect-error)|vue-(?:nocheck|ignore|expect-error|skip))\b")


class Function(NamedTuple):
    """The types of a function's parameters in their order and of its result, empty text where it has none."""

    parameters: list[str]
    returns: str


class Declared:
    """What was found. `imports` has for each module its names, and whether `import type` brought them."""

    def __init__(self) -> None:
        self.imports: dict[str, dict[str, bool]] = {}
        self.interfaces: dict[str, Node] = {}
        self.parents: dict[str, list[str]] = {}
        self.aliases: dict[str, Node] = {}
        self.values: dict[str, str] = {}
        self.functions: dict[str, Function] = {}
        self.props: Node | None = None
        self.emits: Node | None = None

    def fields(self, name: str, seen: frozenset[str] = frozenset()) -> Fields | None:
        """Return the fields of an interface, those of its parents too, or of an alias of an object type."""
        alias = self.aliases.get(name)
        if alias is not None:
            return fields_of(alias) if alias.type == "object_type" else None
        body = self.interfaces.get(name)
        if body is None or name in seen:
            return None
        found: Fields = {}
        for parent in self.parents.get(name, []):
            found |= self.fields(parent, seen | {name}) or {}
        return found | fields_of(body)

    def prop_fields(self) -> Fields:
        """Return the props that a type declares."""
        found: Fields = {}
        for node in self._resolved(self.props):
            name = text_of(node) if node.type == "type_identifier" else None
            found |= (self.fields(name) or {}) if name is not None else fields_of(node)
        return found

    def events(self) -> dict[str, list[str]]:
        """Return the events that a type declares, each with the types of what it carries."""
        found: dict[str, list[str]] = {}
        for node in self._resolved(self.emits):
            body = self.interfaces.get(text_of(node), node) if node.type == "type_identifier" else node
            for member in [body] if body.type == "function_type" else named(body):
                found |= dict(_events_of(member))
        return found

    def _resolved(self, node: Node | None) -> Iterator[Node]:
        """Yield the parts of a type, with an alias in place of its name."""
        if node is None:
            return
        if node.type in {"intersection_type", "parenthesized_type"}:
            for part in named(node):
                yield from self._resolved(part)
        elif node.type == "type_identifier" and (alias := self.aliases.get(text_of(node))) is not None:
            yield alias
        else:
            yield node


def declared_in(component: Component) -> Declared:
    """Return what the scripts of a component declare at their top level."""
    found = Declared()
    for script in component.tagged("script"):
        root = parse(script.content, tsx=script.attributes.get("lang") == "tsx")
        for statement in _statements(root):
            _read(statement, found)
    return found


def checks_switched_off(component: Component) -> str | None:
    """Return the comment by which a component keeps the compiler from looking, such as `@ts-nocheck`; None without."""
    comments = [*component.comments]
    for template in component.tagged("template"):
        comments += comments_in(template.content)
    for script in component.tagged("script"):
        waiting = [parse(script.content, tsx=script.attributes.get("lang") == "tsx")]
        while waiting:
            node = waiting.pop()
            waiting += node.children
            if node.type == "comment":
                comments.append(text_of(node))
    return next((found[0] for comment in comments if (found := _SWITCHED_OFF.search(comment))), None)


def _statements(root: Node) -> Iterator[Node]:
    """Yield the statements of a program, and what it exports; of one with errors those that can be told."""
    for node in named(root):
        if node.type == "export_statement":
            yield from named(node)
        else:
            yield node


def _read(node: Node, found: Declared) -> None:
    reader = _READERS.get(node.type)
    if reader is not None:
        reader(node, found)


def _read_interface(node: Node, found: Declared) -> None:
    name, body = text_of(node.child_by_field_name("name")), node.child_by_field_name("body")
    if body is not None:
        found.interfaces[name] = body
        clauses = [child for child in named(node) if child.type == "extends_type_clause"]
        found.parents[name] = [text_of(part) for clause in clauses for part in named(clause)]


def _read_alias(node: Node, found: Declared) -> None:
    value = node.child_by_field_name("value")
    if value is not None:
        found.aliases[text_of(node.child_by_field_name("name"))] = value


def _read_function(node: Node, found: Declared) -> None:
    found.functions[text_of(node.child_by_field_name("name"))] = _function(node)


def _read_variables(node: Node, found: Declared) -> None:
    for declarator in named(node):
        _read_variable(declarator, found)


def _read_expression(node: Node, found: Declared) -> None:
    for expression in named(node):
        _read_macro(expression, found)


def _read_import(node: Node, found: Declared) -> None:
    names = found.imports.setdefault(unquoted(node.child_by_field_name("source")), {})
    whole = any(child.type == "type" for child in node.children)
    for clause in (child for child in named(node) if child.type == "import_clause"):
        for part in named(clause):
            if part.type == "named_imports":
                for each in (child for child in named(part) if child.type == "import_specifier"):
                    alone = any(child.type == "type" for child in each.children)
                    names[text_of(each.child_by_field_name("name"))] = whole or alone
            else:
                names["default" if part.type == "identifier" else "*"] = whole


def _read_variable(node: Node, found: Declared) -> None:
    name = text_of(node.child_by_field_name("name"))
    written, value = node.child_by_field_name("type"), node.child_by_field_name("value")
    kind = named(written)[0] if written is not None and named(written) else None
    if kind is not None and kind.type == "function_type":
        returns = kind.child_by_field_name("return_type")
        found.functions[name] = Function(parameter_types(kind), type_text(returns) if returns else "")
    elif value is not None and value.type in _FUNCTIONS:
        found.functions[name] = _function(value)
    elif kind is not None:
        found.values[name] = _held(kind)
    elif value is not None:
        _read_macro(value, found)
        held = _held_by_call(value)
        if held is not None:
            found.values[name] = held


def _function(node: Node) -> Function:
    returns = node.child_by_field_name("return_type")
    return Function(parameter_types(node), type_text(returns) if returns else "")


def _held(kind: Node) -> str:
    """Return the type of what a value of type `kind` holds: `T` for `Ref<T>`."""
    arguments = named(kind.child_by_field_name("type_arguments"))
    is_holder = kind.type == "generic_type" and text_of(kind.child_by_field_name("name")) in _HOLDER_TYPES
    return type_text(arguments[0] if is_holder and arguments else kind)


def _held_by_call(value: Node) -> str | None:
    """Return the type that a call such as `ref<T>(...)` is given, also by `as` or by the function of a computed."""
    if value.type == "as_expression" and len(parts := named(value)) > 1:
        return _held(parts[-1])
    if value.type != "call_expression" or text_of(value.child_by_field_name("function")) not in _HOLDERS:
        return None
    arguments = named(value.child_by_field_name("type_arguments"))
    if arguments:
        return type_text(arguments[0])
    given = named(value.child_by_field_name("arguments"))
    if given and given[0].type in _FUNCTIONS:
        return _function(given[0]).returns or None
    if given and given[0].type == "as_expression" and len(parts := named(given[0])) > 1:
        return type_text(parts[-1])
    return None


def _read_macro(node: Node, found: Declared) -> None:
    """Find `defineProps` and `defineEmits` with a type; `withDefaults` is around the first one."""
    if node.type != "call_expression":
        return
    name = text_of(node.child_by_field_name("function"))
    if name == "withDefaults":
        for argument in named(node.child_by_field_name("arguments"))[:1]:
            _read_macro(argument, found)
    kinds = named(node.child_by_field_name("type_arguments"))
    if name == "defineProps" and kinds:
        found.props = kinds[0]
    if name == "defineEmits" and kinds:
        found.emits = kinds[0]


def _events_of(member: Node) -> Iterator[tuple[str, list[str]]]:
    """Yield the events of `open: [order: Order]`, of `open: (order: Order) => void` or of `(e: 'open', ...): void`."""
    if member.type == "property_signature":
        kinds = named(member.child_by_field_name("type"))
        if kinds and kinds[0].type == "tuple_type":
            yield unquoted(member.child_by_field_name("name")), payload(kinds[0])
        elif kinds and kinds[0].type == "function_type":
            yield unquoted(member.child_by_field_name("name")), parameter_types(kinds[0])
    elif member.type == "method_signature":
        yield unquoted(member.child_by_field_name("name")), parameter_types(member)
    elif member.type in {"call_signature", "function_type"}:
        first, *carried = parameter_types(member) or [""]
        for event in re.findall(r'"([^"]*)"', first):
            yield event, carried


_READERS: dict[str, Callable[[Node, Declared], None]] = {
    "import_statement": _read_import,
    "interface_declaration": _read_interface,
    "type_alias_declaration": _read_alias,
    "function_declaration": _read_function,
    "lexical_declaration": _read_variables,
    "variable_declaration": _read_variables,
    "expression_statement": _read_expression,
}
