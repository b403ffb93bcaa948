"""The conversations of a load: prompts in their turns, what came of each request, and when there is no hope left."""

import asyncio
from collections.abc import Callable

from llmtui.metrics.cache_hits import PromptTiming
from llmtui.metrics.load import LoadedRequest
from llmtui.suites.schema import Load
from llmtui.workloads.asking import HOPELESS
from llmtui.workloads.base import Bench, Generation, Messages
from llmtui.workloads.prompts import PromptSource


class Conversations:
    """Holds the conversations of a load, and keeps what a measurement of them needs.

    Attributes:
        requests: All requests so far.
        prompt_timings: What may give a hit of the prompt cache away.
        failures: What went wrong with those that failed.
        despair: Set when one failed in a way in which every other would fail too; then nothing more is sent.
    """

    def __init__(self, spec: Load, bench: Bench, prompts: PromptSource, planned: int) -> None:
        self.requests: list[LoadedRequest] = []
        self.prompt_timings: list[PromptTiming] = []
        self.failures: list[str] = []
        self.despair = asyncio.Event()
        self._spec = spec
        self._bench = bench
        self._prompts = prompts
        self._planned = planned

    @property
    def hopeless(self) -> bool:
        """Whether every further request would fail."""
        return self.despair.is_set()

    async def converse(self, step: int, due_ns: int | None, may_go_on: Callable[[], bool]) -> int:
        """Hold one conversation, and return when its first answer was there."""
        spec = self._spec
        history: Messages = () if spec.system is None else (("system", spec.system),)
        first_answer = 0
        for turn, said in enumerate(self._prompts.next()):
            if turn:
                await self._bench.sleep(spec.think_s)
                if not may_go_on():
                    break
                due_ns = None
            text = f"{self._bench.unique_line()}{said}" if turn == 0 and self._prompts.unique else said
            history = (*history, ("user", text))
            generation = await self._bench.generate(
                history,
                max_tokens=spec.max_tokens,
                temperature=spec.temperature,
                seed=spec.seed,
                stop=spec.stop,
                options=dict(spec.options),
                due_ns=due_ns,
                step=step,
            )
            first_answer = first_answer or generation.ended_ns
            self._take(generation, said, turn)
            if generation.status != "done" or self.hopeless:
                break
            history = (*history, ("assistant", generation.text))
        return first_answer

    def _take(self, generation: Generation, said: str, turn: int) -> None:
        figures = generation.figures
        self.requests.append(
            LoadedRequest(
                due_ns=generation.due_ns,
                sent_ns=generation.sent_ns,
                ended_ns=generation.ended_ns,
                done=generation.status == "done",
                ttft_ns=figures.ttft_ns,
                itl_ns=figures.tpot_ns,
                e2e_ns=figures.e2e_ns,
                tokens=figures.tokens,
                arrivals=generation.arrivals_ns,
            )
        )
        if generation.status == "failed":
            self.failures.append(generation.problem or "")
            if generation.problem_kind in HOPELESS:
                self.despair.set()
        elif turn == 0:
            timings, usage = generation.timings, generation.usage
            cached = (timings.cached_tokens if timings else None) or (usage.cached_tokens if usage else None)
            self.prompt_timings.append(PromptTiming(said, figures.prompt_tokens, cached, figures.ttft_ns))
        self._bench.progress("measuring", len(self.requests), max(self._planned, len(self.requests)))
