from support.trees import plant, write

from llmtui.telemetry.base import Missing
from llmtui.telemetry.drm import ClientMemory, Hwmon, cards, is_asleep

DRM = "sys/class/drm"
MIB = 1 << 20


def fdinfo(client, **sizes):
    lines = [f"drm-{name.replace('_', '-')}:\t{kib} KiB" for name, kib in sizes.items()]
    return "\n".join(["pos:\t0", "drm-driver:\tamdgpu", "drm-pdev:\t0000:03:00.0", f"drm-client-id:\t{client}", *lines])


def test_cards_are_listed_without_their_connectors(tmp_path):
    root = plant(
        tmp_path,
        {
            f"{DRM}/card0/device@": "/sys/devices/pci0/0000:03:00.0",
            "sys/devices/pci0/0000:03:00.0/vendor": "0x1002",
            "sys/devices/pci0/0000:03:00.0/device": "0x744c",
            f"{DRM}/card0-HDMI-A-1/status": "connected",
            f"{DRM}/renderD128/dev": "226:128",
            f"{DRM}/card10/device/vendor": "0x8086",
            f"{DRM}/card2/device/vendor": "nonsense",
        },
    )
    found = cards(root)
    assert [(card.name, card.address, card.vendor) for card in found] == [
        ("card0", "0000:03:00.0", 0x1002),
        ("card10", "", 0x8086),
    ]
    assert [card.name for card in cards(root, 0x8086)] == ["card10"]
    assert cards(str(tmp_path / "none")) == []


def test_a_client_with_two_descriptors_counts_once_and_gtt_with_vram(tmp_path):
    root = write(
        tmp_path,
        {
            "proc/7/fdinfo/3": fdinfo(1, memory_vram=1024, memory_gtt=4096),
            "proc/7/fdinfo/4": fdinfo(1, memory_vram=1024, memory_gtt=4096),
            "proc/7/fdinfo/5": fdinfo(2, memory_vram=2048),
            "proc/7/fdinfo/0": "pos:\t0",
            "proc/8/fdinfo/3": fdinfo(3, memory_vram=1024),
            "proc/9/fdinfo/0": "pos:\t0",
        },
    )
    memory = ClientMemory(root)
    assert memory.of([7]) == 7 * MIB
    assert memory.of([7, 8]) == 8 * MIB
    assert memory.of([9]) is None, "no device open is not 0 bytes"


def test_newer_drivers_tell_totals_and_garbage_counts_for_nothing(tmp_path):
    root = write(
        tmp_path, {"proc/7/fdinfo/3": fdinfo(1, total_vram0=2048), "proc/7/fdinfo/4": fdinfo(2, memory_vram="many")}
    )
    assert ClientMemory(root).of([7]) == 2 * MIB


def test_a_chips_inputs_by_name(tmp_path):
    chip = Hwmon(
        f"{tmp_path}/d", write(tmp_path, {"d/hwmon/hwmon3/temp1_label": "edge", "d/hwmon/hwmon3/temp1_input": 50000})
    )
    assert chip.labels == {"edge": "temp1"}
    assert chip.read("temp1_input", 1e3) == 50.0
    assert chip.read("temp2_input") is None
    (tmp_path / "d/hwmon/hwmon3/temp1_input").write_text("")
    assert isinstance(chip.read("temp1_input"), Missing)
    assert Hwmon(f"{tmp_path}/none", str(tmp_path)).read("temp1_input") is None


def test_sleep_is_what_the_kernel_says(tmp_path):
    write(tmp_path, {"a/power/runtime_status": "suspended", "b/power/runtime_status": "active"})
    assert is_asleep(f"{tmp_path}/a")
    assert not is_asleep(f"{tmp_path}/b")
    assert not is_asleep(f"{tmp_path}/c")
