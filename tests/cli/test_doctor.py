import re

import pytest
from click.testing import CliRunner

from llmtui.cli.doctor import FACTS, hardware_lines
from llmtui.cli.main import llmtui
from llmtui.events import HardwareSnapshot

INTERNAL = re.compile(r"^ *[a-z]+[_.][a-z_.0-9]*:")


def test_whatever_was_not_found_is_called_as_people_call_it():
    facts = [name for name in HardwareSnapshot.__struct_fields__ if name != "detection_failed"]
    missing = HardwareSnapshot(detection_failed={**dict.fromkeys(facts, "nobody knows"), "all": "nobody knows"})
    told = [line.partition(":")[0] for line in hardware_lines(missing) if line.endswith("not found, nobody knows")]
    assert len(told) == len(set(told)) == len(facts) + 1
    assert [name for name in told if "_" in name] == []
    assert {"CPU governor", "CPU temperature sensor", "virtual machine", "kernel"} <= set(told)


def test_each_name_stands_for_a_fact_that_there_is():
    assert FACTS.keys() - set(HardwareSnapshot.__struct_fields__) == {"all"}


@pytest.mark.parametrize(("line", "internal"), [("  cpu_governor: not found", True), ("  CPU governor: none", False)])
def test_what_counts_as_an_internal_name(line, internal):
    assert bool(INTERNAL.match(line)) is internal


def test_no_line_of_the_doctor_begins_with_an_internal_name():
    lines = CliRunner().invoke(llmtui, ["doctor"], catch_exceptions=False).output.splitlines()
    assert "  llmtui" in "\n".join(lines)
    assert [line for line in lines if INTERNAL.match(line)] == []
