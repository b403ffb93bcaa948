import pytest
from support.trees import write

from llmtui.telemetry.base import Missing
from llmtui.telemetry.power import CpuPower

S = 1_000_000_000
ZONE = "sys/class/powercap/intel-rapl:0"


def tree(root, energy):
    return write(
        root,
        {f"{ZONE}/name": "package-0", f"{ZONE}/energy_uj": energy, f"{ZONE}/max_energy_range_uj": 1_000_000_000},
    )


def test_power_is_energy_over_time(tmp_path):
    probe = CpuPower(tree(tmp_path, 100_000_000))
    probe.sample(0)
    tree(tmp_path, 140_000_000)
    assert probe.sample(2 * S)["cpu.power"] == pytest.approx(20.0)


def test_the_counter_wraps_at_its_range(tmp_path):
    probe = CpuPower(tree(tmp_path, 990_000_000))
    probe.sample(0)
    tree(tmp_path, 10_000_000)
    assert probe.sample(S)["cpu.power"] == pytest.approx(20.0)


def test_without_a_meter_there_is_a_reason(tmp_path):
    assert isinstance(CpuPower(str(tmp_path)).sample(0)["cpu.power"], Missing)
