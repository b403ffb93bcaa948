"""What a kill takes from a log, told by a witness: of our writer little, of one that waits too much."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.witness import MOST_NS, Witness, assert_little_is_lost

from llmtui.backends.connection import TOGETHER_S
from llmtui.engine.batching import SPAN_S
from llmtui.log.decode import EventDecoder
from llmtui.log.read import read_log
from llmtui.log.write import GATHER_S

ROOTS = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

# As much of an engine as a witness needs: a log with a header, and a socket that takes marks.
ENGINE = f"""
import asyncio, os, sys, time
from pathlib import Path
sys.path[:0] = {ROOTS!r}
import msgspec
from llmtui.control import Reply
from llmtui.control_socket import ControlServer
from llmtui.engine.recorder import Recorder
from llmtui.events import MarkerPlaced
from llmtui.log.write import LogWriter
from llmtui.places import control_path
from support.conversation import header

async def main(path, gather_s):
    recorder = Recorder(LogWriter(path, gather_s=gather_s))
    recorder.record(msgspec.structs.replace(header(), pid=os.getpid(), origin_ns=recorder.origin_ns))
    def mark(command):
        recorder.record(MarkerPlaced(t=recorder.now(), label=command.label))
        return Reply(ok=True, text="")
    await ControlServer(control_path(path), mark).start()
    print("listens", flush=True)
    await asyncio.sleep(60)

asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))
"""


def watch_until_killed(path, gather_s, due):
    """Kill an engine once `due` holds of its witness; return the witness and when that was."""
    command = [sys.executable, "-c", ENGINE, str(path), str(gather_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as engine:
        assert engine.stdout.readline() == b"listens\n"
        witness = Witness(path)
        try:
            end = time.monotonic() + 20
            while not due(witness):
                assert time.monotonic() < end, "nothing happened in time"
                time.sleep(0.002)
        finally:
            killed_ns = time.monotonic_ns()
            os.kill(engine.pid, signal.SIGKILL)
            engine.wait()
            witness.stop()
    return witness, killed_ns


def test_of_a_log_that_is_written_at_once_little_is_taken(tmp_path):
    path = tmp_path / "s.jsonl"
    witness, killed_ns = watch_until_killed(path, 0.01, lambda witness: len(witness.answered) >= 50)
    assert_little_is_lost(witness, killed_ns, read_log(path).events)
    assert len(witness.seen) > 30


def test_a_log_that_is_written_each_half_second_is_noticed_by_looks_alone(tmp_path):
    path = tmp_path / "s.jsonl"
    witness, killed_ns = watch_until_killed(path, 0.5, lambda witness: len(witness.missing) > 5)
    assert max(witness.missing).age_ns > MOST_NS
    with pytest.raises(AssertionError, match="not in the kernel: MarkerPlaced at"):
        assert_little_is_lost(witness, killed_ns, read_log(path).events)


def test_a_kill_that_takes_half_a_second_is_noticed_by_marks_alone(tmp_path):
    """Killed when so many marks wait that the oldest is more than 100 ms old, and nothing was seen to come late yet."""
    path = tmp_path / "s.jsonl"
    witness, killed_ns = watch_until_killed(path, 10.0, lambda witness: len(witness.answered) >= 20)
    left = EventDecoder().feed(path.read_bytes())
    assert all(missing.age_ns < MOST_NS for missing in witness.missing)
    taken = witness.taken(killed_ns, left)
    assert len(taken) > 15
    assert taken[0].age_ns > MOST_NS
    with pytest.raises(AssertionError, match=f"not in the kernel: {taken[0].event} at an age"):
        assert_little_is_lost(witness, killed_ns, left)


def test_a_hole_and_a_change_in_what_was_there_are_noticed(tmp_path):
    path = tmp_path / "s.jsonl"
    witness, killed_ns = watch_until_killed(path, 0.01, lambda witness: len(witness.answered) >= 20)
    events = read_log(path).events
    with pytest.raises(AssertionError, match="stays in it"):
        assert_little_is_lost(witness, killed_ns, events[1:])
    witness.seen = witness.seen[:3]
    with pytest.raises(AssertionError, match="before another one"):
        assert_little_is_lost(witness, killed_ns, events[:5] + events[6:])


def test_what_a_token_waits_for_leaves_room_for_a_busy_machine():
    """A chunk waits for its like within the time of its batch, and that for the next write."""
    assert TOGETHER_S <= SPAN_S
    assert SPAN_S + GATHER_S < 0.07
