"""Workload `watch`: sends nothing, so that the hardware and the server's processes can be seen at work for others."""

from llmtui.suites.schema import Watch
from llmtui.workloads.base import Bench, NeedsOnlyServer, Outcome

STEP_S = 1.0


class WatchWorkload(NeedsOnlyServer):
    """Runs `llmtui.suites.schema.Watch`."""

    async def run(self, spec: Watch, bench: Bench) -> Outcome:
        """Wait until the time is over, or for ever."""
        bench.progress("measuring", 0, 0, note="watching")
        left = spec.duration_s
        while left is None or left > 0:
            step = STEP_S if left is None else min(STEP_S, left)
            await bench.sleep(step)
            left = None if left is None else left - step
        return Outcome()
