"""The workload judges what it knows: the expected components are right and compile, those to be refactored are not."""

from pathlib import Path
from typing import NamedTuple

from llmtui.refactoring.fixtures import FIXTURES, Fixture, fixture_of
from llmtui.refactoring.judging import Judgement, judge_answer
from llmtui.refactoring.toolchain import Toolchain
from llmtui.suites.kinds.refactor import STRUCTURE_POINTS, Refactor

MOST = sum(STRUCTURE_POINTS.values())
MOST_OF_INPUT = 2.0
"""Points that a component may have before anybody gave it types: it imports already."""


class Checked(NamedTuple):
    """How a fixture was judged, in a sentence; `right` where both of its components were judged as they are."""

    name: str
    right: bool
    sentence: str


async def check_fixture(fixture: Fixture, toolchain: Toolchain | None, root: Path | None = None) -> Checked:
    """Judge both components of a fixture; without a `toolchain` by their structure alone. Raises `OSError`."""
    expected, given = [
        await judge_answer(f"```vue\n{text}```\n", fixture, Refactor(), toolchain, root)
        for text in (fixture.expected, fixture.input)
    ]
    right = expected.structure.total == MOST and given.structure.total <= MOST_OF_INPUT
    if expected.compiled is not None and given.compiled is not None:
        right = right and expected.compiled.ok and not given.compiled.ok
    return Checked(fixture.name, right, f"expected: {_short(expected)}; before: {_short(given)}")


async def check_all(toolchain: Toolchain | None, root: Path | None = None) -> list[Checked]:
    """Judge the components of all fixtures."""
    return [await check_fixture(fixture_of(name), toolchain, root) for name in FIXTURES]


def _short(judgement: Judgement) -> str:
    points = f"{judgement.structure.total:.3g} of {MOST:g} points"
    if judgement.compiled is None:
        return points
    if judgement.compiled.ok:
        return f"{points}, compiles"
    return f"{points}, does not compile ({next(iter(judgement.compiled.errors), 'no error named')})"
