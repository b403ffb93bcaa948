import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.conversation import header, whole_session

from llmtui import events as ev
from llmtui.log.read import read_log
from llmtui.log.write import LogLockedError, LogWriter

WRITE_FOREVER = """
import sys, time
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from llmtui import events as ev
from llmtui.log.write import LogWriter
from support.conversation import header
writer = LogWriter(Path(sys.argv[1]))
writer.append(header())
number = 0
while True:
    number += 1
    writer.append(ev.MarkerPlaced(t=time.monotonic_ns(), label=str(number)))
    if number % 5 == 0:
        time.sleep(0.001)
"""

WRITE_TO_A_LIMIT = """
import resource, signal, sys, time
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from llmtui import events as ev
from llmtui.log.write import LogWriter
from support.conversation import header
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
troubles = []
writer = LogWriter(Path(sys.argv[1]), on_trouble=troubles.append, most_waiting=int(sys.argv.pop()))
writer.append(header())
for number in range(200):
    writer.append(ev.SampleTaken(t=number, values={"cpu.percent": number}))
    writer.append(ev.MarkerPlaced(t=number, label=str(number)))
while not troubles:
    time.sleep(0.01)
assert not troubles[0].ended
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
while len(troubles) < 2:
    time.sleep(0.01)
writer.append(ev.SessionFinished(t=999, outcome="completed"))
writer.close()
print(troubles[0].sentence)
print(troubles[1].sentence)
"""

ROOTS = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.005)


def test_what_is_appended_is_in_the_file_and_in_order(tmp_path):
    path = tmp_path / "s.jsonl"
    writer = LogWriter(path)
    for event in whole_session():
        writer.append(event)
    writer.close()
    assert read_log(path).events == whole_session()
    assert writer.bytes_written == path.stat().st_size


def test_only_the_owner_can_read_it(tmp_path):
    LogWriter(tmp_path / "s.jsonl").close()
    assert stat.S_IMODE((tmp_path / "s.jsonl").stat().st_mode) == 0o600


def test_a_log_is_never_overwritten(tmp_path):
    LogWriter(tmp_path / "s.jsonl").close()
    with pytest.raises(FileExistsError):
        LogWriter(tmp_path / "s.jsonl")


def test_two_writers_never_share_a_log(tmp_path):
    writer = LogWriter(tmp_path / "s.jsonl")
    with pytest.raises(LogLockedError, match="another engine writes"):
        LogWriter(tmp_path / "s.jsonl", resume=True)
    writer.close()
    LogWriter(tmp_path / "s.jsonl", resume=True).close()


def test_an_event_reaches_the_kernel_without_close_or_flush(tmp_path):
    path = tmp_path / "s.jsonl"
    writer = LogWriter(path)
    writer.append(header())
    wait_for(lambda: path.stat().st_size > 0)
    writer.close()


@pytest.mark.parametrize("round_", range(5))
def test_kill_9_loses_at_most_the_last_100_ms(tmp_path, round_):
    path = tmp_path / "s.jsonl"
    child = subprocess.Popen([sys.executable, "-c", WRITE_FOREVER, str(path), *ROOTS])
    try:
        wait_for(lambda: path.exists() and path.stat().st_size > 5000 * (round_ + 1))
    finally:
        os.kill(child.pid, signal.SIGKILL)
        killed_at = time.monotonic_ns()
        child.wait()
    log = read_log(path)
    labels = [int(event.label) for event in log.events[1:]]
    assert labels == list(range(1, len(labels) + 1))
    assert killed_at - log.events[-1].t < 100_000_000


def run_to_the_limit(path, most_waiting):
    return subprocess.run(
        [sys.executable, "-c", WRITE_TO_A_LIMIT, str(path), *ROOTS, str(most_waiting)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.splitlines()


def test_a_full_disk_tears_no_line_and_loses_nothing(tmp_path):
    path = tmp_path / "s.jsonl"
    begun, ended = run_to_the_limit(path, 1 << 20)
    assert "can't be written" in begun
    assert ended == "the log is written again; nothing was lost"
    log = read_log(path)
    assert log.notices == []
    assert [event.label for event in log.events if isinstance(event, ev.MarkerPlaced)] == [str(n) for n in range(200)]
    assert isinstance(log.events[-1], ev.SessionFinished)


def test_beyond_the_bound_samples_go_first_and_the_loss_is_said(tmp_path):
    path = tmp_path / "s.jsonl"
    _, ended = run_to_the_limit(path, 12_000)
    assert "events were lost" in ended
    log = read_log(path)
    assert log.notices == []
    assert [event.label for event in log.events if isinstance(event, ev.MarkerPlaced)] == [str(n) for n in range(200)]


def test_a_real_full_disk(tmp_path):
    """On a file system of 64 KiB, where root and a mount namespace allow one."""
    script = f"mount -t tmpfs -o size=64k none {tmp_path} && exec {sys.executable} -c '{FILL_A_DISK}' {tmp_path} {' '.join(ROOTS)}"
    probe = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("no mount namespaces here")
    result = subprocess.run(
        ["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "nothing was lost" in result.stdout


FILL_A_DISK = """
import sys, time
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from llmtui import events as ev
from llmtui.log.read import read_log
from llmtui.log.write import LogWriter
from support.conversation import header
folder = Path(sys.argv[1])
ballast = folder / "ballast"
ballast.write_bytes(bytes(50000))
troubles = []
writer = LogWriter(folder / "s.jsonl", on_trouble=troubles.append)
writer.append(header())
for number in range(1000):
    writer.append(ev.MarkerPlaced(t=number, label=str(number)))
while not troubles: time.sleep(0.01)
assert "No space left" in troubles[0].sentence, troubles
ballast.unlink()
while len(troubles) < 2: time.sleep(0.01)
writer.close()
print(troubles[1].sentence)
log = read_log(folder / "s.jsonl")
assert log.notices == [] and len(log.events) == 1001, (log.notices, len(log.events))
"""
