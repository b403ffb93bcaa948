import os
import subprocess
import sys
import time

import psutil
import pytest

from llmtui.engine.process_meter import ChangingMeter, ProcessMeter
from llmtui.telemetry.portable import PortableTable
from llmtui.telemetry.processes import ProcessRow, ProcessUse, this_machine


@pytest.mark.parametrize("table", [this_machine(), PortableTable()], ids=["of this machine", "by psutil"])
def test_a_process_that_works_uses_cpu_and_one_that_is_gone_uses_nothing(table):
    child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        meter = ProcessMeter(child.pid, table=table)
        time.sleep(0.3)
        share, memory = meter.look()
        assert share > 5
        assert memory > 1_000_000
    finally:
        child.kill()
        child.wait()
    assert meter.look() == (None, None)
    assert ProcessMeter(child.pid, table=table).look() == (None, None)


def test_its_memory_is_what_others_say():
    _, memory = ProcessMeter(os.getpid()).look()
    assert memory == pytest.approx(psutil.Process().memory_info().rss, rel=0.05)


class Uses:
    """A table whose processes use what it is told."""

    def __init__(self):
        self.seconds = {}

    def row(self, pid):
        return ProcessRow(pid, 1, 1, 0.0, "x") if pid in self.seconds else None

    def use(self, row):
        return ProcessUse(self.seconds[row.pid], 3, 4) if row.pid in self.seconds else None


def test_the_share_is_of_one_core_and_since_the_last_look():
    table, now = Uses(), iter([0, 2_000_000_000, 3_000_000_000, 3_000_000_000])
    table.seconds[7] = 5.0
    meter = ProcessMeter(7, table=table, clock=lambda: next(now))
    table.seconds[7] = 6.0
    assert meter.look() == (50.0, 7)
    assert meter.look() == (0.0, 7)
    assert meter.look() == (None, 7), "no time went by"


def test_whichever_process_has_the_part_is_looked_at():
    pids = [None, os.getpid(), os.getppid()]
    meter = ChangingMeter(lambda: pids[0])
    assert meter.look() == (None, None)
    for _ in (1, 2):
        pids.pop(0)
        _, memory = meter.look()
        assert memory > 1_000_000
