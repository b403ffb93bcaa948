"""Workload `refactor` in a suite, and how many points the structures of a component have."""

from typing import Literal

import msgspec

from llmtui.suites.kinds.base import Generating

FixtureName = Literal["step-counter", "task-list", "order-table"]
"""A component that ships, from the smallest to the largest."""

StructureKind = Literal["lang", "imports", "interfaces", "annotations", "props", "emits"]
"""What a component is searched for."""

STRUCTURE_POINTS: dict[StructureKind, float] = {
    "lang": 1.0,
    "imports": 1.0,
    "interfaces": 3.0,
    "annotations": 3.0,
    "props": 1.0,
    "emits": 1.0,
}
"""Points of 10 for the structures of a component."""


class Weights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much structure and compiler count in a composite score; only their ratio matters."""

    structure: float = 0.6
    compile: float = 0.4


class Refactor(Generating, frozen=True, kw_only=True, tag="refactor"):
    """Let the model give types to untyped Vue components, one after another, and judge the code that comes back.

    The structures asked for (`lang="ts"`, imports, interfaces, type annotations, props and events) are looked for in
    the syntax tree: 0 to 10 points. `compiler` vue-tsc compiles the component with strict settings; it is installed by
    `llmtui doctor --fix refactor`, and where it is absent the job is skipped. With none the structure alone counts.
    The composite score, in percent, has both by `weights`; that a component compiles counts as much as it has of the
    structures, since an empty one compiles too. Passes when each of `fixtures` reaches `pass_mark`. `quick` takes only
    the first fixture. The compiler has `compile_s` seconds and `compile_mib` MiB of memory for each component.
    """

    max_tokens: int = 4096
    fixtures: tuple[FixtureName, ...] = ("step-counter", "task-list", "order-table")
    quick: bool = False
    compiler: Literal["vue-tsc", "none"] = "vue-tsc"
    weights: Weights = Weights()
    pass_mark: float = 80.0
    compile_s: float = 60.0
    compile_mib: int = 1024

    @property
    def planned_requests(self) -> int:
        """One for each fixture that is asked for."""
        return len(chosen(self))


def chosen(spec: Refactor) -> tuple[FixtureName, ...]:
    """Return the fixtures that are asked for."""
    return spec.fixtures[:1] if spec.quick else spec.fixtures
