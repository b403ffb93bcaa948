import os

from support.trees import CPU, write

from llmtui.telemetry.hardware import is_virtual, take_snapshot

CPUINFO = """processor\t: 0
model name\t: A Processor @ 3.00GHz
physical id\t: 0
core id\t: 0
flags\t\t: fpu sse4_2 avx avx2 avx512f amx_int8 hypervisor

processor\t: 1
model name\t: A Processor @ 3.00GHz
physical id\t: 0
core id\t: 0
flags\t\t: fpu sse4_2 avx avx2 avx512f amx_int8 hypervisor
"""


def test_a_machine_from_its_files(tmp_path):
    root = write(
        tmp_path,
        {
            "proc/cpuinfo": CPUINFO,
            "proc/meminfo": "MemTotal: 2048 kB\nMemAvailable: 1000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB",
            "etc/os-release": 'PRETTY_NAME="Some Linux 1"',
            f"{CPU}/online": "0-1",
        },
    )
    hardware = take_snapshot(root)
    assert hardware.cpu_model.startswith("A Processor")
    assert {"avx2", "avx512f", "amx_int8"} <= set(hardware.cpu_flags)
    assert "hypervisor" not in hardware.cpu_flags
    assert (hardware.cores_physical, hardware.cores_logical) == (1, 2)
    assert hardware.ram == 2048 * 1024
    assert hardware.os == "Some Linux 1"
    assert hardware.virtual_machine is True


def test_what_stays_unknown_has_its_reason(tmp_path):
    hardware = take_snapshot(str(tmp_path))
    for name in ("cpu_model", "ram"):
        assert getattr(hardware, name) is None
        assert hardware.detection_failed[name]
    assert is_virtual(str(tmp_path)) is None


def test_this_machine():
    hardware = take_snapshot()
    assert hardware.cores_logical == len(os.sched_getaffinity(0)) or hardware.cores_logical == os.cpu_count()
    assert hardware.ram > 100_000_000
