import pytest
from support.trees import machine, plant, write

from llmtui.telemetry.gpu_nvidia import NvidiaGpus
from llmtui.telemetry.jetson import Jetson
from llmtui.telemetry.sources import Together, find_sources

S = 1_000_000_000


def probes(root):
    return [type(probe).__name__ for probe in find_sources(root).gpu_probes]


def no_nvml():
    raise ImportError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("intel-laptop", ["IntelGpus"]),
        ("ryzen", ["AmdGpus"]),
        ("strix-halo", ["AmdGpus"]),
        ("arc", ["IntelGpus"]),
        ("jetson-orin", ["Jetson"]),
        ("epyc", []),
        ("empty-vm", []),
        ("hostile", ["AmdGpus", "IntelGpus"]),
    ],
)
def test_each_machine_gets_the_probes_of_its_gpus(tmp_path, name, expected):
    assert probes(plant(tmp_path, machine(name).root)) == expected


def test_nvidia_on_the_bus_is_not_woken_to_be_found(tmp_path):
    calls = []
    card = {"sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de", "sys/bus/pci/devices/0000:01:00.0/class": "0x030000"}
    sleeping = {"sys/bus/pci/devices/0000:01:00.0/power/runtime_status": "suspended"}
    sources = find_sources(write(tmp_path, card | sleeping), load_nvml=lambda: calls.append("asked"))
    assert isinstance(sources.nvidia, NvidiaGpus)
    assert "sleeps" in sources.nvidia.sample(0)["gpu.0.percent"].reason
    assert calls == []
    (tmp_path / "sys/bus/pci/devices/0000:01:00.0/power/runtime_status").write_text("active\n")
    with pytest.raises(AttributeError):
        sources.nvidia.sample(10 * S)
    assert calls == ["asked"], "control: awake, it is asked"


def test_a_jetson_is_never_asked_through_nvml(tmp_path):
    files = {**machine("jetson-orin").root, "sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de"}
    files["sys/bus/pci/devices/0000:01:00.0/class"] = "0x030000"
    sources = find_sources(plant(tmp_path, files), load_nvml=no_nvml)
    assert [type(probe) for probe in sources.gpu_probes] == [Jetson]


def test_gpus_of_two_vendors_share_one_row_of_numbers(tmp_path):
    card = {"sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de", "sys/bus/pci/devices/0000:01:00.0/class": "0x030000"}
    sources = find_sources(plant(tmp_path, {**machine("ryzen").root, **card}), load_nvml=no_nvml)
    assert [(gpu.index, gpu.vendor) for gpu in sources.gpus()] == [(0, "NVIDIA"), (1, "AMD"), (2, "AMD")]


def test_many_cores_are_written_out_less_often(tmp_path):
    def told(cores):
        folder = tmp_path / str(cores)
        lines = [f"cpu{core} 100 0 0 100 0 0 0 0 0 0" for core in range(cores)]
        root = write(
            folder, {f"sys/devices/system/cpu/cpu{core}/topology/core_cpus_list": core for core in range(cores)}
        )
        load = find_sources(root).list[1].probe
        seen = 0
        for second in range(9):
            lines = [f"cpu{core} {100 + second} 0 0 {100 + second} 0 0 0 0 0 0" for core in range(cores)]
            total = f"cpu {1000 + second} 0 0 {1000 + second} 0 0 0 0 0 0"
            write(folder, {"proc/stat": "\n".join([total, *lines])})
            seen += "cpu.core.0.percent" in load.sample(second * S)
        return seen

    assert told(8) == 8
    assert told(128) == 2


def test_a_later_probe_corrects_an_earlier_one():
    class Says:
        def __init__(self, **readings):
            self.readings = readings

        def sample(self, now_ns):
            return self.readings

    assert Together([Says(a=1.0, b=2.0), Says(b=3.0)]).sample(0) == {"a": 1.0, "b": 3.0}
