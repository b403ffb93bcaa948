"""Workload `sweep`: what is asked at one point of a grid; each prompt is one measured request.

Sends: the system prompt, if any, and each prompt, with the parameters of the point. Measures: the figures of each
request. Judges: nothing; which point is best is said over all jobs, in `llmtui.summaries.sweep`.
"""

from llmtui.suites.schema import Generate, Sweep
from llmtui.workloads.base import Bench, NeedsOnlyServer, Outcome
from llmtui.workloads.generate import GenerateWorkload

QUICK_TOKENS = 24


class SweepWorkload(NeedsOnlyServer):
    """Runs `llmtui.suites.schema.Sweep`."""

    async def run(self, spec: Sweep, bench: Bench) -> Outcome:
        """Send every prompt, or the first one alone."""
        asked = Generate(
            prompts=spec.prompts[:1] if spec.quick else spec.prompts,
            prompt_cache=spec.prompt_cache,
            system=spec.system,
            max_tokens=min(QUICK_TOKENS, spec.max_tokens) if spec.quick else spec.max_tokens,
            temperature=spec.temperature,
            seed=spec.seed,
            stop=spec.stop,
            options=spec.options,
        )
        return await GenerateWorkload().run(asked, bench)
