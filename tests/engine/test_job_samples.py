import asyncio

from llmtui.engine.job_samples import MOST, JobSamples
from llmtui.telemetry.sensors import Sample, Sensors


async def test_it_keeps_what_stood_before_and_all_that_comes():
    sensors = Sensors()
    sensors.take(Sample(5, {"gpu.0.percent": 9.0}, {"cpu.power": "no meter"}))
    kept = JobSamples(sensors)
    task = asyncio.create_task(kept.run())
    await asyncio.sleep(0)
    for t in range(10, 13):
        sensors.take(Sample(t, {"gpu.0.percent": float(t)}, {}))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [(sample.t_ns, dict(sample.values)) for sample in kept.taken()] == [
        (t, {"gpu.0.percent": float(v)}) for t, v in ((5, 9), (10, 10), (11, 11), (12, 12))
    ]
    assert kept.taken()[0].missing == {"cpu.power": "no meter"}
    assert sensors._followers == []


async def test_a_long_job_keeps_its_latest_samples():
    sensors = Sensors()
    kept = JobSamples(sensors)
    task = asyncio.create_task(kept.run())
    await asyncio.sleep(0)
    for t in range(MOST + 10):
        sensors.take(Sample(t, {}, {}))
    await asyncio.sleep(0.1)
    task.cancel()
    assert len(kept.taken()) == MOST
    assert kept.taken()[-1].t_ns == MOST + 9
