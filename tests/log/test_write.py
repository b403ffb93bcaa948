import os
import random
import signal
import stat
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.conversation import header, queued, whole_session
from support.small_disk import on_small_disk

from llmtui import events as ev
from llmtui.log.claim import LogLockedError, LogOpenError
from llmtui.log.decode import EventDecoder
from llmtui.log.encode import encode_line
from llmtui.log.follow import LogFollower
from llmtui.log.read import read_log
from llmtui.log.write import BLOCK, LogWriter

ROOTS = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]
NOBODY = 65534

# What every child process begins with: `path` is the log, `arguments` are the test's.
PRELUDE = f"""
import mmap, os, resource, struct, sys, threading, time
from pathlib import Path
sys.path[:0] = {ROOTS!r}
from llmtui import events as ev
from llmtui.log.read import read_log
from llmtui.log.claim import LogLockedError
from llmtui.log.write import LogWriter
from support.conversation import header
path, arguments = Path(sys.argv[1]), sys.argv[2:]
troubles = []
def wait_for(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.005)
def allow_files_of(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
def marker(number):
    return ev.MarkerPlaced(t=number, label=str(number))
"""


def command(code, *arguments):
    return [sys.executable, "-c", PRELUDE + code, *map(str, arguments)]


def run_child(code, *arguments, **options):
    done = subprocess.run(command(code, *arguments), capture_output=True, text=True, timeout=60, check=False, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.005)


def labels(events):
    return [event.label for event in events if isinstance(event, ev.MarkerPlaced)]


def kernel_counter(path, name):
    try:
        text = Path(path).read_text()
    except OSError:
        pytest.skip("the kernel does not count this here")
    return int(text.split(f"{name}:")[1].split()[0])


# --- opening -------------------------------------------------------------------------------------------------------


def test_only_the_owner_can_read_it_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        LogWriter(tmp_path / "s.jsonl").close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "s.jsonl").stat().st_mode) == 0o600


def test_a_log_is_never_written_over(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match="never written over"):
        LogWriter(path)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(FileExistsError):
        LogWriter(tmp_path / "link")
    assert path.read_text() == "precious"


def test_what_can_not_be_written_gets_one_sentence(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for path, resume, sentence in [
        (tmp_path / "none" / "s.jsonl", False, "No such file"),
        (tmp_path / "none.jsonl", True, "No such file"),
        (tmp_path / "folder", True, "Is a directory"),
        (tmp_path / "pipe", True, "not a plain file"),
    ]:
        with pytest.raises(LogOpenError, match=f"can't be written: {sentence}") as caught:
            LogWriter(path, resume=resume)
        assert "\n" not in str(caught.value)


def test_a_folder_without_permission_gets_one_sentence(tmp_path):
    tmp_path.chmod(0o500)
    was = os.geteuid()
    if was == 0:
        os.seteuid(NOBODY)
    try:
        with pytest.raises(LogOpenError, match="Permission denied"):
            LogWriter(tmp_path / "s.jsonl")
    finally:
        os.seteuid(was)
        tmp_path.chmod(0o700)
    LogWriter(tmp_path / "s.jsonl").close()


def test_two_processes_never_write_one_log(tmp_path):
    path = tmp_path / "s.jsonl"
    code = "writer = LogWriter(path); writer.append(header()); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(command(code, path), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"open\n"
        with pytest.raises(LogLockedError, match=r"another engine writes .*; stop it first"):
            LogWriter(path, resume=True)
        os.kill(child.pid, signal.SIGKILL)
    LogWriter(path, resume=True).close()


def test_the_lock_goes_with_the_writer(tmp_path):
    writer = LogWriter(tmp_path / "s.jsonl")
    with pytest.raises(LogLockedError):
        LogWriter(tmp_path / "s.jsonl", resume=True)
    writer.close()
    LogWriter(tmp_path / "s.jsonl", resume=True).close()


def test_readers_that_ask_for_the_engine_do_not_keep_one_out(tmp_path):
    path = tmp_path / "s.jsonl"
    path.touch()
    follower = LogFollower(path)
    stop = threading.Event()
    asked = [0]

    def ask():
        while not stop.is_set():
            follower.writer_alive()
            asked[0] += 1

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(100):
            LogWriter(path, resume=True).close()
    finally:
        stop.set()
        asking.join()
        follower.close()
    assert asked[0] > 100


# --- writing -------------------------------------------------------------------------------------------------------


def test_what_is_appended_is_in_the_file_and_in_order(tmp_path):
    path = tmp_path / "s.jsonl"
    writer = LogWriter(path)
    for event in whole_session():
        writer.append(event)
    assert writer.close() == 0
    assert read_log(path).events == whole_session()
    assert writer.bytes_written == path.stat().st_size == sum(len(encode_line(event)) for event in whole_session())


def test_threads_may_append_at_the_same_time(tmp_path):
    path = tmp_path / "s.jsonl"
    writer = LogWriter(path)
    writer.append(header())

    def append(name):
        for number in range(500):
            writer.append(ev.MarkerPlaced(t=number, label=f"{name} {number}"))

    threads = [threading.Thread(target=append, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    found = labels(read_log(path).events)
    for name in "abcd":
        assert [label for label in found if label.startswith(name)] == [f"{name} {number}" for number in range(500)]


def test_a_closed_log_takes_nothing(tmp_path):
    writer = LogWriter(tmp_path / "s.jsonl")
    writer.append(header())
    assert writer.close() == 0
    assert writer.close() == 0
    with pytest.raises(ValueError, match="is closed"):
        writer.append(header())


def test_an_event_reaches_the_kernel_without_close_or_flush(tmp_path):
    path = tmp_path / "s.jsonl"
    writer = LogWriter(path)
    for event in whole_session():
        writer.append(event)
        wait_for(lambda event=event: path.read_bytes().endswith(encode_line(event)))
    writer.close()


def test_a_burst_costs_few_writes(tmp_path):
    writer = LogWriter(tmp_path / "s.jsonl")
    before = kernel_counter("/proc/self/io", "syscw")
    for number in range(5000):
        writer.append(ev.MarkerPlaced(t=number, label="x" * 50))
    writer.close()
    assert writer.bytes_written > 400_000
    assert kernel_counter("/proc/self/io", "syscw") - before < 60


def test_events_that_come_close_together_share_a_write(tmp_path):
    writer = LogWriter(tmp_path / "s.jsonl")
    before = kernel_counter("/proc/self/io", "syscw")
    for number in range(200):
        writer.append(ev.MarkerPlaced(t=number, label="x"))
        time.sleep(0.001)
    writer.close()
    assert kernel_counter("/proc/self/io", "syscw") - before < 100


def test_a_log_is_drained_when_the_kernel_has_all_of_it(tmp_path):
    path = tmp_path / "x.jsonl"
    log = LogWriter(path, gather_s=1.0)
    log.append(header())
    while not log.drained:
        time.sleep(0.005)
    assert len(read_log(path).events) == 1
    log.append(ev.MarkerPlaced(t=1, label="waits for others of its burst"))
    assert not log.drained
    while not log.drained:
        time.sleep(0.005)
    assert len(read_log(path).events) == 2
    log.close()


def test_an_event_that_comes_alone_waits_for_no_other(tmp_path):
    path = tmp_path / "s.jsonl"
    writer = LogWriter(path, gather_s=60.0)
    writer.append(header())
    wait_for(lambda: path.read_bytes() == encode_line(header()))
    writer.append(next_one := ev.MarkerPlaced(t=1, label="x"))
    time.sleep(0.05)
    assert path.read_bytes() == encode_line(header()), "the next one does"
    assert writer.close() == 0, "but not when the log is closed"
    assert path.read_bytes().endswith(encode_line(next_one))


def test_a_log_that_is_closed_at_once_waits_for_no_other_event(tmp_path):
    """What wakes the writer and what closes the log may be one ring to it."""

    def end(writer):
        writer.append(ev.MarkerPlaced(t=1, label="x"))
        writer.close(patience_s=60.0)

    for number in range(10):
        writer = LogWriter(path := tmp_path / f"{number}.jsonl", gather_s=60.0, clock=lambda: 0.0)
        writer.append(header())
        wait_for(lambda path=path: path.stat().st_size)
        ending = threading.Thread(target=end, args=(writer,), daemon=True)
        ending.start()
        ending.join(20)
        assert not ending.is_alive()
        assert labels(read_log(path).events) == ["x"]


def test_no_event_is_left_lying_by_a_writer_that_falls_asleep(tmp_path):
    """Each one comes as soon as the one before is there: at the moment at which the writer lies down."""
    path = tmp_path / "s.jsonl"
    writer = LogWriter(path, gather_s=0.0)
    size = 0
    for number in range(1000):
        writer.append(event := ev.MarkerPlaced(t=number, label="x"))
        size += len(encode_line(event))
        end = time.monotonic() + 20
        while path.stat().st_size < size:
            assert time.monotonic() < end, "an event was left in memory"
    assert writer.close() == 0


def test_an_idle_writer_never_wakes_up(tmp_path):
    writer = LogWriter(tmp_path / "s.jsonl")
    writer.append(header(), durable=True)
    status = f"/proc/self/task/{writer._thread.native_id}/status"
    time.sleep(0.2)
    before = kernel_counter(status, "voluntary_ctxt_switches")
    time.sleep(1.5)
    assert kernel_counter(status, "voluntary_ctxt_switches") == before
    writer.close()


WRITE_UNTIL_KILLED = """
shared = mmap.mmap(os.open(arguments[0], os.O_RDWR), 0)
writer = LogWriter(path)
writer.append(header())
number = 0
while True:
    for _ in range(number % 7):
        number += 1
        now = time.monotonic_ns()
        writer.append(ev.MarkerPlaced(t=now, label=str(number)), durable=number % 100 == 0)
        struct.pack_into("q", shared, 8 * number, now)
    number += 1
    now = time.monotonic_ns()
    writer.append(ev.MarkerPlaced(t=now, label=str(number)))
    struct.pack_into("q", shared, 8 * number, now)
    struct.pack_into("q", shared, 0, number)
    time.sleep(0.001)
"""


def appended_and_due(notes: Path) -> int:
    """Return how many events the child appended 100 ms before its own last sign of life.

    A machine that gave it no time to write gave it none to append either.
    """
    memory = notes.read_bytes()
    (appended,) = struct.unpack_from("q", memory, 0)
    times = struct.unpack_from(f"{appended}q", memory, 8)
    return sum(moment < times[-1] - 100_000_000 for moment in times) if times else 0


@pytest.mark.parametrize("round_", range(8))
def test_kill_9_loses_nothing_that_was_appended_100_ms_before(tmp_path, round_):
    """What the child appended, and when, stands in memory that outlives it."""
    path, notes = tmp_path / "s.jsonl", tmp_path / "notes"
    notes.write_bytes(bytes(8 * 1_000_000))
    child = subprocess.Popen(command(WRITE_UNTIL_KILLED, path, notes))
    try:
        wait_for(lambda: appended_and_due(notes) > 50)
        time.sleep(random.Random(round_).uniform(0, 0.3))
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    due = appended_and_due(notes)
    found = labels(read_log(path).events)
    assert due > 50
    assert found == [str(number) for number in range(1, len(found) + 1)]
    assert len(found) >= due


# --- syncing -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def counted_disk(tmp_path_factory):
    """Return a function that gives the environment in which fsync is counted, and fails on demand."""
    if sys.platform != "linux":
        pytest.skip("fsync is counted by LD_PRELOAD")
    library = tmp_path_factory.mktemp("disk") / "disk.so"
    source = Path(__file__).with_name("disk.c")
    try:
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no C compiler here")

    def environment(folder):
        return {
            **os.environ,
            "LD_PRELOAD": str(library),
            "FSYNC_COUNT": str(folder / "count"),
            "FSYNC_FAILS": str(folder / "fails"),
            "FSYNC_WAITS": str(folder / "waits"),
        }

    return environment


SYNC = """
count = path.parent / "count"
def syncs():
    return count.stat().st_size if count.exists() else 0
now = [1000.0]
writer = LogWriter(path, clock=lambda: now[0])
writer.append(header(), durable=True)
wait_for(lambda: syncs() == 1)
writer.append(marker(1))
wait_for(lambda: path.read_bytes().count(b"\\n") == 2)
now[0] += 0.9
writer.append(marker(2))
wait_for(lambda: path.read_bytes().count(b"\\n") == 3)
assert syncs() == 1, syncs()
now[0] += 0.2
writer.append(marker(3))
wait_for(lambda: syncs() == 2)
now[0] += 100
time.sleep(1.2)
assert syncs() == 2, "nothing new was there to sync"
for number in range(4, 8):
    writer.append(marker(number), durable=True)
wait_for(lambda: syncs() > 2)
assert syncs() <= 4, syncs()
time.sleep(0.1)
before = syncs()
assert writer.close() == 0
assert syncs() == before, "all was on the disk"
writer = LogWriter(path, resume=True, clock=lambda: now[0])
writer.append(marker(9))
assert writer.close() == 0
assert syncs() == before + 1, (before, syncs())
"""


def test_the_disk_is_asked_once_a_second_and_when_it_matters(tmp_path, counted_disk):
    run_child(SYNC, tmp_path / "s.jsonl", env=counted_disk(tmp_path))


SYNC_BY_ITSELF = """
writer = LogWriter(path)
writer.append(header())
count = path.parent / "count"
wait_for(lambda: count.exists() and count.stat().st_size == 1)
"""


def test_what_was_written_last_is_synced_without_another_event(tmp_path, counted_disk):
    run_child(SYNC_BY_ITSELF, tmp_path / "s.jsonl", env=counted_disk(tmp_path))


SYNC_FAILS = """
fails = path.parent / "fails"
fails.touch()
writer = LogWriter(path, on_trouble=troubles.append)
writer.append(header(), durable=True)
wait_for(lambda: troubles)
writer.append(marker(1))
wait_for(lambda: path.read_bytes().count(b"\\n") == 2)
assert len(troubles) == 1, "it goes on, and is said once"
fails.unlink()
wait_for(lambda: len(troubles) == 2)
writer.append(marker(2))
assert writer.close() == 0
assert [trouble.ended for trouble in troubles] == [False, True]
print(troubles[0].sentence)
"""


def test_a_disk_that_fails_to_sync_is_said_once(tmp_path, counted_disk):
    (sentence,) = run_child(SYNC_FAILS, tmp_path / "s.jsonl", env=counted_disk(tmp_path))
    assert sentence == "the log can't be brought to the disk: Input/output error; a power cut would lose it"
    assert labels(read_log(tmp_path / "s.jsonl").events) == ["1", "2"]


SYNC_FAILS_AT_THE_END = """
fails = path.parent / "fails"
fails.touch()
writer = LogWriter(path, on_trouble=troubles.append)
writer.append(header())
wait_for(lambda: path.stat().st_size)
threading.Timer(0.3, fails.unlink).start()
assert writer.close(patience_s=20) == 0
assert (path.parent / "count").stat().st_size == 1
assert [trouble.ended for trouble in troubles] == [False, True]
"""


def test_closing_waits_until_the_disk_has_it(tmp_path, counted_disk):
    run_child(SYNC_FAILS_AT_THE_END, tmp_path / "s.jsonl", env=counted_disk(tmp_path))


SLOW_SYNC = """
waits, count = path.parent / "waits", path.parent / "count"
waits.touch()
writer = LogWriter(path)
writer.append(header(), durable=True)
wait_for(lambda: count.exists())
for number in range(20):
    writer.append(marker(number), durable=True)
    wait_for(lambda: path.read_bytes().count(b"\\n") == number + 2)
assert count.stat().st_size == 1, "one at a time"
assert writer.close(patience_s=0.1) == 0
assert writer._thread.is_alive(), "it still has what it began, and the lock"
waits.unlink()
writer._thread.join(20)
LogWriter(path, resume=True)
"""


def test_a_disk_that_is_slow_to_sync_holds_up_no_event(tmp_path, counted_disk):
    run_child(SLOW_SYNC, tmp_path / "s.jsonl", env=counted_disk(tmp_path))
    assert labels(read_log(tmp_path / "s.jsonl").events) == [str(number) for number in range(20)]


WRITTEN_WHILE_SYNCED = """
waits, count = path.parent / "waits", path.parent / "count"
waits.touch()
writer = LogWriter(path)
writer.append(header(), durable=True)
wait_for(lambda: count.exists())
writer.append(marker(1))
wait_for(lambda: path.read_bytes().count(b"\\n") == 2)
waits.unlink()
assert writer.close() == 0
assert count.stat().st_size == 2, "what came during the first is not for sure in it"
"""


def test_what_is_written_during_a_sync_is_synced_after_it(tmp_path, counted_disk):
    run_child(WRITTEN_WHILE_SYNCED, tmp_path / "s.jsonl", env=counted_disk(tmp_path))


# --- a disk that is full -------------------------------------------------------------------------------------------

FULL_FOR_A_WHILE = """
allow_files_of(4096)
writer = LogWriter(path, on_trouble=troubles.append, most_waiting=int(arguments[0]))
writer.append(header())
for number in range(5000):
    writer.append(ev.SampleTaken(t=number, values={"cpu.percent": number}))
    writer.append(marker(number))
    if number == 1000:
        wait_for(lambda: troubles)
assert not troubles[0].ended and troubles[0].dropped == 0
assert path.stat().st_size == 4096 == writer.bytes_written
allow_files_of(resource.RLIM_INFINITY)
wait_for(lambda: len(troubles) == 2)
writer.append(ev.SessionFinished(t=9999, outcome="completed"))
assert writer.close() == 0
assert troubles[1].ended and len(troubles) == 2
assert writer.bytes_written == path.stat().st_size
print(troubles[0].sentence)
print(troubles[1].sentence)
print(troubles[1].dropped)
"""


ROOM_RETURNS = """
allow_files_of(4096)
writer = LogWriter(path, on_trouble=troubles.append)
writer.append(header())
for number in range(5000):
    writer.append(marker(number))
wait_for(lambda: troubles)
allow_files_of(resource.RLIM_INFINITY)
wait_for(lambda: path.read_bytes().count(b"\\n") == 5001)
os._exit(0)
"""


def test_all_that_waited_is_written_as_soon_as_there_is_room(tmp_path):
    """More than one write takes, and neither a new event nor the end of the log pushes it."""
    run_child(ROOM_RETURNS, tmp_path / "s.jsonl")
    assert (tmp_path / "s.jsonl").stat().st_size > 2 * BLOCK
    assert labels(read_log(tmp_path / "s.jsonl").events) == [str(number) for number in range(5000)]


def test_a_full_disk_tears_no_line_and_loses_nothing(tmp_path):
    path = tmp_path / "s.jsonl"
    begun, ended, dropped = run_child(FULL_FOR_A_WHILE, path, 1 << 20)
    assert begun == "the log can't be written: File too large; measuring goes on in memory, make room on the disk"
    assert ended == "the log is written again; nothing was lost"
    assert dropped == "0"
    log = read_log(path)
    assert log.notices == []
    assert labels(log.events) == [str(number) for number in range(5000)]
    assert sum(isinstance(event, ev.SampleTaken) for event in log.events) == 5000
    assert isinstance(log.events[-1], ev.SessionFinished)


def test_beyond_the_bound_samples_go_first_and_the_loss_is_said(tmp_path):
    path = tmp_path / "s.jsonl"
    _, ended, dropped = run_child(FULL_FOR_A_WHILE, path, 300_000)
    log = read_log(path)
    assert log.notices == []
    assert labels(log.events) == [str(number) for number in range(5000)]
    samples = [event.t for event in log.events if isinstance(event, ev.SampleTaken)]
    lost = 5000 - len(samples)
    assert lost > 1000
    assert ended == f"the log is written again; events lost: {lost} ({lost} of samples)"
    assert dropped == str(lost)
    # The ones that are left are the first, which the disk took, and the newest.
    assert samples[-1] == 4999
    assert sorted(samples) == samples


def test_when_even_samples_are_not_enough_the_oldest_go_and_the_header_stays(tmp_path):
    path = tmp_path / "s.jsonl"
    code = FULL_FOR_A_WHILE.replace("allow_files_of(4096)", "allow_files_of(0)").replace("4096 ==", "0 ==")
    _, ended, dropped = run_child(code, path, 100_000)
    log = read_log(path)
    assert log.notices == []
    assert log.header == header()
    kept = labels(log.events)
    assert kept[-1] == "4999"
    assert len(kept) + sum(isinstance(event, ev.SampleTaken) for event in log.events) == 10_000 - int(dropped)
    assert "of samples" in ended
    assert "of other kinds" in ended


CLOSED_WHILE_FULL = """
allow_files_of(4096)
writer = LogWriter(path, on_trouble=troubles.append)
writer.append(header())
for number in range(5000):
    writer.append(marker(number))
wait_for(lambda: troubles)
lost = writer.close(patience_s=0.2)
assert not writer._thread.is_alive()
assert len(troubles) == 1, "it goes on, and is said once"
LogWriter(path, resume=True)
print(lost)
"""


def test_closing_on_a_full_disk_ends_and_counts_what_is_lost(tmp_path):
    path = tmp_path / "s.jsonl"
    (lost,) = run_child(CLOSED_WHILE_FULL, path)
    # Opened again, the torn line got its end; without room for that it stays a torn end.
    assert path.stat().st_size == 4096
    log = read_log(path)
    assert log.notices == ["the last line was cut off and is left out"]
    assert len(labels(log.events)) + int(lost) == 5000


SPACE_RETURNS_AT_THE_END = """
allow_files_of(4096)
writer = LogWriter(path, on_trouble=troubles.append)
writer.append(header())
for number in range(5000):
    writer.append(marker(number))
wait_for(lambda: troubles)
threading.Timer(0.3, allow_files_of, [resource.RLIM_INFINITY]).start()
assert writer.close(patience_s=20) == 0
"""


def test_closing_waits_for_space_that_returns(tmp_path):
    run_child(SPACE_RETURNS_AT_THE_END, tmp_path / "s.jsonl")
    assert labels(read_log(tmp_path / "s.jsonl").events) == [str(number) for number in range(5000)]


ANSWERS_WITH_AN_EVENT = """
def answer(trouble):
    troubles.append(trouble)
    writer.append(ev.AlertRaised(t=1, severity="error", code="log-trouble", text=trouble.sentence))
    raise RuntimeError("whoever listens has a bug")
allow_files_of(4096)
writer = LogWriter(path, on_trouble=answer)
writer.append(header())
for number in range(200):
    writer.append(marker(number))
wait_for(lambda: troubles)
allow_files_of(resource.RLIM_INFINITY)
wait_for(lambda: len(troubles) == 2)
writer.append(marker(200))
assert writer.close() == 0
"""


def test_whoever_is_told_may_append_and_may_fail(tmp_path):
    run_child(ANSWERS_WITH_AN_EVENT, tmp_path / "s.jsonl")
    log = read_log(tmp_path / "s.jsonl")
    assert labels(log.events) == [str(number) for number in range(201)]
    assert [event.text for event in log.events if isinstance(event, ev.AlertRaised)] == [
        "the log can't be written: File too large; measuring goes on in memory, make room on the disk",
        "the log is written again; nothing was lost",
    ]


FILL_A_DISK = """
ballast = path.parent / "ballast"
ballast.write_bytes(bytes(40_000))
writer = LogWriter(path, on_trouble=troubles.append)
writer.append(header())
for number in range(1000):
    writer.append(marker(number), durable=number % 10 == 0)
wait_for(lambda: troubles)
ballast.unlink()
wait_for(lambda: len(troubles) == 2)
assert writer.close() == 0
log = read_log(path)
assert log.notices == [] and len(log.events) == 1001, (log.notices, len(log.events))
print(troubles[0].sentence)
print(troubles[1].sentence)
"""


@pytest.mark.privileged
def test_a_real_full_disk(tmp_path):
    """On a file system of 64 KiB, which has no room for a reserve."""
    child = on_small_disk(tmp_path, "64k", command(FILL_A_DISK, tmp_path / "s.jsonl"))
    done = subprocess.run(child, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    begun, ended = done.stdout.splitlines()
    assert begun.startswith("the log can't be written: No space left on device;")
    assert ended == "the log is written again; nothing was lost"


FILL_ALL_OF_A_DISK = """
def tell(trouble):
    troubles.append(trouble)
    writer.append(ev.AlertRaised(t=len(troubles), severity="error", code="log-trouble", text=trouble.sentence))
writer = LogWriter(path, on_trouble=tell)
writer.append(header(), durable=True)
wait_for(lambda: path.stat().st_size)
ballast = path.parent / "ballast"
with ballast.open("wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(4096))
    except OSError:
        pass
number = 0
def go_on(lines):
    global number
    for _ in range(lines):
        number += 1
        writer.append(ev.MarkerPlaced(t=number, label="x" * 200), durable=number % 100 == 0)
go_on(300)
wait_for(lambda: troubles)
wait_for(lambda: b"log-trouble" in path.read_bytes())
assert ballast.exists() and len(troubles) == 1, "it stands in the log while the disk is full"
go_on(3000)
time.sleep(1.5)
go_on(1)
time.sleep(1.5)
assert len(troubles) == 1, "said once, and it is not over"
full = path.stat().st_size
assert full < 300_000
ballast.unlink()
end = time.monotonic() + 20
while len(troubles) < 2:
    assert time.monotonic() < end
    go_on(1)
    time.sleep(0.1)
assert writer.close() == 0
log = read_log(path)
markers = [event.t for event in log.events if isinstance(event, ev.MarkerPlaced)]
assert log.notices == [] and markers == list(range(1, number + 1)), (log.notices, len(markers), number)
print(troubles[1].sentence)
assert [name.name for name in path.parent.iterdir()] == ["s.jsonl"]
"""


@pytest.mark.privileged
def test_that_the_disk_is_full_stands_in_the_log_while_it_is(tmp_path):
    child = on_small_disk(tmp_path, "1m", command(FILL_ALL_OF_A_DISK, tmp_path / "s.jsonl"))
    done = subprocess.run(child, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "the log is written again; nothing was lost\n"


# --- going on in a log that is there -------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [0, 1, 2, 30])
def test_a_log_with_a_torn_end_is_gone_on_with(tmp_path, cut):
    """A torn line is cut off by the first new event, and a follower that had read it shows nothing of it."""
    path = tmp_path / "s.jsonl"
    data = b"".join(map(encode_line, whole_session()))
    path.write_bytes(data[: len(data) - cut])
    follower = LogFollower(path)
    seen = []
    while events := follower.poll():
        seen += events
    writer = LogWriter(path, resume=True)
    time.sleep(0.1)
    assert path.read_bytes() == data[: len(data) - cut], "nothing is changed before the first event"
    assert writer.torn == (0 if cut < 2 else len(encode_line(whole_session()[-1])) - cut)
    writer.append(queued("j2"))
    assert writer.close() == 0
    whole = whole_session() if cut < 2 else whole_session()[:-1]
    log = read_log(path)
    assert log.events == [*whole, queued("j2")]
    assert log.notices == []
    assert path.read_bytes() == b"".join(map(encode_line, log.events))
    while events := follower.poll():
        seen += events
    assert seen == log.events
    assert follower.notices() == log.notices
    follower.close()


def test_going_on_leaves_what_is_there_as_it_is(tmp_path):
    path = tmp_path / "s.jsonl"
    before = b"".join(map(encode_line, whole_session()))
    path.write_bytes(before)
    path.chmod(0o640)
    writer = LogWriter(path, resume=True)
    writer.append(queued("j2"))
    writer.close()
    assert path.read_bytes() == before + encode_line(queued("j2"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert writer.bytes_written == len(encode_line(queued("j2")))
    assert EventDecoder().feed(path.read_bytes())[-1] == queued("j2")
