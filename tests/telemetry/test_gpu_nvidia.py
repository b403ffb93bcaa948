"""Real pynvml on a library of our own that is compiled here; each case runs in a process of its own."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from support.scripted import Sink

from llmtui.engine.recorder import Recorder
from llmtui.engine.sampling import SamplerKeeper, sampler_command
from llmtui.events import SamplerLost, SamplerStarted, SampleTaken
from llmtui.telemetry.findings import find, once_command
from llmtui.telemetry.hardware import take_snapshot
from llmtui.telemetry.sample_lines import decode_line

STATE = """
count=1
gpu0.util=93
gpu0.mem_total=25769803776
gpu0.mem_used=9663676416
gpu0.temp=71
gpu0.temp_gpumax=88
gpu0.power_mw=310000
gpu0.power_limit_mw=350000
gpu0.clk_sm=1905
gpu0.reasons=4
"""
READ = """
import json
from itertools import count
from llmtui.telemetry.gpu_nvidia import NvidiaGpus
gpus = NvidiaGpus(count().__next__)
def shown(readings):
    return {key: value if isinstance(value, (int, float)) else value.reason for key, value in readings.items()}
"""


def build(folder, *flags):
    if shutil.which("gcc") is None or sys.platform != "linux":
        pytest.skip("needs gcc on Linux")
    source = Path(__file__).with_name("fake_nvml.c")
    target = folder / "libnvidia-ml.so.1"
    command = ["gcc", "-O1", "-w", "-shared", "-fPIC", "-Wl,-soname,libnvidia-ml.so.1", *flags, "-o", target, source]
    subprocess.run(command, check=True)
    return folder


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def state(tmp_path):
    path = tmp_path / "state"
    path.write_text(STATE)
    return path


def environ(library, state):
    return {**os.environ, "LD_LIBRARY_PATH": str(library), "FAKE_NVML_STATE": str(state)}


def child(code, library, state):
    command = [sys.executable, "-c", READ + textwrap.dedent(code)]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=environ(library, state), check=False
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_the_figures_of_a_gpu(library, state):
    readings = child("print(json.dumps(shown(gpus.sample(0))))", library, state)
    assert readings["gpu.0.percent"] == 93
    assert readings["gpu.0.memory.used"] == 9663676416
    assert readings["gpu.0.memory.total"] == 25769803776
    assert readings["gpu.0.temperature"] == 71
    assert readings["gpu.0.power"] == 310
    assert readings["gpu.0.power.limit"] == 350
    assert readings["gpu.0.clock.sm"] == 1905


def test_an_old_driver_without_the_new_calls(tmp_path, library, state):
    code = """
    readings = shown(gpus.sample(0))
    import pynvml
    try:
        pynvml.nvmlDeviceGetCurrentClocksEventReasons(pynvml.nvmlDeviceGetHandleByIndex(0))
        readings["new call"] = True
    except pynvml.NVMLError_FunctionNotFound:
        readings["new call"] = False
    print(json.dumps(readings))
    """
    for folder, new in ((build(tmp_path, "-DOLD_DRIVER"), False), (library, True)):
        readings = child(code, folder, state)
        assert readings["gpu.0.temperature"] == 71
        assert readings["gpu.0.throttle.reasons"] == 4
        assert readings["new call"] is new


def test_counters_and_what_newer_cards_tell(library, state):
    extra = "gpu0.energy_mj=5000000\ngpu0.margin=12\ngpu0.fan=40\ngpu0.fans=1\ngpu0.field74=3000000000\ngpu0.field75=2000000000\n"
    state.write_text(STATE.replace("gpu0.temp_gpumax=88\n", "") + extra + "gpu0.field82=80\ngpu0.field186=300000\n")
    readings = child("print(json.dumps(shown(gpus.sample(0))))", library, state)
    assert readings["gpu.0.energy"] == 5000
    assert readings["gpu.0.temperature.margin"] == 12
    assert readings["gpu.0.temperature.limit"] == 83, "the margin names the limit where no threshold does"
    assert readings["gpu.0.temperature.memory"] == 80
    assert readings["gpu.0.power"] == 300, "the draw at this moment beats the average"
    assert readings["gpu.0.throttle.thermal.time"] == 2
    assert readings["gpu.0.throttle.power.time"] == 3
    assert readings["gpu.0.fan"] == 40


def test_a_draw_that_can_not_be_is_no_figure(library, state):
    state.write_text(STATE.replace("310000", "593000"))
    assert "can't be" in child("print(json.dumps(shown(gpus.sample(0))))", library, state)["gpu.0.power"]


def test_a_divided_gpu_tells_why_it_has_no_utilisation(library, state):
    state.write_text(STATE.replace("gpu0.util=93\n", "") + "gpu0.mig=1\n")
    readings = child("print(json.dumps(shown(gpus.sample(0))))", library, state)
    assert "MIG" in readings["gpu.0.percent"]
    assert readings["gpu.0.memory.used"] == 9663676416


def test_what_is_not_supported_has_a_reason_and_shared_memory_is_the_machines(library, state):
    state.write_text("count=1\n")
    code = "readings = shown(gpus.sample(0)); readings['unified'] = gpus.gpus()[0].unified; print(json.dumps(readings))"
    readings = child(code, library, state)
    for figure in ("percent", "temperature", "power", "clock.sm", "energy", "throttle.reasons"):
        assert readings[f"gpu.0.{figure}"] == "this GPU or its driver does not tell"
    assert readings["unified"] is True
    assert readings["gpu.0.memory.total"] == take_snapshot().ram
    state.write_text(STATE)
    assert child(code, library, state)["unified"] is False


def test_four_gpus_keep_their_own_figures(library, state):
    lines = [f"gpu{n}.{line.partition('.')[2]}" for n in range(4) for line in STATE.split() if line.startswith("gpu0")]
    lines += [f"gpu{n}.util={10 * n}" for n in range(4)]
    state.write_text("count=4\n" + "\n".join(lines) + "\n")
    readings = child("print(json.dumps(shown(gpus.sample(0))))", library, state)
    assert [readings[f"gpu.{n}.percent"] for n in range(4)] == [0, 10, 20, 30]
    assert "gpu.4.percent" not in readings


def test_a_lost_gpu_comes_back_by_its_uuid_while_the_other_goes_on(library, state):
    """Started anew, the driver counts the two cards the other way round; each keeps its place among the figures."""
    second = STATE.replace("gpu0.util=93", "gpu1.util=50").replace("gpu0.", "gpu1.")
    two = f"{STATE}{second}count=2\n"
    swapped = two.replace("gpu1.util=50", "gpu1.util=93").replace("gpu0.util=93", "gpu0.util=50")
    code = f"""
    from pathlib import Path
    state = Path({str(state)!r})
    def percents(now):
        readings = shown(gpus.sample(now * 1_000_000_000))
        return [readings["gpu.0.percent"], readings["gpu.1.percent"]]
    found = [percents(0)]
    state.write_text({two!r} + "gpu0.error=15\\n")
    found += [percents(1), percents(2)]
    state.write_text({swapped!r} + "gpu0.uuid=1\\ngpu1.uuid=0\\n")
    found += [percents(3), percents(20)]
    print(json.dumps([found, [gpu.uuid[-1] for gpu in gpus.gpus()]]))
    """
    state.write_text(two)
    found, uuids = child(code, library, state)
    assert found[0] == [93, 50]
    for lost, other in found[1:4]:
        assert "lost" in lost, "it is not asked again before its time"
        assert other in (50, 93)
    assert found[4] == [93, 50]
    assert uuids == ["0", "1"]


def test_a_driver_that_was_upgraded_is_found_again_after_its_reload(library, state):
    code = f"""
    from pathlib import Path
    state = Path({str(state)!r})
    first = shown(gpus.sample(0))
    state.write_text({STATE!r})
    soon, later = shown(gpus.sample(1_000_000_000)), shown(gpus.sample(6_000_000_000))
    print(json.dumps([r["gpu.0.percent"] for r in (first, soon, later)]))
    """
    state.write_text(f"{STATE}init_error=18\n")
    first, soon, later = child(code, library, state)
    assert "upgraded" in first
    assert "upgraded" in soon
    assert later == 93


@pytest.mark.parametrize(
    ("error", "word"),
    [(9, "driver not loaded"), (18, "upgraded"), (4, "permission"), (12, "not found"), (999, "container")],
)
def test_a_driver_that_does_not_start_says_why(library, state, error, word):
    state.write_text(f"{STATE}init_error={error}\n")
    readings = child("print(json.dumps(shown(gpus.sample(0))))", library, state)
    assert word in readings["gpu.0.percent"]


def run_sampler(env, count=3):
    command = [sys.executable, "-m", "llmtui.telemetry.sampler", "--interval-ms", "400", "--count", str(count)]
    result = subprocess.run(command, capture_output=True, timeout=60, env=env, check=True, stdin=subprocess.DEVNULL)
    lines = [decode_line(line) for line in result.stdout.splitlines()]
    values = {key: value for line in lines for key, value in line.values.items()}
    missing = {key: reason for line in lines for key, reason in line.missing.items()}
    return lines, values, missing


def test_the_shipped_sampler_reads_it_and_without_it_says_so(library, state):
    lines, values, _ = run_sampler(environ(library, state))
    assert values["gpu.0.percent"] == 93
    gpus = [line.hardware.gpus for line in lines if line.hardware is not None][-1]
    assert gpus[0].name.startswith("FakeForce")
    if Path("/proc/driver/nvidia").exists():
        return
    _, values, missing = run_sampler(dict(os.environ))
    assert "gpu.0.percent" not in values
    assert missing["gpu.0.percent"]


def test_without_a_library_the_reason_is_told(tmp_path, state):
    readings = child("print(json.dumps(shown(gpus.sample(0))))", tmp_path, state)
    if isinstance(readings["gpu.0.percent"], int | float):
        pytest.skip("this machine has a driver of its own")
    assert "libnvidia-ml.so.1" in readings["gpu.0.percent"]


def replace(path, text):
    """Change the state at once: the library reads it at every call."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


def test_a_driver_that_hangs_is_stale_while_the_others_go_on_and_comes_back(library, state):
    command = [sys.executable, "-m", "llmtui.telemetry.sampler", "--interval-ms", "100", "--stale-ms", "400"]
    sampler = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environ(library, state))
    end = time.monotonic() + 60

    def until(condition):
        seen = []
        while time.monotonic() < end:
            seen.append(decode_line(sampler.stdout.readline()))
            if condition(seen[-1]):
                return seen
        raise AssertionError(f"not within a minute; last: {seen[-3:]}")

    try:
        until(lambda line: "gpu.0.percent" in line.values)
        replace(state, f"{STATE}gpu0.sleep_ms=800\n")
        until(lambda line: line.missing.get("gpu.0.percent", "").startswith("stale"))
        others = until(lambda line: "cpu.percent" in line.values)
        assert all("gpu.0.percent" not in line.values for line in others)
        replace(state, STATE)
        until(lambda line: line.values.get("gpu.0.percent") == 93)
    finally:
        sampler.kill()
        sampler.wait()
        sampler.stdout.close()


def test_one_sample_waits_for_a_driver_that_hangs_and_then_does_without_it(library, state):
    replace(state, f"{STATE}gpu0.sleep_ms=600000\n")
    for command in ([sys.executable, "-m", "llmtui", "sampler", "--once"], once_command()):
        result = subprocess.run(
            command, capture_output=True, timeout=60, env=environ(library, state), check=True, stdin=subprocess.DEVNULL
        )
        sample = next(line for line in map(decode_line, result.stdout.splitlines()) if line.values)
        assert sample.missing["gpu.0.percent"].startswith("stale")
        assert sample.values["ram.used"] > 0


async def test_a_driver_that_crashes_takes_only_the_sampler_which_is_started_again(library, state):
    env = environ(library, state)
    command = [
        "env",
        *(f"{name}={env[name]}" for name in ("LD_LIBRARY_PATH", "FAKE_NVML_STATE")),
        *sampler_command(100),
    ]
    sink, keeper = Sink(), SamplerKeeper(100, command)

    def percents():
        return [sample.values["gpu.0.percent"] for sample in sink.of(SampleTaken) if "gpu.0.percent" in sample.values]

    await keeper.start()
    task = asyncio.create_task(keeper.run(Recorder(sink)))
    try:
        async with asyncio.timeout(60):
            while not percents():
                await asyncio.sleep(0.01)
            replace(state, f"{STATE}gpu0.crash=1\n")
            while not sink.of(SamplerLost):
                await asyncio.sleep(0.01)
            replace(state, STATE)
            before = len(percents())
            while len(percents()) == before:
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await keeper.aclose()
    assert f"by signal {int(signal.SIGSEGV)}" in sink.of(SamplerLost)[0].reason
    assert len(sink.of(SamplerStarted)) >= 2


async def test_after_a_crash_each_gpu_keeps_its_number_though_the_driver_counts_them_the_other_way_round(
    library, state
):
    second = STATE.replace("gpu0.util=93", "gpu1.util=50").replace("gpu0.", "gpu1.")
    two = f"{STATE}{second}count=2\n"
    swapped = two.replace("gpu1.util=50", "gpu1.util=93").replace("gpu0.util=93", "gpu0.util=50")
    swapped += "gpu0.uuid=1\ngpu1.uuid=0\n"
    alone = f"{STATE}gpu0.uuid=1\n".replace("gpu0.util=93", "gpu0.util=50")
    env = environ(library, state)
    command = [
        "env",
        *(f"{name}={env[name]}" for name in ("LD_LIBRARY_PATH", "FAKE_NVML_STATE")),
        *sampler_command(100),
    ]
    sink, keeper = Sink(), SamplerKeeper(100, command)

    def told(number):
        key = f"gpu.{number}.percent"
        return [sample.values[key] for sample in sink.of(SampleTaken) if key in sample.values]

    async def after(text, *numbers):
        """Let the driver crash and come back as `text` says; wait for news of these GPUs."""
        lost, before = len(sink.of(SamplerLost)), [len(told(number)) for number in numbers]
        replace(state, f"{text}gpu0.crash=1\n")
        while len(sink.of(SamplerLost)) == lost:
            await asyncio.sleep(0.01)
        replace(state, text)
        while any(len(told(number)) == old for number, old in zip(numbers, before, strict=True)):
            await asyncio.sleep(0.01)

    replace(state, two)
    await keeper.start()
    task = asyncio.create_task(keeper.run(Recorder(sink)))
    try:
        async with asyncio.timeout(100):
            while not (told(0) and told(1)):
                await asyncio.sleep(0.01)
            await after(swapped, 0, 1)
            await after(alone, 1)
            await after(two, 0, 1)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await keeper.aclose()
    assert (set(told(0)), set(told(1))) == ({93.0}, {50.0})
    assert told(2) == []
    reasons = [sample.missing["gpu.0.percent"] for sample in sink.of(SampleTaken) if "gpu.0.percent" in sample.missing]
    assert any("does not find this GPU any more" in reason for reason in reasons), "while the other one was alone"


async def test_a_crash_leaves_the_doctor_with_a_reason(library, state):
    env = environ(library, state)
    command = ["env", *(f"{name}={env[name]}" for name in ("LD_LIBRARY_PATH", "FAKE_NVML_STATE")), *once_command()]
    assert (await find(command=command)).values["gpu.0.percent"] == 93
    replace(state, f"{STATE}gpu0.crash=1\n")
    findings = await find(command=command)
    assert "a graphics driver crashes" in findings.hardware.detection_failed["all"]


def test_the_memory_of_the_watched_server_on_the_gpu(library, state):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as server:
        state.write_text(
            f"{STATE}gpu0.proc0_pid={server.pid}\ngpu0.proc0_mem=1234567\ngpu0.proc1_pid=1\ngpu0.proc1_mem=99\n"
        )
        command = [sys.executable, "-m", "llmtui.telemetry.sampler", "--once", "--pid", str(server.pid)]
        result = subprocess.run(
            command, capture_output=True, timeout=60, env=environ(library, state), check=True, stdin=subprocess.DEVNULL
        )
        server.stdin.close()
    sample = decode_line(result.stdout.splitlines()[1])
    assert sample.values["server.memory.gpu"] == 1234567
