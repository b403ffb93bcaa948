import pytest

from llmtui import readings


@pytest.mark.parametrize(
    ("key", "label", "limit"),
    [
        ("cpu.percent", "CPU", None),
        ("ram.used", "RAM", "ram.total"),
        ("gpu.0.memory.used", "GPU memory", "gpu.0.memory.total"),
        ("gpu.3.power", "GPU power", "gpu.3.power.limit"),
        ("cpu.core.12.percent", "core", None),
    ],
)
def test_a_key_has_its_label_and_its_limit(key, label, limit):
    assert readings.describe(key).label == label
    assert readings.limit_key(key) == limit


def test_an_unknown_key_is_no_error():
    assert readings.describe("nothing.known") is None
    assert readings.limit_key("nothing.known") is None


def test_no_key_stands_twice_and_limits_are_keys_themselves():
    keys = [reading.key for reading in readings.READINGS]
    assert len(keys) == len(set(keys))
    assert {reading.limit_key for reading in readings.READINGS if reading.limit_key} <= set(keys)
