import json
import subprocess
import sys

import pytest
from support.trees import write

from llmtui.telemetry.lanes import InlineLane
from llmtui.telemetry.once import take_once
from llmtui.telemetry.sample_lines import Watch
from llmtui.telemetry.sources import find_sources

S = 1_000_000_000
ENERGY = "sys/class/powercap/intel-rapl:0"


def stat(busy, idle):
    return f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 {busy} 0 0 {idle} 0 0 0 0 0 0"


class Machine:
    """A tree whose clock and counters go on while the caller sleeps."""

    def __init__(self, root):
        self.now_ns = 0
        self.root = root
        self.slept = []
        self.set(100, 900, 0)

    def set(self, busy, idle, energy):
        write(
            self.root,
            {
                "proc/stat": stat(busy, idle),
                "proc/meminfo": "MemTotal: 1000 kB\nMemAvailable: 400 kB",
                "sys/devices/system/cpu/cpu0/topology/core_cpus_list": "0",
                f"{ENERGY}/name": "package-0",
                f"{ENERGY}/energy_uj": energy,
                f"{ENERGY}/max_energy_range_uj": 10**9,
            },
        )

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now_ns += round(seconds * S)
        self.set(175, 925, 30_000_000)

    def take(self, **options):
        def lane(source):
            return InlineLane(source.probe, source.period_ns, clock=lambda: self.now_ns)

        return take_once(
            find_sources(str(self.root)), clock=lambda: self.now_ns, sleep=self.sleep, make_lane=lane, **options
        )


def test_one_sample_holds_states_and_the_rates_between_two_looks(tmp_path):
    machine = Machine(tmp_path)
    hardware, sample = machine.take(between_s=2.0)
    assert hardware.hardware.ram == 1000 * 1024
    assert sample.values["ram.used"] == 600 * 1024
    assert sample.values["cpu.percent"] == 75.0
    assert sample.values["cpu.power"] == 15.0
    assert sample.monotonic_ns == 2 * S
    assert machine.slept == [2.0]


def test_every_figure_is_a_value_or_a_reason_and_never_both(tmp_path):
    _, sample = Machine(tmp_path).take()
    assert not sample.values.keys() & sample.missing.keys()
    assert all(sample.missing.values())
    assert "needs two readings" not in sample.missing.values()


def test_counters_that_stand_still_leave_no_rate(tmp_path):
    machine = Machine(tmp_path)
    machine.set(175, 925, 30_000_000)
    _, sample = machine.take()
    assert sample.values["cpu.power"] == 0.0
    assert "cpu.percent" not in sample.values, "no tick passed: the load is unknown, not 0"
    assert sample.missing["cpu.percent"] == "needs two readings"


def test_a_watched_server_comes_along():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as server:
        lines = take_once(find_sources(), between_s=0.3, watch=Watch(target="me", pid=server.pid))
        server.stdin.close()
    assert lines[1].values["server.processes"] == 1
    assert lines[2].processes.processes[0].pid == server.pid


def test_the_command_prints_one_line_and_ends_well():
    command = [sys.executable, "-m", "llmtui", "sampler", "--once", "--interval", "0.3"]
    result = subprocess.run(command, capture_output=True, timeout=60, check=True, stdin=subprocess.DEVNULL)
    (line,) = result.stdout.splitlines()
    sample = json.loads(line)
    assert sample["values"]["ram.used"] > 0
    assert {"disk.read.rate", "swap.in.rate"} & sample["values"].keys()
    assert result.stderr == b""


@pytest.mark.parametrize("options", [["--count", "2"], ["--interval", "0.01"], ["--interval", "nan"]])
def test_options_that_contradict_are_refused(options):
    command = [sys.executable, "-m", "llmtui", "sampler", "--once", *options]
    result = subprocess.run(command, capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    assert result.returncode == 2
    assert result.stdout == b""
