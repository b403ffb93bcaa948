"""The shipped sampler and real psutil on a machine whose /sys and /proc are laid over those of this one."""

import json
import os
import subprocess
import sys

import pytest
from support.trees import machine, plant

pytestmark = pytest.mark.privileged
UNSHARE = ["unshare", "-m", "--propagation", "private"] + (["-r"] if os.geteuid() else [])
PROC = ("cpuinfo", "stat", "meminfo", "vmstat", "diskstats", "pressure")
MOVING = ("percent", "steal", "power", "energy", "rate", "used", "kills", "cgroup", "sampler", "server")
SAMPLER = [sys.executable, "-m", "llmtui.telemetry.sampler", "--once"]
PORTABLE = """
import json, sys
from pathlib import Path
from llmtui.telemetry.base import Missing
from llmtui.telemetry.portable import PortableMachine
machine = PortableMachine()
looks = [machine.sample(0), machine.sample(1_000_000_000)]
for path in Path(sys.argv[1]).iterdir():  # in place: a mounted file keeps its inode
    Path("/proc", path.name).write_bytes(path.read_bytes())
looks.append(machine.sample(3_000_000_000))
print(json.dumps([{k: v for k, v in look.items() if not isinstance(v, Missing)} for look in looks]))
"""


def inside(folder, this, command):
    """Run `command` where this machine's files are those of `this`."""
    if sys.platform != "linux" or subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespaces here: run as root, or allow user namespaces")
    root = plant(folder, this.root)
    mounts = [f"mount --bind {root}/sys /sys"]
    mounts += [f"mount --bind {root}/proc/{name} /proc/{name}" for name in PROC if (folder / "proc" / name).exists()]
    script = " && ".join([*mounts, 'exec "$@"'])
    result = subprocess.run(
        [*UNSHARE, "sh", "-c", script, "sh", *command],
        capture_output=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def standing(values):
    """The figures that are the same at each look; rates of files that nobody changes are none."""
    return {key: value for key, value in values.items() if not any(word in key for word in MOVING)}


@pytest.mark.parametrize("name", ["intel-laptop", "arc", "strix-halo"])
def test_the_shipped_sampler_on_a_mounted_machine(name, tmp_path):
    this = machine(name)
    hardware, sample = (json.loads(line) for line in inside(tmp_path, this, SAMPLER).splitlines())
    expected = standing({**this.values, **_as_at_first(this)})
    assert expected.items() <= standing(sample["values"]).items()
    assert hardware["hardware"]["cpu_model"] == this.hardware["cpu_model"]
    assert [gpu["name"] for gpu in hardware["hardware"]["gpus"]] == this.hardware["gpus"]


def _as_at_first(this):
    """The counters of the tree before its second look."""
    return {"cpu.throttle.time": 0.25, "cpu.throttle.events": 7.0} if "cpu.throttle.time" in this.values else {}


def test_without_the_mounts_it_is_another_machine(tmp_path):
    """Control: the figures above are those of the tree."""
    result = subprocess.run(SAMPLER, capture_output=True, timeout=60, check=True, stdin=subprocess.DEVNULL)
    hardware, sample = (json.loads(line) for line in result.stdout.splitlines())
    this = machine("intel-laptop")
    assert sample["values"]["ram.total"] != this.values["ram.total"]
    assert hardware["hardware"]["cpu_model"] != this.hardware["cpu_model"]


def test_psutil_and_the_kernels_files_tell_the_same(tmp_path):
    """What other systems get through psutil is what Linux gets from /proc."""
    this = machine("intel-laptop")
    later = tmp_path / "later"
    plant(later, {name.removeprefix("proc/"): text for name, text in this.later.items() if name.startswith("proc/")})
    first, soon, last = json.loads(inside(tmp_path / "tree", this, [sys.executable, "-c", PORTABLE, str(later)]))
    same = (
        "cpu.percent",
        "cpu.core.0.percent",
        "cpu.core.1.percent",
        "swap.in.rate",
        "swap.out.rate",
    )
    for key in ("ram.total", "ram.available", "ram.used", "swap.used", *same):
        assert last[key] == this.values[key], key
    # psutil counts what dm-0 reads through the disk once more; that is why Linux has a reader of its own.
    assert last["disk.read.rate"] == 2 * this.values["disk.read.rate"]
    assert "cpu.core.2.percent" not in last, "the tree has two cores"
    assert "cpu.percent" not in first, "one look tells no load"
    assert "cpu.percent" not in soon, "no tick passed: the load is unknown, not 0"
