from support.trees import write

from llmtui.telemetry.memory import MemoryUse, Pressure, Swapping

S = 1_000_000_000
MEMINFO = "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 400 kB\nSwapTotal: 200 kB\nSwapFree: 150 kB"


def test_used_is_what_is_not_available(tmp_path):
    readings = MemoryUse(write(tmp_path, {"proc/meminfo": MEMINFO})).sample(0)
    assert readings["ram.used"] == 600 * 1024
    assert readings["ram.total"] == 1000 * 1024
    assert readings["swap.used"] == 50 * 1024


def test_swap_traffic_is_a_rate(tmp_path):
    root = write(tmp_path, {"proc/vmstat": "pswpin 10\npswpout 20\npgmajfault 1\noom_kill 0"})
    swapping = Swapping(root, page_size=4096)
    swapping.sample(0)
    (tmp_path / "proc/vmstat").write_text("pswpin 20\npswpout 20\npgmajfault 1\noom_kill 0\n")
    readings = swapping.sample(2 * S)
    assert readings["swap.in.rate"] == 5 * 4096
    assert readings["swap.out.rate"] == 0


def test_pressure_is_the_kernels_own_average(tmp_path):
    line = "some avg10=12.50 avg60=0 avg300=0 total=1\nfull avg10=4.25 avg60=0 avg300=0 total=1"
    root = write(tmp_path, {f"proc/pressure/{name}": line for name in ("memory", "cpu", "io")})
    assert Pressure(root).sample(0)["pressure.memory.full"] == 4.25
    assert not isinstance(Pressure(str(tmp_path / "none")).sample(0)["pressure.memory.full"], float)
