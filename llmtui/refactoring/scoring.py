"""Points for the structures of a component, 0 to 10, from its syntax tree; comments and strings never count."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from llmtui.quality.answers import shown
from llmtui.refactoring.blocks import Component, component_of
from llmtui.refactoring.declarations import Declared, Fields, declared_in
from llmtui.refactoring.fixtures import Annotation, Import, Interface, Structures
from llmtui.refactoring.types import is_vague, known_type, type_text
from llmtui.suites.kinds.refactor import STRUCTURE_POINTS, StructureKind

OTHER_TYPE = 0.5
"""What a type counts that is there and says something, but not what was asked for; also a `type` for an interface."""


class Part(NamedTuple):
    """One thing to find: its share from 0 to 1, and what is wrong below 1."""

    share: float
    wrong: str = ""


class StructureScore(NamedTuple):
    """Points by kind, of `STRUCTURE_POINTS`, their sum, and a sentence for each thing that cost points."""

    points: dict[StructureKind, float]
    wrong: tuple[str, ...]

    @property
    def total(self) -> float:
        """Points of 10."""
        return sum(self.points.values())


NOTHING = StructureScore(dict.fromkeys(STRUCTURE_POINTS, 0.0), ())
"""The score of an answer that has no component."""


def score_structure(text: str, structures: Structures) -> StructureScore:
    """Score a component; each kind counts the mean over what is to be found of it."""
    component = component_of(text)
    try:
        parts = _parts(component, declared_in(component), structures)
    except RecursionError:
        return NOTHING._replace(wrong=("the types are nested too deeply to be read",))
    return StructureScore(
        {kind: STRUCTURE_POINTS[kind] * _mean(part.share for part in found) for kind, found in parts.items()},
        tuple(part.wrong for found in parts.values() for part in found if part.wrong),
    )


def _parts(component: Component, declared: Declared, wanted: Structures) -> dict[StructureKind, list[Part]]:
    return {
        "lang": [_lang(component)],
        "imports": [_import(each, declared) for each in wanted.imports],
        "interfaces": [_interface(each, declared) for each in wanted.interfaces],
        "annotations": [_annotation(each, declared) for each in wanted.annotations],
        "props": [_fields("defineProps", wanted.props, declared.prop_fields())],
        "emits": [_events(wanted.emits, declared.events())],
    }


def _mean(shares: Iterable[float]) -> float:
    found = list(shares)
    return sum(found) / len(found) if found else 1.0


def _lang(component: Component) -> Part:
    typed = [block for block in component.tagged("script") if block.attributes.get("lang") in {"ts", "tsx"}]
    if any("setup" in block.attributes for block in typed):
        return Part(1.0)
    return Part(0.5, "the script has no `setup`") if typed else Part(0.0, 'no script has `lang="ts"`')


def _import(wanted: Import, declared: Declared) -> Part:
    found = declared.imports.get(wanted.module, {})
    shares, wrong = [], []
    for name in wanted.names:
        if name not in found:
            shares.append(0.0)
            wrong.append(f"`{name}` is not imported from `{wanted.module}`")
        elif found[name] != wanted.types:
            shares.append(OTHER_TYPE if wanted.types else 0.0)
            wrong.append(f"`{name}` is {'not ' if wanted.types else ''}imported by `import type`")
        else:
            shares.append(1.0)
    return Part(_mean(shares), "; ".join(wrong))


def _interface(wanted: Interface, declared: Declared) -> Part:
    if wanted.alias is not None:
        found = declared.aliases.get(wanted.name)
        return _typed(f"type `{wanted.name}`", None if found is None else type_text(found), wanted.alias)
    fields = declared.fields(wanted.name)
    if fields is None:
        return Part(0.0, f"there is no interface `{wanted.name}`")
    part = _fields(f"interface `{wanted.name}`", wanted.fields, fields)
    if wanted.name in declared.interfaces:
        return part
    return Part(part.share * OTHER_TYPE, "; ".join(filter(None, (f"`{wanted.name}` is no interface", part.wrong))))


def _fields(where: str, wanted: dict[str, str], found: Fields) -> Part:
    parts = []
    for key, kind in wanted.items():
        name, optional = key.removesuffix("?"), key.endswith("?")
        text, is_optional = found.get(name, (None, optional))
        part = _typed(f"{where}: `{name}`", text, kind)
        if part.share == 1 and is_optional != optional:
            part = Part(OTHER_TYPE, f"{where}: `{name}` is {'' if is_optional else 'not '}optional")
        parts.append(part)
    return _together(parts)


def _annotation(wanted: Annotation, declared: Declared) -> Part:
    if wanted.value is not None:
        return _typed(f"`{wanted.value}`", declared.values.get(wanted.value), wanted.type)
    name = wanted.function or ""
    function = declared.functions.get(name)
    if function is None:
        return Part(0.0, f"there is no function `{name}`")
    parts = []
    for place, (parameter, kind) in enumerate(wanted.parameters.items()):
        text = function.parameters[place] if place < len(function.parameters) else None
        parts.append(_typed(f"`{name}`: parameter `{parameter}`", text, kind))
    return _together([*parts, _typed(f"`{name}`: result", function.returns, wanted.returns)])


def _events(wanted: dict[str, tuple[str, ...]], found: dict[str, list[str]]) -> Part:
    parts = []
    for event, kinds in wanted.items():
        carried = found.get(event)
        if carried == [known_type(kind) for kind in kinds]:
            parts.append(Part(1.0))
        elif carried is None or not all(carried) or any(map(is_vague, carried)):
            parts.append(Part(0.0, f"event `{event}` has no types"))
        else:
            told = f"[{', '.join(carried)}]"
            parts.append(Part(OTHER_TYPE, f"event `{event}` carries {shown(told)}, expected [{', '.join(kinds)}]"))
    return _together(parts)


def _typed(what: str, found: str | None, wanted: str) -> Part:
    if not found:
        return Part(0.0, f"{what} has no type")
    if found == known_type(wanted):
        return Part(1.0)
    if is_vague(found):
        return Part(0.0, f"{what} is {shown(found)}, which says nothing")
    return Part(OTHER_TYPE, f"{what} is {shown(found)}, expected `{wanted}`")


def _together(parts: list[Part]) -> Part:
    return Part(_mean(part.share for part in parts), "; ".join(_wrongs(parts)))


def _wrongs(parts: list[Part]) -> Iterator[str]:
    return (part.wrong for part in parts if part.wrong)
