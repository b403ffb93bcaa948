"""Workload `stress`: generate without a pause, and find out what heat does to the machine.

Sends: the same prompt again and again, each time unique to the prompt cache, in one stream or several. Measures: the
decode rate of each interval, beside the hardware's figures. Judges: temperature, throttling, swapping and a decline of
the rate; ends the load at once when a device gets too hot, or when its temperature can't be read any more.
"""

import asyncio
from contextlib import aclosing

from llmtui.events import Criterion
from llmtui.metrics.decline import SlowingHint
from llmtui.metrics.decode_intervals import Arrived, rate_within, spread_within
from llmtui.metrics.evidence import Sample
from llmtui.metrics.heat_guard import Alarm, HeatGuard, device_name
from llmtui.metrics.stress_verdict import Record, judge_stress
from llmtui.suites.schema import Stress
from llmtui.workloads.base import Bench, Generation, Outcome
from llmtui.workloads.generate import HOPELESS

LAST_ANSWER_S = 5.0
"""How long the last answers may still take when the time is over."""

SHORTEST_RECORD_S = 1.0
LONGEST_RECORD_S = 30.0
RECORDS = 60


class StressWorkload:
    """Runs `llmtui.suites.schema.Stress`."""

    async def run(self, spec: Stress, bench: Bench) -> Outcome:
        """Hold the load to its end or to an alarm, let the machine cool down, and judge."""
        run = _Run(spec, bench)
        watching = asyncio.create_task(run.watch())
        try:
            await run.hold()
            await run.cool_down()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        return run.outcome()


class _Run:
    """One stress run: what was measured so far, and why it ended."""

    def __init__(self, spec: Stress, bench: Bench) -> None:
        self._spec = spec
        self._bench = bench
        self._guard = HeatGuard(spec.max_temperature, spec.abort_temperature)
        self._samples: list[Sample] = []
        self._requests: list[Arrived] = []
        self._records: list[Record] = []
        self._running: dict[int, int] = {}
        self._failed: Generation | None = None
        self._alarm: Alarm | None = None
        self._alarmed = asyncio.Event()
        self._hint = SlowingHint()
        self._blind_told: set[str] = set()
        self._began_ns = bench.now()
        self._ended_ns = self._began_ns
        self._record_ns = round(record_s(spec) * 1e9)

    # --- while the load is held ------------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Look at every sample, and raise the alarm."""
        sensors = self._bench.sensors
        for key, (t, value) in sorted(sensors.latest().items(), key=lambda item: item[1][0]):
            self._look(Sample(t, {key: value}, sensors.missing()), None)
        async with aclosing(sensors.follow()) as samples:
            async for sample in samples:
                self._look(Sample(sample.t, sample.values, sample.missing), sample.lost)

    def _look(self, sample: Sample, lost: str | None) -> None:
        self._samples.append(sample)
        alarm = self._guard.look(sample.t_ns, sample.values, sample.missing, lost)
        for device in self._guard.blind_since_ns.keys() - self._blind_told:
            self._blind_told.add(device)
            self._bench.warn("guard-blind", f"the temperature of {device_name(device)} can't be read any more")
        if alarm is not None and self._alarm is None and not self._alarmed.is_set():
            if alarm.cause == "sensor lost" and self._spec.allow_blind:
                return
            self._alarm = alarm
            self._alarmed.set()

    async def hold(self) -> None:
        """Generate until the time is over, or the alarm is raised, which cancels what is under way."""
        self._began_ns = self._bench.now()
        load = asyncio.create_task(self._generate_all())
        alarmed = asyncio.create_task(self._alarmed.wait())
        try:
            await asyncio.wait({load, alarmed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (load, alarmed):
                task.cancel()
            await asyncio.gather(load, alarmed, return_exceptions=True)
        self._ended_ns = self._bench.now()
        self._record_until(self._ended_ns)

    async def _generate_all(self) -> None:
        async with asyncio.timeout(self._spec.duration_s + LAST_ANSWER_S):
            async with asyncio.TaskGroup() as group:
                for stream in range(self._spec.streams):
                    group.create_task(self._generate(stream))

    async def _generate(self, stream: int) -> None:
        spec, bench = self._spec, self._bench
        end_ns = self._began_ns + round(spec.duration_s * 1e9)
        system = () if spec.system is None else (("system", spec.system),)
        while bench.now() < end_ns and self._failed is None:
            self._running[stream] = bench.now()
            generation = await bench.generate(
                (*system, ("user", spec.prompt)),
                max_tokens=spec.max_tokens,
                temperature=spec.temperature,
                seed=spec.seed,
                stop=spec.stop,
                options=dict(spec.options),
                unique=True,
            )
            self._take(generation)
        self._running.pop(stream, None)

    def _take(self, generation: Generation) -> None:
        if generation.status == "failed" and generation.problem_kind in HOPELESS:
            self._failed = generation
        chunks = len(generation.arrivals_ns)
        if chunks:
            tokens = generation.figures.tokens or chunks
            self._requests.append(Arrived(generation.arrivals_ns, tokens / chunks))
        seconds = (self._bench.now() - self._began_ns) / 1e9
        total = round(self._spec.duration_s)
        self._bench.progress("measuring", min(round(seconds), total), total, note="seconds")
        self._record_until(min(self._running.values(), default=self._bench.now()))

    def _record_until(self, moment_ns: int) -> None:
        """Record the intervals that are over and in which nothing is still to come."""
        while (start := self._began_ns + len(self._records) * self._record_ns) + self._record_ns <= moment_ns:
            end = start + self._record_ns
            rate = rate_within(self._requests, start, end)
            figures = spread_within([(sample.t_ns, sample.values) for sample in self._samples], start, end)
            self._records.append(Record(start, end, rate.decode_rate, figures))
            self._requests = [request for request in self._requests if request.arrivals[-1] >= end]
            self._bench.interval_recorded(start, end, rate, figures)
            was_slowing = self._hint.slowing
            if self._hint.add(rate.decode_rate) and not was_slowing:
                self._bench.warn("slowing", f"slowing: {self._hint.sentence}")

    # --- afterwards ------------------------------------------------------------------------------------------------

    async def cool_down(self) -> None:
        """Watch the machine recover. Once the load is off there is nothing left to abort."""
        self._alarmed.set()
        if self._failed is None and self._spec.cooldown_s > 0:
            self._bench.progress("cooling", 0, 0, note=f"watching the recovery for {self._spec.cooldown_s:g} s")
            await self._bench.sleep(self._spec.cooldown_s)

    def outcome(self) -> Outcome:
        """Judge the run, log the verdict, and return how the job ended."""
        judged = judge_stress(
            self._samples,
            self._records,
            self._began_ns,
            self._ended_ns,
            self._spec.max_decline,
            self._bench.blind,
        )
        criteria = (*self._heat_criteria(), *judged.criteria)
        self._bench.verdict_reached(judged.verdict, judged.sentence, judged.evidence, criteria)
        passed = all_of(criteria)
        if self._alarm is not None:
            return Outcome(status="failed", reason=self._alarm.sentence, passed=False, cause=self._alarm.cause)
        if self._failed is not None:
            return Outcome(status="failed", reason=self._failed.problem, passed=passed)
        return Outcome(passed=passed)

    def _heat_criteria(self) -> list[Criterion]:
        if not self._guard.peaks or self._bench.blind is not None:
            text = f"not evaluated: {self._bench.blind or 'no temperature can be read here'}"
            return [Criterion(name="temperature", passed=None, text=text)]
        found = []
        for device, peak in self._guard.peaks.items():
            limits = self._guard.limits[device]
            text = f"at most {peak:.0f} °C; the limit to pass is {limits.most:.0f} °C ({limits.source})"
            found.append(Criterion(name=f"temperature of {device_name(device)}", passed=peak <= limits.most, text=text))
        return found


def record_s(spec: Stress) -> float:
    """Return how long an interval is."""
    if spec.record_s is not None:
        return spec.record_s
    return min(LONGEST_RECORD_S, max(SHORTEST_RECORD_S, spec.duration_s / RECORDS))


def all_of(criteria: tuple[Criterion, ...]) -> bool | None:
    """Return False when one failed, None when one could not be judged, True when all passed."""
    if any(criterion.passed is False for criterion in criteria):
        return False
    return None if any(criterion.passed is None for criterion in criteria) else True
