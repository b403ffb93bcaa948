import pytest
from support.trees import write

from llmtui.telemetry.base import Missing
from llmtui.telemetry.raspberry_pi import RaspberryPi, is_raspberry_pi

S = 1_000_000_000
PI_4 = "sys/devices/platform/soc/soc:firmware/get_throttled"
PI_5 = "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"


def bits(root, **options):
    return RaspberryPi(root, **options).sample(0)["board.throttled"]


@pytest.mark.parametrize("path", [PI_4, PI_5])
@pytest.mark.parametrize(("text", "value"), [("0", 0), ("50005", 0x50005), ("0x80008", 0x80008)])
def test_the_firmwares_bits_by_its_file(tmp_path, path, text, value):
    assert bits(write(tmp_path, {path: text})) == value


def test_garbage_is_no_state(tmp_path):
    assert bits(write(tmp_path, {PI_4: "hot"})) == Missing("the firmware's file get_throttled can't be read")


def test_without_the_file_the_program_is_asked_every_two_seconds(tmp_path):
    calls = []

    def run(arguments):
        calls.append(arguments)
        return b"throttled=0x50000\n"

    probe = RaspberryPi(str(tmp_path), run)
    assert [probe.sample(n * S).get("board.throttled") for n in range(4)] == [0x50000, None, 0x50000, None]
    assert calls == [("/usr/bin/vcgencmd", "get_throttled")] * 2


@pytest.mark.parametrize("answer", [b"", b"VCHI initialization failed\n", OSError("none")])
def test_a_program_that_does_not_answer_leaves_the_kernels_word_on_the_power_supply(tmp_path, answer):
    def run(arguments):
        if isinstance(answer, OSError):
            raise answer
        return answer

    root = write(tmp_path, {"sys/class/hwmon/hwmon2/name": "rpi_volt", "sys/class/hwmon/hwmon2/in0_lcrit_alarm": 0})
    assert "join the group video" in bits(root, run=run).reason, "a quiet alarm says nothing of heat"
    write(tmp_path, {"sys/class/hwmon/hwmon2/in0_lcrit_alarm": 1})
    assert bits(root, run=run) == 1


def test_the_board_is_known_by_its_tree(tmp_path):
    assert not is_raspberry_pi(str(tmp_path))
    assert is_raspberry_pi(write(tmp_path, {"proc/device-tree/compatible": "raspberrypi,5-model-b\0brcm,bcm2712\0"}))
