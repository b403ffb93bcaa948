import asyncio
import os
import signal
import sys

import pytest
from support.scripted import Sink

from llmtui import events as ev
from llmtui.engine.recorder import Recorder
from llmtui.engine.sampling import SamplerKeeper, is_local

SNAPSHOT = '{"hardware":{"cpu_model":"X"},"monotonic_ns":1,"pid":1}'
SAMPLE = '{"monotonic_ns":2,"values":{"cpu.percent":5.0}}'


def script(code):
    return [sys.executable, "-c", f"import sys, time\ndef say(line):\n    print(line, flush=True)\n{code}"]


async def run_for(keeper, sink, condition, seconds=8):
    task = asyncio.create_task(keeper.run(Recorder(sink, origin_ns=0)))
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await keeper.aclose()


async def test_the_real_sampler_gives_hardware_and_samples():
    sink, keeper = Sink(), SamplerKeeper(100)
    hardware = await keeper.start()
    assert hardware.cores_logical == os.cpu_count()
    assert hardware.ram
    keeper.watch("me", "http://127.0.0.1:9", os.getpid())
    await run_for(
        keeper,
        sink,
        lambda: sink.of(ev.ServerProcessesFound) and any("cpu.percent" in s.values for s in sink.of(ev.SampleTaken)),
    )
    assert sink.of(ev.ServerProcessesFound)[0].processes[0].pid == os.getpid()
    assert sink.of(ev.SamplerLost) == []
    assert keeper.pid is None


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("box.local", False), ("10.0.0.7", False)],
)
def test_only_a_local_server_is_looked_for_here(host, local):
    assert is_local(host) is local


async def test_a_sampler_that_dies_is_started_again_and_leaves_a_gap():
    sink, keeper = Sink(), SamplerKeeper(100)
    await keeper.start()
    task = asyncio.create_task(keeper.run(Recorder(sink)))
    async with asyncio.timeout(10):
        while not sink.of(ev.SampleTaken):
            await asyncio.sleep(0.01)
        os.kill(keeper.pid, signal.SIGKILL)
        while len(sink.of(ev.SamplerStarted)) < 2:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await keeper.aclose()
    assert "by signal 9" in sink.of(ev.SamplerLost)[0].reason
    assert sink.of(ev.AlertRaised)[0].code == "sampler-lost"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (f"say('{SNAPSHOT}')\nsay('{SAMPLE}')\ntime.sleep(60)", "silent for"),
        (f"say('{SNAPSHOT}')\nsay('nonsense')\ntime.sleep(60)", "no sample"),
        (f"say('{SNAPSHOT}')\nsys.exit(3)", "with exit code 3"),
    ],
)
async def test_what_goes_wrong_is_said(code, reason):
    sink, keeper = Sink(), SamplerKeeper(50, script(code), silence_s=0.3)
    assert (await keeper.start()).cpu_model == "X"
    await run_for(keeper, sink, lambda: sink.of(ev.SamplerLost))
    assert reason in sink.of(ev.SamplerLost)[0].reason


@pytest.mark.parametrize(
    "command", [["/nonexistent/sampler"], script("sys.exit(1)"), script(f"say('{SAMPLE}')\ntime.sleep(9)")]
)
async def test_without_a_snapshot_the_session_still_has_a_reason(command):
    keeper = SamplerKeeper(100, command)
    hardware = await keeper.start()
    await keeper.aclose()
    assert "gave no snapshot" in hardware.detection_failed["all"]
