"""Workload `generate`: each prompt is one measured request, one after another.

Sends: the system prompt, if any, and the prompt, with the suite's sampling parameters. Measures: the figures of each
request. Judges: nothing.
"""

from llmtui.suites.schema import Generate
from llmtui.workloads.base import Bench, Generation, Messages, Outcome

HOPELESS = frozenset({"unreachable", "refused", "no_model", "bad_request", "not_supported"})
"""Problems that the next request would have as well."""


class GenerateWorkload:
    """Runs `llmtui.suites.schema.Generate`."""

    async def run(self, spec: Generate, bench: Bench) -> Outcome:
        """Send every prompt; one that fails does not keep the others from being measured, unless all would fail."""
        total = len(spec.prompts)
        failures: list[Generation] = []
        bench.progress("measuring", 0, total)
        for place, prompt in enumerate(spec.prompts):
            generation = await bench.generate(
                _messages(spec, prompt),
                max_tokens=spec.max_tokens,
                temperature=spec.temperature,
                seed=spec.seed,
                stop=spec.stop,
                options=dict(spec.options),
                unique=spec.prompt_cache == "avoid",
            )
            if generation.status == "failed":
                failures.append(generation)
                if generation.problem_kind in HOPELESS:
                    break
            bench.progress("measuring", place + 1, total)
        if not failures:
            return Outcome()
        count = f" ({len(failures)} of {total} requests failed)" if total > 1 else ""
        return Outcome(status="failed", reason=f"{failures[0].problem}{count}")


def _messages(spec: Generate, prompt: str) -> Messages:
    user = ("user", prompt)
    return (user,) if spec.system is None else (("system", spec.system), user)
