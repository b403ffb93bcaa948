import os
import stat
import subprocess
import sys
import time

from support.conversation import whole_session

from llmtui.log.encode import encode_line
from llmtui.log.follow import LogFollower
from llmtui.log.streamed import StreamedLog

DATA = b"".join(map(encode_line, whole_session()))


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.005)


def test_a_pipe_becomes_a_log_that_is_live_until_the_pipe_is_closed():
    read_end, write_end = os.pipe()
    with StreamedLog(read_end) as streamed:
        assert not streamed.wait_for_line(0.05)
        os.write(write_end, DATA[:10])
        assert not streamed.wait_for_line(0.05)
        os.write(write_end, DATA[10:2000])
        assert streamed.wait_for_line(20)
        assert stat.S_IMODE(streamed.path.stat().st_mode) == 0o600
        follower = LogFollower(streamed.path)
        until(lambda: streamed.path.stat().st_size == 2000)
        seen = follower.poll()
        assert follower.writer_alive()
        os.write(write_end, DATA[2000:])
        until(lambda: streamed.path.stat().st_size == len(DATA))
        seen += follower.poll()
        assert seen == whole_session()
        os.close(write_end)
        until(lambda: not follower.writer_alive())
        follower.close()
    assert not streamed.path.exists()
    assert streamed.problem is None


def test_a_pipe_that_brings_nothing_is_told_from_one_that_waits():
    read_end, write_end = os.pipe()
    os.close(write_end)
    with StreamedLog(read_end) as streamed:
        assert not streamed.wait_for_line()


FULL = """
import os, resource, signal, sys, time
from llmtui.log.streamed import StreamedLog
read_end, write_end = os.pipe()
with StreamedLog(read_end) as streamed:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    os.write(write_end, b"x" * 8191 + b"\\n")
    end = time.monotonic() + 20
    while streamed.problem is None:
        assert time.monotonic() < end
        time.sleep(0.005)
    print(streamed.problem)
"""


def test_a_full_disk_is_told():
    done = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "what comes through the pipe can't be kept in" in done.stdout
    assert "File too large" in done.stdout
