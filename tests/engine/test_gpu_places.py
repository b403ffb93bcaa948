import pytest

from llmtui.engine.gpu_places import GONE, GpuPlaces
from llmtui.events import Gpu, HardwareSnapshot


def snapshot(*uuids):
    """GPUs in the sampler's order; None is one whose UUID is not known."""
    return HardwareSnapshot(
        gpus=tuple(Gpu(index=index, vendor="v", name="n", uuid=uuid) for index, uuid in enumerate(uuids))
    )


def places(*snapshots):
    found = GpuPlaces()
    for one in snapshots:
        found.know(one)
    return found


def numbers(found, count=3):
    renamed = found.rename({f"gpu.{number}.percent": number for number in range(count)})
    return {value: int(key.split(".")[1]) for key, value in renamed.items()}


def test_the_first_snapshot_gives_the_numbers():
    assert numbers(places(snapshot("a", "b")), 2) == {0: 0, 1: 1}
    assert GpuPlaces().rename({"gpu.0.percent": 1.0, "cpu.percent": 2.0}) == {"gpu.0.percent": 1.0, "cpu.percent": 2.0}


def test_a_gpu_keeps_its_number_when_the_driver_counts_otherwise():
    assert numbers(places(snapshot("a", "b", "c"), snapshot("c", "a", "b"))) == {0: 2, 1: 0, 2: 1}


def test_when_one_is_gone_the_others_keep_theirs_and_it_comes_back_to_its_own():
    found = places(snapshot("a", "b"))
    found.rename({"gpu.0.percent": 1.0, "gpu.1.percent": 2.0, "gpu.0.power": 3.0})
    assert found.know(snapshot("b")) == {"gpu.0.percent": GONE, "gpu.0.power": GONE}
    assert found.rename({"gpu.0.percent": 5.0}) == {"gpu.1.percent": 5.0}
    assert found.know(snapshot("b", "a")) == {}
    assert numbers(found, 2) == {0: 1, 1: 0}


def test_another_card_gets_a_number_of_its_own():
    found = places(snapshot("a", "b"), snapshot("b", "x"))
    assert numbers(found, 2) == {0: 1, 1: 2}
    found.know(snapshot("a", "b", "x"))
    assert numbers(found) == {0: 0, 1: 1, 2: 2}


def test_without_uuids_numbers_stay_as_they_are():
    assert numbers(places(snapshot(None, None), snapshot(None, None)), 2) == {0: 0, 1: 1}


def test_a_uuid_that_is_learned_later_belongs_to_the_number():
    found = places(snapshot(None, None), snapshot("a", "b"), snapshot("b", "a"))
    assert numbers(found, 2) == {0: 1, 1: 0}


def test_a_card_whose_uuid_can_not_be_read_now_is_still_the_one_at_its_place():
    assert numbers(places(snapshot("a", "b"), snapshot(None, "b")), 2) == {0: 0, 1: 1}


@pytest.mark.parametrize("key", ["gpu.x.percent", "gpu.0", "cpu.percent", "agpu.0.percent"])
def test_other_keys_are_left_alone(key):
    assert places(snapshot("a", "b"), snapshot("b", "a")).rename({key: 1.0}) == {key: 1.0}


def test_all_figures_of_a_card_move_with_it():
    found = places(snapshot("a", "b"), snapshot("b", "a"))
    assert found.rename({"gpu.0.temperature.limit": 1.0, "gpu.1.throttle.reasons": 2.0}) == {
        "gpu.1.temperature.limit": 1.0,
        "gpu.0.throttle.reasons": 2.0,
    }
