"""Long logs given to each command: the memory that it takes does not grow with the log. 5 GB with LLMTUI_LONG_TESTS=1."""

import os
import subprocess
import sys

import pytest
from support.conversation import MS, header, queued, request, whole_session
from support.recorded_runs import write_session

from llmtui import events as ev
from llmtui.log.encode import encode_line

MIB = 1 << 20
LONG = os.environ.get("LLMTUI_LONG_TESTS") == "1"
BIG = 5 * 1024 * MIB if LONG else 48 * MIB
SMALL = 4 * MIB
REQUESTS = 400
MOST_GROWTH = 24 * MIB
"""Far below what the events of 48 MiB take, and above what the pieces that are read at once do."""

BIG_ID, SMALL_ID, OTHER_ID = "20261121-050000-big-bbbb", "20261121-050000-small-cccc", "20261121-040000-other-aaaa"
# The kernel's VmHWM begins anew with the program; getrusage would count what the test itself took before.
TELL = """
def tell():
    with open("/proc/self/status") as status, open(PEAK, "w") as file:
        file.write(next(line for line in status if line.startswith("VmHWM")).split()[1])
"""
MEASURED = f"""{TELL}
from llmtui.cli.main import main
try:
    main()
finally:
    tell()
"""
WHOLE = f"""{TELL}
import sys
from pathlib import Path
from llmtui.log.read import read_log
log = read_log(Path(sys.argv[1]))
tell()
"""
COMMANDS = {
    "list": ("sessions",),
    "export": ("export", "{id}"),
    "export of requests": ("export", "{id}", "--rows", "requests", "--format", "csv"),
    "export of samples": ("export", "{id}", "--rows", "samples", "--format", "csv"),
    "export of commands": ("export", "{id}", "--format", "commands"),
    "compare": ("compare", "{id}", OTHER_ID),
    "check": ("check", "{id}", "--against", OTHER_ID, "--fail-on", "decode<-5%"),
    "history": ("history", "decode"),
    "report": ("report", "{id}"),
    "attach": ("attach", "{id}", "--plain"),
    "tail": ("tail", "{id}", "--from-start"),
    "replay": ("replay", "{id}", "--plain", "--speed", "max"),
}


def bulk(size):
    """Samples, and the tokens of requests, in about `size` bytes; a big log has the same number of requests as another.

    What is known of a request stays in memory: a log of a million requests needs more of it than one of a thousand.
    """
    texts = tuple(f"word{n} " for n in range(40))
    sample = ev.SampleTaken(t=60 * MS, values={f"cpu.core.{n}.percent": 12.5 for n in range(16)})
    yield b"".join(map(encode_line, [header(), queued(), ev.JobStarted(t=5 * MS, job="j1")]))
    for number in range(REQUESTS):
        started, sent, _, finished = request(f"j1.{number}", start=10 * MS)
        tokens = ev.TokensReceived(t=60 * MS, request=started.request, offsets_us=tuple(range(40)), texts=texts)
        piece = b"".join(map(encode_line, [tokens, sample]))
        yield b"".join(map(encode_line, [started, sent]))
        pieces = max(1, size // REQUESTS // len(piece))
        for _ in range(0, pieces, 1000):
            yield piece * min(pieces, 1000)
        yield encode_line(finished)
    end = [ev.JobFinished(t=300 * MS, job="j1", status="done"), ev.SessionFinished(t=301 * MS, outcome="completed")]
    yield b"".join(map(encode_line, end))


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    path = tmp_path_factory.mktemp("big") / "big.jsonl"
    with path.open("wb") as file:
        file.writelines(bulk(BIG))
    yield path
    path.unlink()


@pytest.fixture
def folder(big):
    """The folder of sessions: a small one, and one to compare with."""
    return write_session(OTHER_ID, whole_session()).parent


def peak_of(code, folder, *arguments):
    """Return the most memory that a child took at once, in bytes."""
    peak = folder.parent / "peak"
    command = [sys.executable, "-c", f"PEAK = {str(peak)!r}\n{code}", *arguments]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=1800 if LONG else 100, check=False)  # fmt: skip
    assert done.returncode in {0, 1}, done.stderr
    assert b"Traceback" not in done.stderr
    return int(peak.read_text()) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of one program")
@pytest.mark.timeout(3600 if LONG else 240)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_holds_a_long_log_in_memory(folder, big, command):
    (folder / f"{SMALL_ID}.jsonl").write_bytes(b"".join(bulk(SMALL)))
    small = peak_of(MEASURED, folder, *(word.format(id=SMALL_ID) for word in COMMANDS[command]))
    (folder / f"{SMALL_ID}.jsonl").unlink()
    (folder / f"{BIG_ID}.jsonl").symlink_to(big)
    large = peak_of(MEASURED, folder, *(word.format(id=BIG_ID) for word in COMMANDS[command]))
    assert large - small < MOST_GROWTH


@pytest.mark.skipif(sys.platform != "linux" or LONG, reason="5 GB of events would fill the memory, which is the point")
def test_the_control_reading_it_whole_takes_far_more(folder, big):
    (folder / f"{SMALL_ID}.jsonl").write_bytes(b"".join(bulk(SMALL)))
    small = peak_of(WHOLE, folder, str(folder / f"{SMALL_ID}.jsonl"))
    assert peak_of(WHOLE, folder, str(big)) - small > 2 * MOST_GROWTH
