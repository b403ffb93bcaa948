"""Real pynvml on a library of our own that is compiled here; each case runs in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

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


def test_an_old_driver_without_the_new_calls(tmp_path, state):
    readings = child("print(json.dumps(shown(gpus.sample(0))))", build(tmp_path, "-DOLD_DRIVER"), state)
    assert readings["gpu.0.temperature"] == 71


def test_a_lost_gpu_has_a_reason_and_comes_back(library, state):
    code = f"""
    from pathlib import Path
    state = Path({str(state)!r})
    whole = state.read_text()
    first = shown(gpus.sample(0))
    state.write_text(whole + "gpu0.error=15\\n")
    lost = shown(gpus.sample(1_000_000_000))
    state.write_text(whole)
    back = shown(gpus.sample(20_000_000_000))
    print(json.dumps([first["gpu.0.percent"], lost["gpu.0.percent"], back["gpu.0.percent"]]))
    """
    first, lost, back = child(code, library, state)
    assert (first, back) == (93, 93)
    assert "lost" in lost


@pytest.mark.parametrize(("error", "word"), [(9, "driver not loaded"), (18, "upgraded"), (4, "permission")])
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


def test_a_driver_that_hangs_leaves_the_other_figures_alone(library, state):
    state.write_text(f"{STATE}gpu0.sleep_ms=1500\n")
    _, values, _ = run_sampler(environ(library, state), count=2)
    assert "cpu.percent" in values
