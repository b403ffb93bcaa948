"""Macs, from what ioreg, notifyutil and sysctl wrote on one, given as an argument."""

import plistlib
import sys
from itertools import count

import pytest

from llmtui.telemetry.apple import Mac, sysctl
from llmtui.telemetry.base import Missing
from llmtui.telemetry.hardware import MAC_FACTS, take_mac_snapshot
from llmtui.telemetry.programs import run_program
from llmtui.telemetry.sources import find_sources

IOREG = plistlib.dumps(
    [
        {
            "IOObjectClass": "AGXAcceleratorG14X",
            "model": "Apple M2 Max",
            "gpu-core-count": 38,
            "PerformanceStatistics": {
                "Device Utilization %": 83,
                "Renderer Utilization %": 80,
                "Alloc system memory": 21474836480,
                "In use system memory": 12884901888,
            },
        }
    ]
)
PRESSURE = b"com.apple.system.thermalpressurelevel 2\n"
SYSCTL = b"""machdep.cpu.brand_string: Apple M2 Max
hw.physicalcpu: 12
hw.logicalcpu: 12
hw.memsize: 68719476736
kern.osproductversion: 15.1
kern.hv_vmm_present: 0
vm.swapusage: total = 2048.00M  used = 100.50M  free = 1947.50M  (encrypted)
hw.optional.arm.FEAT_DotProd: 1
hw.optional.arm.FEAT_SME: 0
"""


def programs(ioreg=IOREG, pressure=PRESSURE, facts=SYSCTL):
    answers = {"ioreg": ioreg, "notifyutil": pressure, "sysctl": facts}

    def run(arguments):
        answer = answers[arguments[0].rpartition("/")[2]]
        if isinstance(answer, OSError):
            raise answer
        return answer

    return run


def mac(**answers):
    return Mac(count().__next__, programs(**answers))


def test_the_gpu_and_the_pressure_of_heat():
    readings = mac().sample(0)
    assert readings["gpu.0.percent"] == 83
    assert readings["gpu.0.memory.used"] == 21474836480
    assert readings["thermal.pressure"] == 2
    assert readings["gpu.0.temperature"] == Missing("macOS tells it only to root (powermetrics)")
    (gpu,) = mac().gpus()
    assert (gpu.name, gpu.unified) == ("Apple M2 Max", True)


def test_a_name_of_bytes_is_read_too():
    entry = plistlib.dumps([{"model": b"Apple M1\0"}])
    assert mac(ioreg=entry).gpus()[0].name == "Apple M1"


@pytest.mark.parametrize(
    "ioreg", [b"", b"nonsense", plistlib.dumps([]), plistlib.dumps([{"PerformanceStatistics": 5}]), OSError("no")]
)
def test_without_the_registry_there_is_a_reason(ioreg):
    readings = mac(ioreg=ioreg).sample(0)
    assert readings["gpu.0.percent"] == Missing("the I/O registry does not tell")
    assert mac(ioreg=ioreg).gpus()[0].name == "Apple GPU"


@pytest.mark.parametrize("pressure", [b"", b"com.apple.system.thermalpressurelevel failed\n", OSError("no")])
def test_without_the_notification_there_is_a_reason(pressure):
    assert mac(pressure=pressure).sample(0)["thermal.pressure"] == Missing("macOS does not tell its thermal pressure")


def test_the_snapshot_of_a_mac():
    hardware = take_mac_snapshot(sysctl(MAC_FACTS, programs()))
    assert hardware.cpu_model == "Apple M2 Max"
    assert (hardware.cores_physical, hardware.cores_logical) == (12, 12)
    assert hardware.ram == 64 << 30
    assert hardware.swap == 2 << 30
    assert hardware.cpu_flags == ("dotprod",)
    assert hardware.virtual_machine is False
    assert hardware.os == "macOS 15.1"


def test_a_mac_that_says_nothing_leaves_all_unknown():
    hardware = take_mac_snapshot(sysctl(MAC_FACTS, programs(facts=OSError("no"))))
    assert (hardware.cpu_model, hardware.ram, hardware.swap, hardware.virtual_machine) == (None, None, None, None)
    assert hardware.detection_failed["cpu_model"]


def test_a_program_that_is_missing_or_hangs_is_an_error_of_the_system():
    assert run_program((sys.executable, "-c", "print(5)")).strip() == b"5"
    with pytest.raises(OSError):
        run_program(("/nonexistent/ioreg",))
    with pytest.raises(OSError, match="failed"):
        run_program((sys.executable, "-c", "import time; time.sleep(60)"))


def test_a_mac_gets_its_sources_and_a_reason_for_what_it_hides():
    sources = find_sources(platform="darwin", run=programs())
    assert sources.gpus()[0].name == "Apple M2 Max"
    assert "powermetrics" in sources.constant["cpu.temperature"].reason
    assert sources.snapshot().cpu_model == "Apple M2 Max"


def test_other_systems_get_what_psutil_knows_and_a_reason_for_the_rest():
    sources = find_sources(platform="freebsd14")
    assert sources.gpus() == ()
    assert "freebsd14" in sources.constant["gpu.0.percent"].reason
    assert sources.list[-1].probe.sample(0)["ram.total"] > 0


def test_the_gpus_name_is_asked_for_once_it_is_known():
    calls = []

    def run(arguments):
        calls.append(arguments[0])
        return IOREG if len(calls) > 1 else b""

    machine = Mac(count().__next__, run)
    names = [machine.gpus()[0].name for _ in range(5)]
    assert names == ["Apple GPU", *["Apple M2 Max"] * 4]
    assert len(calls) == 2
