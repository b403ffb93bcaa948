import pytest
from support.trees import HOSTILE, HWMON, INTEL_LAPTOP, RYZEN, write

from llmtui.telemetry.base import Missing
from llmtui.telemetry.temperature import CpuTemperature, is_plausible


def read(root, **options):
    return CpuTemperature(root, **options).sample(0)


def test_the_package_beats_the_board(tmp_path):
    readings = read(write(tmp_path, INTEL_LAPTOP))
    assert readings["cpu.temperature"] == 91.0
    assert readings["cpu.temperature.limit"] == 100.0


def test_tdie_beats_tctl_and_the_disk_is_no_processor(tmp_path):
    assert read(write(tmp_path, RYZEN))["cpu.temperature"] == 65.0


def test_the_users_choice_beats_the_order(tmp_path):
    assert read(write(tmp_path, RYZEN), wanted="k10temp/Tctl")["cpu.temperature"] == 75.0


def test_what_can_be_no_temperature_is_not_shown(tmp_path):
    assert isinstance(read(write(tmp_path, HOSTILE))["cpu.temperature"], Missing)


def test_without_a_sensor_there_is_a_reason(tmp_path):
    assert read(str(tmp_path), virtual=True)["cpu.temperature"] == Missing("no sensor: virtual machine")
    assert isinstance(read(str(tmp_path))["cpu.temperature"], Missing)


def test_a_sensor_is_followed_while_it_changes(tmp_path):
    probe = CpuTemperature(write(tmp_path, INTEL_LAPTOP))
    assert probe.sample(0)["cpu.temperature"] == 91.0
    (tmp_path / f"{HWMON}/hwmon1/temp1_input").write_text("60000\n")
    assert probe.sample(1)["cpu.temperature"] == 60.0


@pytest.mark.parametrize(("celsius", "plausible"), [(0.0, False), (-49.0, False), (127.0, False), (45.0, True)])
def test_plausibility(celsius, plausible):
    assert is_plausible(celsius) is plausible
