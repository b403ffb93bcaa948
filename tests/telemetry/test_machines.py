"""Whole machines as trees of files: every figure that comes of them, every reason, and what single files decide."""

import math

import pytest
from support.trees import look, machine, machines, plant

from llmtui.readings import describe
from llmtui.telemetry.sources import find_sources

CONTROLS = [
    pytest.param(name, number, id=f"{name}-{number}")
    for name in machines()
    for number in range(len(machine(name).controls))
]


def without_server(missing):
    return {key: reason for key, reason in missing.items() if not key.startswith("server.")}


@pytest.mark.parametrize("name", machines())
def test_a_machine_gives_these_figures_and_no_other(name, tmp_path):
    this = machine(name)
    values, missing = look(tmp_path, this)
    assert values == this.values
    assert without_server(missing) == this.missing


@pytest.mark.parametrize("name", machines())
def test_every_figure_is_in_the_vocabulary_and_finite(name):
    this = machine(name)
    assert all(describe(key) is not None for key in (*this.values, *this.missing))
    assert all(math.isfinite(value) for value in this.values.values())
    assert not this.values.keys() & this.missing.keys()


@pytest.mark.parametrize(("name", "number"), CONTROLS)
def test_without_the_decisive_file_the_figure_is_another_or_none(name, number, tmp_path):
    control = machine(name).controls[number]
    values, missing = look(tmp_path, machine(name).without(*control["files"]))
    for key, value in control.get("values", {}).items():
        assert values.get(key) == value
    for key, reason in control.get("missing", {}).items():
        assert missing[key] == reason
        assert key not in values


@pytest.mark.parametrize(("name", "number"), CONTROLS)
def test_every_control_changes_something(name, number):
    this = machine(name)
    control = this.controls[number]
    changed = {key for key, value in control.get("values", {}).items() if this.values.get(key) != value}
    changed |= {key for key, reason in control.get("missing", {}).items() if this.missing.get(key) != reason}
    assert bool(changed) is not control.get("second", False), "nothing changes only where a second source stands in"


@pytest.mark.parametrize("name", machines())
def test_the_snapshot_of_a_machine(name, tmp_path):
    this = machine(name)
    sources = find_sources(plant(tmp_path, this.root))
    for source in sources.list:
        source.probe.sample(0)
    hardware = sources.snapshot()
    found = {field: getattr(hardware, field) for field in this.hardware if field != "gpus"}
    assert {field: list(v) if isinstance(v, tuple) else v for field, v in found.items()} == {
        field: value for field, value in this.hardware.items() if field != "gpus"
    }
    assert [gpu.name for gpu in hardware.gpus] == this.hardware["gpus"]
    assert len({gpu.index for gpu in hardware.gpus}) == len(hardware.gpus)


def test_the_hostile_machine_has_its_locks(tmp_path):
    """The refusals are real: with root's powers the locked files would be read."""
    values, missing = look(tmp_path, machine("hostile"))
    assert "no permission" in missing["gpu.0.percent"]
    (tmp_path / "sys/class/drm/card0/device/gpu_busy_percent").chmod(0o444)
    values, _ = look(tmp_path, machine("hostile")._replace(root={}, later={}))
    assert values["gpu.0.percent"] == 5
