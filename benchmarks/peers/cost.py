"""Runs a command and tells what its whole tree of processes cost: `python cost.py RESULT LIMIT_S COMMAND...`.

A process of its own, so that every descendant becomes a child of this one when its parent ends (Linux only), and is
waited for: processor time is the kernel's account of each (os.wait4), and none is missing that left its parent.
"""

import contextlib
import ctypes
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

SAMPLE_S = 0.05
LINGER_S = 10.0
_SET_CHILD_SUBREAPER = 36


class Cost(NamedTuple):
    """What a run cost.

    Attributes:
        began_ns: Just before it was started, on the monotonic clock.
        cpu_s: Processor time of all its processes, in seconds.
        peak: Resident memory of all its processes at its highest, in bytes; pages that several share count for each.
        code: Exit status of the command, below 0 the signal that ended it.
        timed_out: Whether it was ended because its time was over.
    """

    began_ns: int
    cpu_s: float
    peak: int
    code: int
    timed_out: bool


def run_measured(command: Sequence[str], environ: Mapping[str, str], folder: Path, limit_s: float) -> Cost:
    """Run `command` in `folder`, its output in `output.txt` there, for `limit_s` at most."""
    result = folder / "cost.json"
    with (folder / "output.txt").open("wb") as output:
        subprocess.run(
            [sys.executable, __file__, str(result), str(limit_s), *command],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=True,
        )
    return Cost(**json.loads(result.read_text()))


def measure(command: Sequence[str], limit_s: float) -> Cost:
    """Run `command` to its end, and wait for all that it leaves behind; what lingers is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    began_ns = time.monotonic_ns()
    child = subprocess.Popen(command)
    cpu_s, peak, timed_out = 0.0, 0, False
    ends_at = time.monotonic() + limit_s
    while True:
        tree = psutil.Process().children(recursive=True)
        peak = max(peak, sum(map(_resident, tree)))
        with contextlib.suppress(ChildProcessError):
            while (found := os.wait4(-1, os.WNOHANG))[0]:
                cpu_s += found[2].ru_utime + found[2].ru_stime
                if found[0] == child.pid:
                    child.returncode = os.waitstatus_to_exitcode(found[1])
                    ends_at = min(ends_at, time.monotonic() + LINGER_S)
        if child.returncode is not None and not psutil.Process().children():
            return Cost(began_ns, cpu_s, peak, child.returncode, timed_out)
        if time.monotonic() > ends_at:
            timed_out = timed_out or child.returncode is None
            for process in tree:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        time.sleep(SAMPLE_S)


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(measure(sys.argv[3:], float(sys.argv[2]))._asdict()))
