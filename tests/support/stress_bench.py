"""A bench for stress runs on a virtual clock: beside the server's script there is one of what the sensors say."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from llmtui.events import Criterion
from llmtui.suites.schema import Stress
from llmtui.telemetry.sensors import Sample, Sensors
from llmtui.workloads.base import Outcome
from llmtui.workloads.stress import StressWorkload
from support.load_bench import LoadBench, Reply, S, Sent, run_virtual

Weather = Callable[[float], Mapping[str, float | str] | str | None]
"""What the sensors say at a second of the session: numbers, reasons for what is missing; a str: the sampler is lost.

None: nothing is said at all.
"""

IDLE_S = 5
"""The sensors speak for so long before a run begins."""


class Interval(NamedTuple):
    """A record as it was logged."""

    start: int
    end: int
    tokens: int
    decode_rate: float | None
    figures: dict[str, tuple[float, float, float]]


class Verdict(NamedTuple):
    """A verdict as it was logged."""

    verdict: str
    sentence: str
    evidence: tuple[str, ...]
    criteria: tuple[Criterion, ...]

    def passed(self, name: str) -> bool | None:
        """Return what one criterion says; it must be there once."""
        (found,) = [criterion for criterion in self.criteria if criterion.name == name]
        return found.passed


class StressBench(LoadBench):
    """Implements `llmtui.workloads.base.Bench` with sensors. `alerts` has (second, code, text).

    `now_s_at_end` is when the verdict was logged.
    """

    def __init__(self, script: Callable[[Sent], Reply], blind: str | None = None) -> None:
        super().__init__(script)
        self.sensors = Sensors()
        self.blind = blind
        self.intervals: list[Interval] = []
        self.verdicts: list[Verdict] = []
        self.alerts: list[tuple[float, str, str]] = []
        self.now_s_at_end: float | None = None

    @property
    def verdict(self) -> Verdict:
        (only,) = self.verdicts
        return only

    def interval_recorded(self, start, end, rate, figures):
        self.intervals.append(Interval(start, end, rate.tokens, rate.decode_rate, figures))

    def verdict_reached(self, verdict, sentence, evidence, criteria):
        self.now_s_at_end = self.now() / S
        self.verdicts.append(Verdict(verdict, sentence, evidence, criteria))

    def warn(self, code, text):
        self.alerts.append((self.now() / S, code, text))

    async def play(self, weather: Weather) -> None:
        """Hand the sensors a sample each second."""
        while True:
            said = weather(self.now() / S)
            if isinstance(said, str):
                self.sensors.take(Sample(self.now(), {}, {}, said))
            elif said is not None:
                values = {key: value for key, value in said.items() if not isinstance(value, str)}
                missing = {key: value for key, value in said.items() if isinstance(value, str)}
                self.sensors.take(Sample(self.now(), values, missing))
            await asyncio.sleep(1)


def at_rate(rate: float, tokens: int = 50, **more: Any) -> Reply:
    """Return an answer at so many tokens/s."""
    return Reply(tokens=tokens, ttft_s=0.1, e2e_s=0.1 + (tokens - 1) / rate, **more)


def run_stress(
    spec: Stress,
    weather: Weather,
    script: Callable[[Sent], Reply] = lambda _sent: at_rate(50.0),
    *,
    blind: str | None = None,
    meanwhile: Callable[[StressBench], Any] | None = None,
) -> tuple[Outcome, StressBench]:
    """Run the workload; its load begins at `IDLE_S`."""

    async def main() -> tuple[Outcome, StressBench]:
        bench = StressBench(script, blind)
        tasks = [asyncio.create_task(bench.play(weather))]
        await asyncio.sleep(IDLE_S)
        if meanwhile is not None:
            tasks.append(asyncio.create_task(meanwhile(bench)))
        try:
            return await StressWorkload().run(spec, bench), bench
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    outcome, bench = run_virtual(main())
    return outcome, bench
