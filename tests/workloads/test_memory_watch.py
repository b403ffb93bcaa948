import asyncio

import pytest

from llmtui.metrics.heat.stress_verdict import SWAPPED_IN
from llmtui.telemetry.sensors import Sample, Sensors
from llmtui.workloads.memory_watch import MemoryWatch

S = 1_000_000_000


class Bench:
    def __init__(self, blind=None):
        self.sensors = Sensors()
        self.blind = blind

    def now(self):
        return 0


async def watched(*samples, blind=None, before=None):
    bench = Bench(blind)
    if before is not None:
        bench.sensors.take(Sample(0, before, {}))
    async with MemoryWatch(bench) as memory:
        for t, values in samples:
            bench.sensors.take(Sample(t * S, values, {}))
        await asyncio.sleep(0)
        return memory.span()


async def test_a_rate_counts_for_the_time_since_the_sample_before():
    span = await watched((1, {"swap.in.rate": 10.0}), (3, {"swap.in.rate": 20.0}), (4, {"cpu.percent": 3.0}))
    assert span.swapped_in == 10.0 + 40.0
    assert span.ran_out is None


@pytest.mark.parametrize(("swapped", "ran_out"), [(SWAPPED_IN - 1, False), (SWAPPED_IN, True)])
async def test_what_any_idle_machine_fetches_is_no_lack(swapped, ran_out):
    assert ((await watched((1, {"swap.in.rate": float(swapped)}))).ran_out is not None) is ran_out


@pytest.mark.parametrize(
    ("before", "samples", "kills"),
    [
        ({"memory.kills": 3.0}, [{"memory.kills": 3.0}], 0),
        ({"memory.kills": 3.0}, [{"memory.kills": 4.0}], 1),
        (None, [{"memory.kills": 4.0}], 0),
        (None, [{"memory.kills": 4.0}, {"memory.kills": 6.0}], 2),
        (None, [{}], None),
        ({"memory.kills": 3.0}, [{}], None),
    ],
)
async def test_only_those_killed_meanwhile_count(before, samples, kills):
    span = await watched(*((place + 1, values) for place, values in enumerate(samples)), before=before)
    assert span.kills == kills
    assert (span.ran_out is not None) is bool(kills)


async def test_nothing_read_is_nothing_known():
    span = await watched()
    assert (span.swapped_in, span.kills, span.ran_out) == (None, None, None)


async def test_another_machine_is_not_spoken_of():
    span = await watched((1, {"swap.in.rate": 9e9}), blind="the server runs elsewhere")
    assert (span.swapped_in, span.ran_out) == (None, None)


async def test_the_next_sample_is_waited_for_and_a_lost_sampler_is_not():
    bench = Bench()
    async with MemoryWatch(bench) as memory:
        await memory.look_again()  # nothing has been delivered: there is nothing to wait for
        bench.sensors.take(Sample(S, {"memory.kills": 1.0}, {}))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(memory.look_again())
        await asyncio.sleep(0)
        assert not waiting.done()
        bench.sensors.take(Sample(2 * S, {"memory.kills": 2.0}, {}))
        await waiting
        assert memory.span().kills == 1
