import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.conversation import header, queued, whole_session

from llmtui import events as ev
from llmtui.log.encode import encode_line
from llmtui.log.follow import LogFollower, is_locked
from llmtui.log.read import LogError, read_log
from llmtui.log.write import LogWriter

ROOT = str(Path(__file__).parents[2])
LINES = list(map(encode_line, whole_session()))
DATA = b"".join(LINES)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def follow():
    """Open followers, and close them all."""
    opened = []

    def open_one(path):
        opened.append(LogFollower(path))
        return opened[-1]

    yield open_one
    for follower in opened:
        follower.close()


def poll_until(follower, done, seconds=10):
    events = []
    end = time.monotonic() + seconds
    while not done(events):
        assert time.monotonic() < end, f"only {len(events)} events came in time"
        events += follower.poll()
        time.sleep(0.005)
    return events


@given(
    st.lists(st.tuples(st.integers(0, 400), st.booleans(), st.sampled_from([7, 100, 1_000_000])), max_size=40),
    st.sampled_from([b"", b"junk\n"]),
)
def test_following_does_not_depend_on_how_the_bytes_arrive(tmp_path_factory, steps, junk):
    path = tmp_path_factory.mktemp("log") / "s.jsonl"
    path.touch()
    data = LINES[0] + junk + b"".join(LINES[1:])
    follower = LogFollower(path)
    seen = []
    with path.open("ab", buffering=0) as file:
        for size, look, most_bytes in [*steps, (len(data), True, 1_000_000)]:
            file.write(data[:size])
            data = data[size:]
            if look:
                seen += follower.poll(most_bytes)
    while events := follower.poll():
        seen += events
    follower.close()
    read = read_log(path)
    assert seen == read.events == whole_session()
    assert follower.notices() == read.notices
    assert follower.finished
    assert not follower.torn


def test_one_poll_reads_a_bounded_amount(path, follow):
    follower = follow(path)
    place = 0
    events = []
    while place < len(DATA):
        events += follower.poll(most_bytes=1000)
        place = min(place + 1000, len(DATA))
        assert events == whole_session()[: DATA[:place].count(b"\n")]
    assert follower.poll() == []


def test_an_idle_look_costs_a_fixed_number_of_bytes(path, follow):
    follower = follow(path)
    follower.poll()
    try:
        before = Path("/proc/self/io").read_text()
        for _ in range(100):
            assert follower.poll() == []
        after = Path("/proc/self/io").read_text()
    except OSError:
        pytest.skip("the kernel does not count reads here")
    read = [int(text.split("rchar:")[1].split()[0]) for text in (before, after)]
    assert read[1] - read[0] < 1000


def test_a_torn_end_waits_for_its_rest(path, follow):
    path.write_bytes(LINES[0][:50])
    follower = follow(path)
    assert follower.poll() == []
    assert follower.poll() == []
    assert follower.torn
    with path.open("ab") as file:
        file.write(LINES[0][50:])
    assert follower.poll() == [header()]
    assert not follower.torn


def test_a_last_line_that_lacks_only_its_line_feed_is_told_at_the_end(path, follow):
    path.write_bytes(DATA[:-1])
    follower = follow(path)
    assert poll_until(follower, lambda events: len(events) == len(LINES)) == whole_session()
    assert follower.finished


def test_it_knows_whether_the_engine_lives(tmp_path, follow):
    path = tmp_path / "s.jsonl"
    writer = LogWriter(path)
    follower = follow(path)
    assert follower.writer_alive()
    assert follow(path).writer_alive()
    writer.close()
    assert not follower.writer_alive()


def test_readers_do_not_take_each_other_for_an_engine(path, follow):
    follower = follow(path)
    with path.open() as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert not follower.writer_alive()
        fcntl.flock(other, fcntl.LOCK_EX)
        assert follower.writer_alive()


def test_an_engine_that_was_killed_is_not_alive(tmp_path, follow):
    path = tmp_path / "s.jsonl"
    code = (
        f"import sys, time; sys.path.insert(0, {ROOT!r}); from pathlib import Path; "
        f"from llmtui.log.write import LogWriter; w = LogWriter(Path({str(path)!r})); print('open', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"open\n"
        follower = follow(path)
        assert follower.writer_alive()
        os.kill(child.pid, signal.SIGKILL)
    assert not follower.writer_alive()


def test_a_session_that_is_resumed_is_not_finished_any_more(path, follow):
    follower = follow(path)
    follower.poll()
    assert follower.finished
    with path.open("ab") as file:
        file.write(encode_line(ev.SampleTaken(t=1, values={})))
        file.flush()
        follower.poll()
        assert follower.finished
        file.write(encode_line(queued("j2")))
        file.flush()
        follower.poll()
        assert not follower.finished
        file.write(encode_line(ev.SessionFinished(t=2, outcome="completed")))
    follower.poll()
    assert follower.finished


def test_a_file_that_was_cut_shorter_is_not_followed_into_nonsense(path, follow):
    writer = LogWriter(path, resume=True)
    follower = follow(path)
    follower.poll()
    assert follower.notices() == []
    os.truncate(path, 10)
    assert follower.poll() == []
    assert "was cut shorter" in follower.problem
    assert follower.notices() == [follower.problem]
    assert not follower.writer_alive()
    path.write_bytes(DATA * 2)
    assert follower.poll() == []
    writer.close()


def test_a_file_that_was_replaced_or_removed_is_said_and_the_old_one_goes_on(path, follow):
    with path.open("ab", buffering=0) as old:
        follower = follow(path)
        follower.poll()
        assert follower.poll() == []
        assert follower.problem is None
        path.unlink()
        assert follower.poll() == []
        assert "was removed" in follower.problem
        path.write_bytes(DATA)
        assert follower.poll() == []
        assert "another file has taken this name" in follower.problem
        old.write(encode_line(queued("j2")))
        assert follower.poll() == [queued("j2")]


def test_what_is_no_file_gets_one_sentence(tmp_path):
    for path, sentence in [(tmp_path, "a folder"), (tmp_path / "none", "No such file"), (Path("/dev/null"), "plain")]:
        with pytest.raises(LogError, match=sentence):
            LogFollower(path)


def test_where_nobody_locks_nobody_is_alive(tmp_path):
    read_end, write_end = os.pipe()
    os.close(write_end)
    assert not is_locked(read_end)
    os.close(read_end)
