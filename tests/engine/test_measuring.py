import asyncio
import os
import subprocess
import sys
import time

from support.scripted import Sink

from llmtui import events as ev
from llmtui.engine.measuring import LagMeter, ProcessMeter, measure_self
from llmtui.engine.recorder import Recorder


async def test_a_blocked_loop_shows_as_lag():
    meter = LagMeter(step_s=0.01)
    task = asyncio.create_task(meter.run())
    await asyncio.sleep(0.05)
    time.sleep(0.2)  # noqa: ASYNC251 - the blocking is what is measured
    await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert meter.lag_ns(100) > 150_000_000
    assert LagMeter().lag_ns(50) is None


def test_a_process_that_works_uses_cpu_and_one_that_is_gone_uses_nothing():
    child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        meter = ProcessMeter(child.pid)
        time.sleep(0.3)
        share, memory = meter.look()
        assert share > 5
        assert memory > 1_000_000
    finally:
        child.kill()
        child.wait()
    assert meter.look() == (None, None)
    assert ProcessMeter(child.pid).look() == (None, None)


async def test_own_use_is_logged():
    sink = Sink()
    task = asyncio.create_task(measure_self(Recorder(sink), LagMeter(), os.getpid, lambda: 77, 0.01))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    event = sink.of(ev.SelfMeasured)[0]
    assert event.log_bytes == 77
    assert event.engine_memory > 1_000_000
    assert event.sampler_memory > 1_000_000
