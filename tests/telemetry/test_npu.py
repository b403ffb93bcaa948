import pytest
from support.trees import write

from llmtui.telemetry.base import FIRST_READING
from llmtui.telemetry.npu import Npus, npu_names

S = 1_000_000_000
NPU = "sys/class/accel/accel0/device"


def test_use_is_busy_time_over_time(tmp_path):
    probe = Npus(write(tmp_path, {f"{NPU}/uevent": "DRIVER=intel_vpu", f"{NPU}/npu_busy_time_us": 1_000_000}))
    assert probe.sample(0)["npu.0.percent"] == FIRST_READING
    write(tmp_path, {f"{NPU}/npu_busy_time_us": 1_600_000})
    assert probe.sample(2 * S)["npu.0.percent"] == 30.0
    assert probe.sample(2 * S)["npu.0.percent"] == FIRST_READING, "no time passed: nothing is divided"


def test_more_than_all_of_the_time_is_all_of_it(tmp_path):
    probe = Npus(write(tmp_path, {f"{NPU}/uevent": "DRIVER=intel_vpu", f"{NPU}/npu_busy_time_us": 0}))
    probe.sample(0)
    write(tmp_path, {f"{NPU}/npu_busy_time_us": 9_000_000})
    assert probe.sample(S)["npu.0.percent"] == 100.0


@pytest.mark.parametrize(
    ("driver", "name"), [("intel_vpu", "Intel NPU"), ("amdxdna", "AMD XDNA NPU"), ("newcomer", "newcomer")]
)
def test_names(tmp_path, driver, name):
    root = write(tmp_path, {f"{NPU}/uevent": f"OF_NAME=x\nDRIVER={driver}"})
    assert npu_names(root) == (name,)
    assert "npu.0.percent" not in Npus(root).sample(0), "one that tells nothing has no figure"


def test_where_there_is_none(tmp_path):
    assert npu_names(str(tmp_path)) == ()
