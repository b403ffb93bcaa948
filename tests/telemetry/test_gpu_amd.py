from itertools import count

from support.trees import STRIX_HALO, write

from llmtui.telemetry.gpu_amd import AmdGpus


def test_an_apu_counts_the_shared_memory_where_the_model_is(tmp_path):
    gpus = AmdGpus(count().__next__, write(tmp_path, STRIX_HALO))
    readings = gpus.sample(0)
    assert readings["gpu.0.percent"] == 87
    assert readings["gpu.0.memory.used"] == 300 * 2**20 + 25 * 2**30
    assert readings["gpu.0.memory.total"] == 512 * 2**20 + 96 * 2**30
    assert readings["gpu.0.temperature"] == 71.0
    assert readings["gpu.0.power"] == 85.0


def test_a_card_with_memory_of_its_own_counts_that_alone(tmp_path):
    big = {**STRIX_HALO, "sys/class/drm/card1/device/mem_info_vram_total": 24 * 2**30}
    readings = AmdGpus(count().__next__, write(tmp_path, big)).sample(0)
    assert readings["gpu.0.memory.total"] == 24 * 2**30


def test_other_vendors_are_left_to_their_own_readers(tmp_path):
    other = {**STRIX_HALO, "sys/class/drm/card1/device/vendor": "0x10de"}
    assert AmdGpus(count().__next__, write(tmp_path, other)).sample(0) == {}
