"""Workload `generate`: each prompt is one measured request, one after another.

Sends: the system prompt, if any, and the prompt, with the suite's sampling parameters. Measures: the figures of each
request. Judges: nothing.
"""

from llmtui.suites.schema import Generate
from llmtui.workloads.asking import ask, hopeless, with_system
from llmtui.workloads.base import Bench, Generation, NeedsOnlyServer, Outcome


class GenerateWorkload(NeedsOnlyServer):
    """Runs `llmtui.suites.schema.Generate`."""

    async def run(self, spec: Generate, bench: Bench) -> Outcome:
        """Send every prompt; one that fails does not keep the others from being measured, unless all would fail."""
        total = len(spec.prompts)
        failures: list[Generation] = []
        bench.progress("measuring", 0, total)
        for place, prompt in enumerate(spec.prompts):
            messages = with_system(spec.system, prompt)
            generation = await ask(spec, bench, messages, unique=spec.prompt_cache == "avoid")
            if generation.status == "failed":
                failures.append(generation)
                if hopeless(generation):
                    break
            bench.progress("measuring", place + 1, total)
        if not failures:
            return Outcome()
        count = f" ({len(failures)} of {total} requests failed)" if total > 1 else ""
        return Outcome(status="failed", reason=f"{failures[0].problem}{count}")
