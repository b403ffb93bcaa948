"""Workload `stress`: generate without a pause, and find out what heat does to the machine.

Sends: the same prompt again and again, each time unique to the prompt cache, in one stream or several. Measures: the
decode rate of each interval, beside the hardware's figures. Judges: temperature, throttling, swapping and a decline of
the rate; ends the load at once when a device gets too hot, or when its temperature can't be read any more.
"""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from functools import partial

from llmtui import wording
from llmtui.metrics.heat.evidence import Sample, name_of
from llmtui.metrics.heat.heat_guard import BLIND_NS, Alarm, HeatGuard, heat_criteria
from llmtui.metrics.heat.stress_verdict import judge_stress
from llmtui.suites.schema import Stress
from llmtui.workloads.asking import all_of
from llmtui.workloads.base import Bench, NeedsOnlyServer, Outcome
from llmtui.workloads.sustained import SustainedLoad

TICK_S = 1.0
"""The guard looks at the clock this often: a sampler that is silent must not keep it from noticing."""


class StressWorkload(NeedsOnlyServer):
    """Runs `llmtui.suites.schema.Stress`."""

    async def run(self, spec: Stress, bench: Bench) -> Outcome:
        """Hold the load to its end or to an alarm, let the machine cool down, and judge."""
        run = _Run(spec, bench)
        watching = asyncio.create_task(run.watch())
        try:
            await run.hold(watching)
            await run.cool_down()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        return await run.outcome()


class _Run:
    """One stress run: what was measured so far, and why it ended."""

    def __init__(self, spec: Stress, bench: Bench) -> None:
        self._spec = spec
        self._bench = bench
        self._guard = HeatGuard(spec.max_temperature, spec.abort_temperature)
        self._samples: list[Sample] = []
        self._load = SustainedLoad(spec, bench, self._samples)
        self._held = True
        self._alarm: Alarm | None = None
        self._alarmed = asyncio.Event()
        self._blind_told: set[str] = set()
        self._unseen: dict[str, str] = {}
        self._ended_ns = self._load.began_ns
        self._paused_ns = bench.paused_ns()

    # --- while the load is held ------------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Look at every sample, and raise the alarm."""
        sensors = self._bench.sensors
        latest: dict[int, dict[str, float]] = {}
        for key, (t, value) in sensors.latest().items():
            latest.setdefault(t, {})[key] = value
        for t, values in sorted(latest.items()):
            self._take(Sample(t, values, sensors.missing()), None)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow())
            group.create_task(self._tick())

    async def _follow(self) -> None:
        async with aclosing(self._bench.sensors.follow()) as samples:
            async for sample in samples:
                self._take(Sample(sample.t, sample.values, sample.missing), sample.lost)

    async def _tick(self) -> None:
        while True:
            self._look(Sample(self._bench.now(), {}), self._bench.sensors.lost)
            await asyncio.sleep(TICK_S)

    def _take(self, sample: Sample, lost: str | None) -> None:
        self._samples.append(sample)
        self._look(sample, lost)

    def _look(self, sample: Sample, lost: str | None) -> None:
        # The heat of this machine is none of a server's that runs on another one.
        if self._bench.blind is not None:
            return
        alarm = self._guard.look(sample.t_ns, sample.values, sample.missing, lost)
        if not self._held:
            return
        self._tell_blind()
        if alarm is None or self._alarm is not None or (alarm.cause == "sensor lost" and self._spec.allow_blind):
            return
        self._alarm = alarm
        self._alarmed.set()

    def _tell_blind(self) -> None:
        blind = self._guard.blind_since_ns.keys()
        self._blind_told &= blind
        for device in blind - self._blind_told:
            self._blind_told.add(device)
            then = "the load goes on" if self._spec.allow_blind else f"the load ends in {BLIND_NS / 1e9:.0f} s"
            reason = wording.visible(self._guard.why_blind(device))
            text = f"the temperature of {name_of(device)} can't be read any more ({reason}); {then}"
            self._bench.warn("guard-blind", text)

    async def hold(self, watching: "asyncio.Task[None]") -> None:
        """Generate until the time is over, or the alarm is raised, which cancels what is under way."""
        load = asyncio.create_task(self._load.hold())
        alarmed = asyncio.create_task(self._alarmed.wait())
        try:
            await asyncio.wait({load, alarmed, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (load, alarmed):
                task.cancel()
            await asyncio.gather(load, alarmed, return_exceptions=True)
        self._held = False
        self._unseen = dict(self._guard.unseen)
        self._ended_ns = self._bench.now()
        self._load.finish(self._ended_ns)
        for finished in (load, watching):
            # Without its guard a load must not go on, and an error in either is none of the server's.
            if finished.done() and not finished.cancelled():
                finished.result()

    # --- afterwards ------------------------------------------------------------------------------------------------

    async def cool_down(self) -> None:
        """Watch the machine recover. Once the load is off there is nothing left to abort."""
        if self._load.given_up is None and self._spec.cooldown_s > 0:
            self._bench.progress("cooling", 0, 0, note=f"watching the recovery for {self._spec.cooldown_s:g} s")
            await self._bench.sleep(self._spec.cooldown_s)

    async def outcome(self) -> Outcome:
        """Judge the run, log the verdict, and return how the job ended."""
        load, blind = self._load, self._bench.blind
        # Half an hour of samples takes a second or two, in which the loop must not stand still.
        judge = partial(judge_stress, self._samples, load.records, load.began_ns, self._ended_ns)
        judged = await self._bench.apart(partial(judge, self._spec.max_decline, blind))
        missing = self._bench.sensors.missing()
        criteria = (*heat_criteria(self._guard, judged.carrying, self._unseen, missing, blind), *judged.criteria)
        self._bench.verdict_reached(judged.verdict, judged.sentence, (*judged.evidence, *self._troubles()), criteria)
        passed = all_of(criteria)
        if self._alarm is not None and self._alarm.cause == "overheated":
            return Outcome(status="failed", reason=self._alarm.sentence, passed=False, cause=self._alarm.cause)
        # Who did not hold the load to its end may have failed, and can't have passed.
        unfinished = False if passed is False else None
        if self._alarm is not None:
            return Outcome(status="failed", reason=self._alarm.sentence, passed=unfinished, cause=self._alarm.cause)
        if load.given_up is not None:
            return Outcome(status="failed", reason=load.given_up.problem, passed=unfinished)
        if not load.answered:
            last = load.failures[-1].problem if load.failures else None
            reason = last or f"no text came in {self._spec.duration_s:g} s; try a longer `duration`"
            return Outcome(status="failed", reason=reason, passed=unfinished)
        return Outcome(passed=passed)

    def _troubles(self) -> Iterator[str]:
        """Yield what a reader should know of the load itself."""
        failures, paused = self._load.failures, self._bench.paused_ns() - self._paused_ns
        if failures:
            yield f"{len(failures)} of {self._load.requests} requests failed, the last one: {failures[-1].problem}"
        if paused > 0:
            yield f"the queue was paused for {wording.clock(paused)}, in which the machine could cool"
