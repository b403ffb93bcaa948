import asyncio
import os
import time

import pytest
from support.scripted import Sink

from llmtui import events as ev
from llmtui.engine.measuring import LAG_STEP_S, LagMeter, SelfMeter
from llmtui.engine.recorder import Recorder
from llmtui.metrics.client_bound import LEAST_LAGS
from llmtui.suites.schema import Limits


async def test_a_blocked_loop_shows_as_lag():
    meter = LagMeter(step_s=0.01)
    meter.start()
    await asyncio.sleep(0.05)
    time.sleep(0.2)  # noqa: ASYNC251 - the blocking is what is measured
    await asyncio.sleep(0.02)
    meter.stop()
    assert meter.lag_ns(100) > 150_000_000
    assert LagMeter().lag_ns(50) is None


def meter_for(sink, *, clock=time.monotonic_ns, cpu_clock=time.process_time, **limits):
    return SelfMeter(
        Recorder(sink, clock=clock),
        sampler_pid=os.getpid,
        log_bytes=lambda: 77,
        limits=Limits(**limits),
        every_s=0.01,
        cpu_clock=cpu_clock,
    )


async def test_own_use_is_logged():
    sink = Sink()
    task = asyncio.create_task(meter_for(sink).run())
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    event = sink.of(ev.SelfMeasured)[0]
    assert event.log_bytes == 77
    assert event.engine_memory > 1_000_000
    assert event.sampler_memory > 1_000_000


@pytest.mark.parametrize(("limit", "flags"), [(40.0, 1), (60.0, 0)])
def test_a_job_in_which_the_engine_used_too_much_is_flagged_once(limit, flags):
    sink = Sink()
    now = [0]
    meter = meter_for(sink, clock=lambda: now[0], cpu_clock=lambda: now[0] / 1e9 * 0.5, client_cpu=limit)
    meter.job_changed("j1")
    for _ in range(5):
        now[0] += 2_000_000_000
        meter._judge()
    meter.job_changed(None)
    alerts = sink.of(ev.AlertRaised)
    assert [(alert.code, alert.job) for alert in alerts] == [(ev.CLIENT_BOUND, "j1")] * flags
    assert all("50 % of a core (limit 40 %)" in alert.text for alert in alerts)


class Sleeps:
    """A clock that goes on by `late_ns` more than each timer asked for, as a busy loop makes it seem."""

    def __init__(self, meter_step_s, late_ns):
        self.at = 0
        self.step = round(meter_step_s * 1e9) + late_ns

    def __call__(self):
        self.at += self.step
        return self.at


async def lags(late_ns, count):
    """A meter that has measured `count` lags of `late_ns`."""
    meter = LagMeter(clock=Sleeps(0.001, late_ns), step_s=0.001)
    meter.start()
    async with asyncio.timeout(20):
        while meter.count < count:
            await asyncio.sleep(0.001)
    meter.stop()
    return meter


async def test_the_latest_lags_can_be_asked_for():
    meter = await lags(5_000_000, 12)
    assert meter.latest(3) == [5_000_000] * 3
    assert meter.latest(10_000) == [5_000_000] * meter.count
    assert meter.latest(0) == meter.latest(-1) == []
    assert meter.lag_ns(99) == 5_000_000
    assert (await lags(-9, 3)).lag_ns(50) == 0, "early is not late"


async def test_a_stopped_meter_looks_no_more_and_keeps_what_it_has():
    meter = await lags(5_000_000, 2)
    seen = meter.latest(meter.count)
    await asyncio.sleep(0.02)
    assert meter.latest(100) == seen
    meter.stop()
    meter.start()
    async with asyncio.timeout(20):
        while meter.count == len(seen):
            await asyncio.sleep(0.001)
    meter.stop()


def test_a_job_of_five_seconds_has_lags_enough_to_be_judged():
    assert LEAST_LAGS * LAG_STEP_S <= 5.0


async def test_a_job_is_judged_by_its_own_time_and_each_one_anew():
    sink = Sink()
    now, used = [0], [0.0]
    meter = meter_for(sink, clock=lambda: now[0], cpu_clock=lambda: used[0], client_cpu=70.0)

    def run_job(name, share, seconds=10):
        meter.job_changed(name)
        now[0] += seconds * 1_000_000_000
        used[0] += seconds * share

    run_job("j1", 0.9)
    run_job("j2", 0.1)
    run_job("j3", 0.9, seconds=3)  # too short to tell
    run_job("j4", 0.8)
    meter.job_changed(None)
    used[0] += 1000
    meter.job_changed(None)
    assert [alert.job for alert in sink.of(ev.AlertRaised)] == ["j1", "j4"]
