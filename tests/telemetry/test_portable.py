import os
import socket
import subprocess
import sys
import time

import pytest

from llmtui.telemetry.base import Missing
from llmtui.telemetry.portable import PortableMachine, PortableTable
from llmtui.telemetry.processes import ProcFolder
from llmtui.telemetry.sample_lines import Watch
from llmtui.telemetry.server import ServerWatch

S = 1_000_000_000


def test_the_machine_through_psutil():
    machine = PortableMachine()
    first = machine.sample(0)
    assert isinstance(first["cpu.percent"], Missing), "one look tells no load"
    end = time.monotonic() + 30
    while "cpu.percent" not in (second := machine.sample(S)) and time.monotonic() < end:
        time.sleep(0.02)
    assert 0 <= second["cpu.percent"] <= 100
    assert second["ram.used"] + second["ram.available"] == second["ram.total"]


def test_both_tables_tell_the_same_of_a_process():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        portable = PortableTable()
        row = portable.row(child.pid)
        assert (row.pid, row.parent) == (child.pid, os.getpid())
        assert row.pid in portable.rows(0)
        assert portable.use(row).private > 1_000_000
        assert portable.arguments(child.pid)[1:] == ["-c", "input()"]
        if sys.platform == "linux":
            known = ProcFolder().row(child.pid)
            assert (known.name, known.parent) == (row.name, row.parent)
            assert known.started == pytest.approx(row.started, abs=1.5)
        child.stdin.close()
        child.wait()
    assert portable.row(child.pid) is None
    assert portable.use(row) is None
    assert portable.arguments(child.pid) == []


def test_an_id_that_was_given_to_another_process_is_not_taken_for_the_first():
    table = PortableTable()
    row = table.row(os.getpid())
    assert table.use(row) is not None
    assert table.use(row._replace(started=row.started - 100)) is None


def test_a_server_is_found_by_its_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert PortableTable().listeners(port) == {os.getpid()}
    with socket.socket() as held:  # bound, so that nobody else can take the port, but not listening
        held.bind(("127.0.0.1", 0))
        assert isinstance(PortableTable().listeners(held.getsockname()[1]), Missing)


def test_the_watch_works_on_this_table_too():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        watch = ServerWatch(PortableTable())
        watch.watch(Watch(target="t", pid=child.pid))
        readings = watch.sample(0)
        child.stdin.close()
    assert readings["server.processes"] == 1
    assert readings["server.memory.private"] > 1_000_000
