import asyncio

import pytest

from llmtui.engine.cooling import Cooler
from llmtui.suites.schema import Cooling
from llmtui.telemetry.sensors import Sample, Sensors

S = 1_000_000_000


def cooler(start):
    sensors = Sensors()
    sensors.take(Sample(0, start, {}))
    made = Cooler(sensors, Cooling(within_c=3, flat_c=1))
    made.note_start()
    return made, sensors


def test_it_waits_until_the_sensor_is_back_and_flat():
    made, sensors = cooler({"gpu.0.temperature": 45.0, "cpu.percent": 99.0})
    reasons = []
    for second, degrees in enumerate([70, 60, 50, 47.5, 47.0, *[46.8] * 20]):
        sensors.take(Sample(second * S, {"gpu.0.temperature": float(degrees)}, {}))
        reasons.append(made.waiting_for())
    assert reasons[0] == "GPU 0 70 °C, waiting for 48 °C"
    assert "stays there" in reasons[4]
    assert reasons[-1] is None
    first_cool = reasons.index(None)
    assert 10 <= first_cool <= 14


def test_without_any_temperature_there_is_nothing_to_wait_for():
    made, sensors = cooler({"cpu.percent": 5.0})
    sensors.take(Sample(S, {"cpu.percent": 90.0}, {"gpu.0.temperature": "no GPU found"}))
    assert made.waiting_for() is None


def test_each_device_counts():
    made, sensors = cooler({"gpu.0.temperature": 40.0, "gpu.1.temperature": 40.0})
    for second in range(15):
        sensors.take(Sample(second * S, {"gpu.0.temperature": 40.0, "gpu.1.temperature": 60.0}, {}))
        reason = made.waiting_for()
    assert reason == "GPU 1 60 °C, waiting for 43 °C"


async def test_every_follower_gets_every_sample_and_a_loss_is_told():
    sensors = Sensors()
    assert sensors.lost
    followers = [sensors.follow() for _ in range(2)]
    waiting = [asyncio.create_task(anext(follower)) for follower in followers]
    await asyncio.sleep(0)
    sensors.take(Sample(5, {"cpu.percent": 1.0}, {"cpu.power": "no permission"}))
    sensors.take(Sample(6, {"cpu.percent": 2.0}, {}))
    assert [(await task).t for task in waiting] == [5, 5]
    assert [(await anext(follower)).t for follower in followers] == [6, 6]
    for follower in followers:
        await follower.aclose()
    assert sensors._followers == []
    assert sensors.latest() == {"cpu.percent": (6, 2.0)}
    assert sensors.missing() == {"cpu.power": "no permission"}
    assert sensors.lost is None
    sensors.take(Sample(6, {}, {"cpu.percent": "gone"}))
    assert sensors.latest() == {}
    sensors.take(Sample(7, {}, {}, "the sampler ended"))
    assert sensors.lost == "the sampler ended"


@pytest.mark.parametrize("raw", ["90s", "1.5m", "90000ms"])
def test_a_span_may_be_given_with_its_unit(raw):
    from llmtui.suites.reading import read_suite

    suite = read_suite("name: x\nworkloads:\n  - kind: stress\n", "f", {"duration": raw})
    assert suite.workloads[0].duration_s == 90
