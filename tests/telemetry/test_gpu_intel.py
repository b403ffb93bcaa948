from itertools import count

import pytest
from support.trees import machine, plant, write

from llmtui.readings import HW_THERMAL, POWER_CAP, SW_THERMAL
from llmtui.telemetry.base import FIRST_READING, Missing
from llmtui.telemetry.gpu_intel import IntelGpus

S = 1_000_000_000
CARD = "sys/devices/pci0000:00/0000:03:00.0"
THROTTLE = f"{CARD}/tile0/gt0/freq0/throttle"


@pytest.fixture
def root(tmp_path):
    return plant(tmp_path, machine("arc").root)


def gpus(root):
    return IntelGpus(count().__next__, root)


@pytest.mark.parametrize(
    ("reasons", "bits"),
    [
        ((), 0),
        (("thermal",), SW_THERMAL),
        (("prochot",), HW_THERMAL),
        (("pl1", "pl4"), POWER_CAP),
        (("thermal", "pl2"), SW_THERMAL | POWER_CAP),
    ],
)
def test_reasons_become_the_bits_that_all_vendors_share(root, tmp_path, reasons, bits):
    for path in (tmp_path / THROTTLE).glob("reason_*"):
        path.write_text(f"{int(path.name.removeprefix('reason_') in reasons)}\n")
    assert gpus(root).sample(0)["gpu.0.throttle.reasons"] == bits


def test_power_is_energy_over_time_and_a_restarted_counter_is_no_power(root, tmp_path):
    probe = gpus(root)
    energy = tmp_path / CARD / "hwmon/hwmon4/energy1_input"
    assert probe.sample(0)["gpu.0.power"] == FIRST_READING
    energy.write_text("560000000\n")
    assert probe.sample(S)["gpu.0.power"] == 60.0
    energy.write_text("1000\n")
    assert probe.sample(2 * S)["gpu.0.power"] == FIRST_READING
    energy.write_text("50001000\n")
    assert probe.sample(3 * S)["gpu.0.power"] == 50.0


def test_a_limit_that_is_off_is_no_limit_of_0_w(root, tmp_path):
    (tmp_path / CARD / "hwmon/hwmon4/power1_max").write_text("0\n")
    assert gpus(root).sample(0)["gpu.0.power.limit"] == Missing("the power limit is switched off")


def test_a_sleeping_card_is_not_touched(root, tmp_path):
    write(tmp_path, {f"{CARD}/power/runtime_status": "suspended"})
    readings = gpus(root).sample(0)
    assert "sleeps" in readings["gpu.0.temperature"].reason
    assert "gpu.0.energy" not in readings


def test_both_drivers_name_themselves(root, tmp_path):
    assert gpus(root).gpus()[0].driver == "xe"
    (tmp_path / CARD / "tile0/gt0/freq0/act_freq").unlink()
    assert gpus(root).gpus()[0].driver == "i915"
