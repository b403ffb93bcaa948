"""The warm-up of a model: requests like those of its workload, but short, which no figure counts."""

from llmtui.engine.bench import JobBench
from llmtui.suites.kinds.base import Generating

WARMUP_TOKENS = 16
WARMUP_PROMPT = "Tell a short story about a lighthouse."
"""What warms a model up whose workload makes its prompts only when it runs."""


async def warm_up(
    bench: JobBench, workload: Generating, times: int, *, planned: int, note: str | None = None
) -> str | None:
    """Send `times` requests; return the sentence of a failure, which would come again, None where there was none.

    `planned` and `note` are what the progress of the job says beside the count.
    """
    for place in range(times):
        bench.progress("warming up", place, planned, note)
        generation = await bench.generate(
            (("user", _prompt(workload)),),
            max_tokens=min(WARMUP_TOKENS, workload.max_tokens),
            temperature=workload.temperature,
            seed=workload.seed,
            options=dict(workload.options),
            unique=True,
            warmup=True,
        )
        if generation.status == "failed":
            return generation.problem
    return None


def _prompt(workload: Generating) -> str:
    prompts: tuple[str, ...] = getattr(workload, "prompts", ()) or (getattr(workload, "prompt", WARMUP_PROMPT),)
    return prompts[0]
