"""Variants whose options count at load, on a real Ollama: each is measured with its own, and none with another's."""

from itertools import pairwise

import httpx
import pytest
from support.scripted import Sink

from llmtui import events as ev
from llmtui.backends.discover import identify
from llmtui.backends.ollama import OllamaBackend
from llmtui.engine.bench import JobBench
from llmtui.engine.gate import Gate
from llmtui.engine.job import run_job
from llmtui.engine.recorder import Recorder
from llmtui.engine.residence import Residence
from llmtui.suites.plan import PlannedTarget, plan_jobs
from llmtui.suites.reading import read_suite

from .test_ollama_real import MODEL, ollama

pytestmark = [pytest.mark.ollama, pytest.mark.timeout(300)]

__all__ = ["ollama"]

TEXT = f"""
name: r
models: ['{MODEL}']
iterations: 2
warmup: 0
workloads:
  - {{kind: sweep, quick: true, max_tokens: 4}}
grid: {{options.num_ctx: [512, 1024], options.num_gpu: [0]}}
"""


async def test_each_point_runs_in_its_own_window(ollama):
    suite, sink, residence = read_suite(TEXT, "f"), Sink(), Residence()
    recorder, backend = Recorder(sink), OllamaBackend(ollama.url)
    plans = plan_jobs(suite, [PlannedTarget(ollama.url, await identify(ollama.url))])
    windows = []
    try:
        # Somebody else loaded the model before, with a window of no point.
        await backend.load(MODEL, {"num_ctx": 2048})
        for number, plan in enumerate(plans):
            bench = JobBench(
                recorder,
                backend=backend,
                job=f"j{number}",
                model=MODEL,
                limits=suite.limits,
                gate=Gate(),
                session="s",
            )
            outcome = await run_job(plan, suite, backend=backend, bench=bench, residence=residence, recorder=recorder)
            assert outcome.status == "done", outcome.reason
            windows.append(await window_of(ollama.url))
    finally:
        await backend.aclose()
    assert windows == [plan.point["options.num_ctx"] for plan in plans]
    assert sorted(windows) == [512, 512, 1024, 1024]
    changes = 1 + sum(one != other for one, other in pairwise(windows))
    loads = sink.of(ev.ModelLoaded)
    assert len(loads) == changes, "loaded anew where the window changed, and only there"
    assert all(load.load_ns > 0 for load in loads)


async def window_of(url):
    async with httpx.AsyncClient(trust_env=False) as client:
        (row,) = (await client.get(f"{url}/api/ps")).json()["models"]
    return row["context_length"]
