"""The components that ship: each with the one expected, the prompt, and the structures to find in an answer."""

from functools import cache
from importlib.resources import files
from typing import get_args

import msgspec

from llmtui.suites.kinds.refactor import FixtureName
from llmtui.yaml_documents import read_document

FIXTURES: tuple[FixtureName, ...] = get_args(FixtureName)
"""From the smallest to the largest."""


class Import(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names that are imported from a module; with `types` by `import type`."""

    module: str
    names: tuple[str, ...]
    types: bool = False


class Interface(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An interface with its fields (`name?` is an optional one), or the type that `name` is an alias of."""

    name: str
    fields: dict[str, str] = {}
    alias: str | None = None


class Annotation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The type of what a ref, computed or reactive `value` holds, or of a function's parameters and result."""

    value: str | None = None
    type: str = ""
    function: str | None = None
    parameters: dict[str, str] = {}
    returns: str = "void"

    def __post_init__(self) -> None:
        """Refuse an entry that is of neither or both sorts."""
        if (self.value is None) == (self.function is None) or bool(self.type) != (self.value is not None):
            raise ValueError("give `value` with `type`, or `function` with `parameters` and `returns`")


class Structures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to find in the script of an answer. `modules` are files beside the component that it may import from."""

    title: str
    modules: tuple[str, ...] = ()
    imports: tuple[Import, ...]
    interfaces: tuple[Interface, ...]
    annotations: tuple[Annotation, ...]
    props: dict[str, str]
    emits: dict[str, tuple[str, ...]]


class Fixture(msgspec.Struct, frozen=True, kw_only=True):
    """A component to be given types: `modules` has the text of each file beside it."""

    name: FixtureName
    input: str
    expected: str
    prompt: str
    structures: Structures
    modules: dict[str, str]


@cache
def fixture_of(name: FixtureName) -> Fixture:
    """Return a fixture, its prompt filled in."""
    folder = files("llmtui.refactoring").joinpath("fixtures", name)

    def text_of(file: str) -> str:
        return folder.joinpath(file).read_text(encoding="utf-8")

    structures = read_document(text_of("structures.yaml"), f"{name}/structures.yaml", Structures)
    modules = {module: text_of(module) for module in structures.modules}
    component = text_of("input.vue")
    prompt = text_of("prompt.md")
    for mark, text in (*modules.items(), ("component", component)):
        prompt = prompt.replace(f"{{{mark}}}", text.strip())
    return Fixture(
        name=name,
        input=component,
        expected=text_of("expected.vue"),
        prompt=prompt.strip(),
        structures=structures,
        modules=modules,
    )
