"""Workload `compare-models`: the same prompts for each model, one model after another or several at the same time.

Sends: the system prompt, if any, and each prompt, to each model, with the same sampling parameters; before them warm-up
requests. Measures: the figures of each request, each model's own start and end, its load time, whether it left the
memory afterwards, and the time to a failure. Judges: nothing; a job fails with the models that failed.
"""

import asyncio
from typing import NamedTuple

from llmtui.suites.kinds.comparing import CompareModels
from llmtui.workloads.asking import HOPELESS
from llmtui.workloads.base import Messages, NeedsOnlyServer, Outcome
from llmtui.workloads.lineup import LineupBench, ModelBench


class _Failure(NamedTuple):
    """A model and the sentence of what kept it from answering; `answered`: it did answer some of the prompts."""

    model: str
    problem: str
    answered: bool


class CompareModelsWorkload(NeedsOnlyServer):
    """Runs `llmtui.suites.kinds.comparing.CompareModels`."""

    async def run(self, spec: CompareModels, bench: LineupBench) -> Outcome:
        """Load the models one after another, ask them at the same time, and unload them; one may fail alone."""
        return await _Run(spec, bench).run()


class _Run:
    """One job while it runs."""

    def __init__(self, spec: CompareModels, bench: LineupBench) -> None:
        self._spec = spec
        self._bench = bench
        self._prompts = [_messages(spec, bench, number) for number in range(len(spec.asked))]
        self._lineup = bench.lineup
        self._total = len(self._prompts) * len(bench.lineup.models)
        self._done = 0
        self._failures: list[_Failure] = []

    async def run(self) -> Outcome:
        bench, lineup = self._bench, self._lineup
        bench.progress("loading", 0, self._total)
        if self._spec.mode == "serial":
            await lineup.clear()
        try:
            ready = await self._load()
            if len(ready) > 1:
                await lineup.check_together()
            bench.progress("measuring", self._done, self._total)
            async with asyncio.TaskGroup() as group:
                for model in ready:
                    group.create_task(self._ask(model))
        finally:
            # Also of a job that is skipped: what was brought into memory for it does not stay there.
            for model in lineup.models:
                await model.unload()
        return _outcome(self._failures, len(lineup.models))

    async def _load(self) -> list[ModelBench]:
        """Load the models one after another, so that each load has a time of its own; return those that are ready."""
        ready = []
        for model in self._lineup.models:
            await self._bench.passage()
            problem = await model.load(self._spec)
            if problem is None:
                ready.append(model)
            else:
                self._fail(model, problem, answered=False)
        return ready

    async def _ask(self, model: ModelBench) -> None:
        """Ask one model every prompt; one that fails does not keep it from the others, unless all would fail."""
        spec, failures = self._spec, []
        try:
            for number, messages in enumerate(self._prompts, start=1):
                generation = await model.generate(
                    messages,
                    max_tokens=spec.answer_tokens,
                    temperature=spec.temperature,
                    seed=spec.seed,
                    stop=spec.stop,
                    options=dict(spec.options),
                    task=f"prompt {number}",
                )
                if generation.status != "done":
                    failures.append(generation)
                self._done += 1
                self._bench.progress("measuring", self._done, self._total)
                if generation.problem_kind in HOPELESS:
                    break
        except asyncio.CancelledError:
            model.ended("cancelled", "ended before it had answered every prompt")
            raise
        if not failures:
            model.ended("done")
            return
        total = len(self._prompts)
        count = f" ({len(failures)} of {total} prompts failed)" if total > 1 else ""
        self._fail(model, f"{failures[0].problem}{count}", answered=number > len(failures))

    def _fail(self, model: ModelBench, problem: str, *, answered: bool) -> None:
        model.ended("failed", problem)
        self._failures.append(_Failure(model.name, problem, answered))


def _outcome(failures: list[_Failure], count: int) -> Outcome:
    if not failures:
        return Outcome()
    if count == 1:
        return Outcome(status="failed", reason=failures[0].problem)
    which = "; ".join(f"{failure.model}: {failure.problem}" for failure in failures)
    if len(failures) == count and not any(failure.answered for failure in failures):
        return Outcome(status="failed", reason=f"none of the {count} models answered: {which}")
    return Outcome(status="failed", reason=f"{len(failures)} of {count} models failed: {which}")


def _messages(spec: CompareModels, bench: LineupBench, number: int) -> Messages:
    """Return a prompt as it is sent. The line of this run stands in front of all, where caches begin to match."""
    line = bench.lineup.same_line(number) if spec.prompt_cache == "avoid" else ""
    prompt = spec.asked[number]
    if spec.system is None:
        return (("user", f"{line}{prompt}"),)
    return (("system", f"{line}{spec.system}"), ("user", prompt))
