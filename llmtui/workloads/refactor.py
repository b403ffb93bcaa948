"""Workload `refactor`: untyped Vue components to be given types, one after another.

Sends: the system prompt, if any, and the prompt of each fixture with its component, at temperature 0 and with a seed
unless the suite says otherwise. Measures: the figures of each request, and of each answer the points for its structure
and whether it compiles. Judges: whether each composite score reached the pass mark. What a model wrote is compiled,
never run.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from llmtui.refactoring.toolchain import Toolchain, ToolchainError, find_toolchain, missing_support, toolchain_folder
from llmtui.suites.kinds.refactor import Refactor, chosen
from llmtui.workloads.asking import ask, hopeless, outcome_of, with_system
from llmtui.workloads.base import Bench, Generation, Outcome

CATEGORY = "components"


class RefactorWorkload:
    """Runs `llmtui.suites.schema.Refactor`.

    `folder` says where the compiler is, `node` is its program, `root` where its files go (None: the system's folder).
    """

    def __init__(
        self, folder: Callable[[], Path] = toolchain_folder, node: str = "node", root: Path | None = None
    ) -> None:
        self._folder = folder
        self._node = node
        self._root = root

    async def unfit(self, spec: Refactor, bench: Bench, /) -> str | None:
        """Return what is missing to judge the answers, and where it can be had."""
        try:
            await self._compiler(spec, bench)
        except ToolchainError as error:
            return str(error)
        return None

    async def run(self, spec: Refactor, bench: Bench) -> Outcome:
        """Ask for every fixture; what is needed to judge the answers is looked for first, and without it none is."""
        try:
            toolchain = await self._compiler(spec, bench)
        except ToolchainError as error:
            return Outcome(status="skipped", reason=str(error))
        return await self._ask(spec, bench, toolchain)

    async def _compiler(self, spec: Refactor, bench: Bench) -> Toolchain | None:
        """Return the compiler, None for a suite without one. Raises `ToolchainError`, also without the parser."""
        missing = missing_support()
        if missing is not None:
            raise ToolchainError(missing)
        if spec.compiler == "none":
            return None
        try:
            return await bench.apart(partial(find_toolchain, self._folder(), self._node))
        except ToolchainError as error:
            raise ToolchainError(f"{error}; or leave it out by --set compiler=none") from None

    async def _ask(self, spec: Refactor, bench: Bench, toolchain: Toolchain | None) -> Outcome:
        from llmtui.refactoring.fixtures import fixture_of  # noqa: PLC0415 - needs an extra
        from llmtui.refactoring.judging import judge_answer  # noqa: PLC0415

        fixtures = [fixture_of(name) for name in chosen(spec)]
        failures: list[Generation] = []
        verdicts: list[bool] = []
        bench.progress("measuring", 0, len(fixtures))
        for place, fixture in enumerate(fixtures):
            messages = with_system(spec.system, fixture.prompt)
            generation = await ask(spec, bench, messages, task=fixture.name, category=CATEGORY)
            if generation.status != "done":
                failures.append(generation)
                if hopeless(generation):
                    break
            else:
                try:
                    judgement = await judge_answer(generation.text, fixture, spec, toolchain, self._root)
                except OSError as error:
                    return Outcome(status="failed", reason=f"the compiler can't be run: {error.strerror}")
                cut = "; the answer was cut off at max_tokens" if generation.finish_reason == "length" else ""
                verdicts.append(100 * judgement.composite >= spec.pass_mark)
                bench.answer_scored(
                    generation.request,
                    task=fixture.name,
                    category=CATEGORY,
                    score=judgement.composite,
                    passed=verdicts[-1],
                    detail=f"{judgement.sentence}{cut}",
                    parts=judgement.parts,
                )
            bench.progress("measuring", place + 1, len(fixtures))
        return Outcome(passed=all(verdicts)) if not failures else outcome_of(failures, len(fixtures), "components")
