import json
import os
import subprocess
import sys
import time

import pytest
from support.trees import HWMON, INTEL_LAPTOP, write

from llmtui.telemetry.sample_lines import SamplerCommand, Watch, decode_line, encode

SAMPLER = [sys.executable, "-m", "llmtui.telemetry.sampler"]


def lines_of(*options, **popen):
    command = [*SAMPLER, "--interval-ms", "60", *options]
    result = subprocess.run(command, capture_output=True, timeout=30, check=True, stdin=subprocess.DEVNULL, **popen)
    return [decode_line(line) for line in result.stdout.splitlines()]


def test_hardware_first_then_samples_in_the_order_of_time():
    lines = lines_of("--count", "4")
    assert lines[0].hardware.cores_logical
    samples = [line for line in lines if line.values]
    assert len(samples) == 4
    times = [line.monotonic_ns for line in lines]
    assert times == sorted(times)
    assert abs(times[-1] - time.monotonic_ns()) < 10_000_000_000, "the clock is the machine's own"
    assert any("cpu.percent" in line.values for line in samples)


def test_every_main_figure_has_a_value_or_a_reason():
    lines = lines_of("--count", "20")
    known = {key for line in lines for key in (*line.values, *line.missing)}
    main = ["cpu.percent", "cpu.frequency", "cpu.temperature", "cpu.power", "ram.used"]
    main += ["gpu.0.percent", "gpu.0.memory.used", "gpu.0.temperature", "gpu.0.power"]
    assert set(main) <= known
    assert all(reason for line in lines for reason in line.missing.values())


def test_it_obeys_commands_while_it_runs():
    child = subprocess.Popen([*SAMPLER, "--interval-ms", "100"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        child.stdin.write(encode(SamplerCommand(watch=Watch(target="me", pid=os.getpid()))))
        child.stdin.write(b"nonsense\n")
        child.stdin.flush()
        end = time.monotonic() + 15
        seen = set()
        while time.monotonic() < end and not {"processes", "server.memory.private"} <= seen:
            line = decode_line(child.stdout.readline())
            seen |= set(line.values)
            if line.processes is not None and line.processes.processes:
                assert line.processes.processes[0].pid == os.getpid()
                seen.add("processes")
        assert {"processes", "server.memory.private"} <= seen
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()


def test_it_ends_when_nobody_reads_any_more():
    child = subprocess.Popen([*SAMPLER, "--interval-ms", "50"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    child.stdout.readline()
    child.stdout.close()
    assert child.wait(10) is not None


def test_the_sampler_is_small():
    child = subprocess.Popen([*SAMPLER, "--interval-ms", "100"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        for _ in range(5):
            child.stdout.readline()
        with open(f"/proc/{child.pid}/status") as status:  # noqa: PTH123 - a kernel file
            resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        assert resident < 26_000
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


@pytest.mark.privileged
def test_the_shipped_sampler_on_a_mounted_tree(tmp_path):
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespaces here")
    write(tmp_path, INTEL_LAPTOP)
    script = f'mount --bind {tmp_path}/{HWMON.rpartition("/")[0]} /sys/class && exec "$@"'
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", *SAMPLER]
    result = subprocess.run(
        [*command, "--interval-ms", "60", "--count", "3"],
        capture_output=True,
        timeout=30,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    values = {
        key: value for line in result.stdout.splitlines() for key, value in json.loads(line).get("values", {}).items()
    }
    assert values["cpu.temperature"] == 91.0
