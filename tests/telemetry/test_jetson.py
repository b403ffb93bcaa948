from itertools import count

import pytest
from support.trees import HWMON, write

from llmtui.telemetry.base import Missing
from llmtui.telemetry.jetson import Jetson, is_jetson


def rails(*named):
    files = {f"{HWMON}/hwmon1/name": "ina3221"}
    for channel, (label, milliwatts) in enumerate(named, 1):
        files |= {
            f"{HWMON}/hwmon1/in{channel}_label": label,
            f"{HWMON}/hwmon1/in{channel}_input": 1000,
            f"{HWMON}/hwmon1/curr{channel}_input": milliwatts,
        }
    return files


def sample(root):
    return Jetson(count().__next__, root).sample(0)


def test_a_rail_of_the_gpu_alone_is_its_power(tmp_path):
    readings = sample(write(tmp_path, rails(("GPU", 4000), ("CPU", 2000), ("VDD_IN", 9000))))
    assert readings["gpu.0.power"] == 4.0
    assert readings["board.power"] == 9.0


def test_an_agx_has_no_meter_before_its_rails_so_they_are_added(tmp_path):
    readings = sample(write(tmp_path, rails(("VDD_GPU_SOC", 8000), ("VDD_CPU_CV", 2000), ("VIN_SYS_5V0", 5000))))
    assert readings["board.power"] == 15.0
    assert readings["gpu.0.power"] == Missing("the board measures the GPU only together with others (VDD_GPU_SOC)")


def test_a_part_of_the_rails_is_not_the_board(tmp_path):
    readings = sample(write(tmp_path, rails(("VDD_GPU_SOC", 8000), ("VDD_CPU_CV", 2000))))
    assert "board.power" not in readings


def test_a_load_file_that_moves_with_the_power_mode_is_found_again(tmp_path):
    probe = Jetson(count().__next__, write(tmp_path, {"sys/devices/platform/gpu.0/load": 500}))
    assert probe.sample(0)["gpu.0.percent"] == 50.0
    (tmp_path / "sys/devices/platform/gpu.0/load").unlink()
    assert isinstance(probe.sample(1)["gpu.0.percent"], Missing)
    write(tmp_path, {"sys/devices/platform/17000000.gpu/load": 250})
    assert probe.sample(2)["gpu.0.percent"] == 25.0


@pytest.mark.parametrize("temp", [-256000, "", 0])
def test_a_sensor_that_sleeps_gives_no_temperature(tmp_path, temp):
    zone = "sys/class/thermal/thermal_zone1"
    readings = sample(write(tmp_path, {f"{zone}/type": "gpu-thermal", f"{zone}/temp": temp}))
    assert "idle" in readings["gpu.0.temperature"].reason


def test_only_a_tegra_is_a_jetson(tmp_path):
    assert not is_jetson(write(tmp_path, {"proc/device-tree/compatible": "raspberrypi,5-model-b\0brcm,bcm2712"}))
    assert is_jetson(write(tmp_path, {"proc/device-tree/compatible": "nvidia,p3768\0nvidia,tegra234"}))
