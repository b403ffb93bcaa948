"""Judges an answer to a fixture: structure, compiler, and both in one score."""

import asyncio
from pathlib import Path
from typing import NamedTuple

from llmtui.refactoring.compiling import Compiled, compile_component
from llmtui.refactoring.extraction import extract_component
from llmtui.refactoring.fixtures import Fixture
from llmtui.refactoring.scoring import NOTHING, StructureScore, score_structure
from llmtui.refactoring.toolchain import Toolchain
from llmtui.suites.kinds.refactor import STRUCTURE_POINTS, Refactor, Weights

MOST_TOLD = 3
"""Errors, and things that cost points, that a sentence names."""


class Judgement(NamedTuple):
    """How an answer was judged, `composite` from 0 to 1. `compiled` is None where the structure alone counts.

    With a `problem` there was no component to judge.
    """

    composite: float
    structure: StructureScore
    compiled: Compiled | None = None
    problem: str | None = None

    @property
    def parts(self) -> dict[str, float]:
        """The figures of which the score is made: points by kind, their sum, and 1 for a component that compiles."""
        parts = {"structure": self.structure.total}
        parts.update({str(kind): points for kind, points in self.structure.points.items()})
        if self.compiled is not None:
            parts |= {"compiles": float(self.compiled.ok), "errors": float(self.compiled.total)}
        return parts

    @property
    def sentence(self) -> str:
        """What was right or wrong."""
        if self.problem is not None:
            return self.problem
        told = [f"structure {self.structure.total:.3g} of {sum(STRUCTURE_POINTS.values()):g}"]
        if self.compiled is not None:
            told.append(_compiler_sentence(self.compiled))
        return "; ".join([*told, *_first(self.structure.wrong)])


async def judge_answer(
    answer: str, fixture: Fixture, spec: Refactor, toolchain: Toolchain | None, root: Path | None = None
) -> Judgement:
    """Judge what a model wrote; without a `toolchain` by its structure alone. No text makes it fail.

    Raises `OSError` where the compiler can't be run.
    """
    # In threads: an answer made to be dear to read takes a second, and the loop has tokens to stamp.
    extracted = await asyncio.to_thread(extract_component, answer)
    if extracted.component is None:
        return Judgement(0.0, NOTHING, Compiled(ok=False) if toolchain else None, extracted.problem)
    structure = await asyncio.to_thread(score_structure, extracted.component, fixture.structures)
    compiled = None
    if toolchain is not None:
        compiled = await compile_component(
            extracted.component,
            fixture.modules,
            toolchain,
            within_s=spec.compile_s,
            memory_mib=spec.compile_mib,
            root=root,
        )
    return Judgement(composite(structure.total, compiled.ok if compiled else None, spec.weights), structure, compiled)


def composite(points: float, compiles: bool | None, weights: Weights) -> float:  # noqa: FBT001 - a figure, no switch
    """Return the composite score from 0 to 1; that of the structure alone where nothing was compiled.

    With s = points / 10: (w_structure * s + w_compile * s * compiles) / (w_structure + w_compile).
    """
    share = points / sum(STRUCTURE_POINTS.values())
    if compiles is None:
        return share
    total = weights.structure + weights.compile
    return share * (weights.structure + weights.compile * compiles) / total


def _compiler_sentence(compiled: Compiled) -> str:
    if compiled.ok:
        return "compiles"
    kept = f" (files kept in {compiled.kept})" if compiled.kept else ""
    return f"does not compile{kept}: {'; '.join(_first(compiled.errors))}"


def _first(sentences: tuple[str, ...]) -> list[str]:
    more = len(sentences) - MOST_TOLD
    return [*sentences[:MOST_TOLD], *([f"and {more} more"] if more > 0 else [])]
