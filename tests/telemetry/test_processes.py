import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from llmtui.telemetry.base import Missing
from llmtui.telemetry.commands import redact_command
from llmtui.telemetry.processes import ProcFolder
from llmtui.telemetry.sample_lines import Watch
from llmtui.telemetry.server import ServerWatch

S = 1_000_000_000
BUSY = "import socket, time\ns = socket.create_server(('127.0.0.1', 0))\nprint(s.getsockname()[1], flush=True)\nwhile True: pass"


@pytest.fixture
def server():
    child = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True)
    port = int(child.stdout.readline())
    yield child.pid, port
    child.kill()
    child.wait()
    child.stdout.close()


def test_the_process_behind_a_port_is_found_and_its_use_counted(server):
    pid, port = server
    watch = ServerWatch(ProcFolder())
    watch.watch(Watch(target="t", port=port))
    watch.sample(0)
    began = time.monotonic()
    time.sleep(0.5)
    readings = watch.sample(round((time.monotonic() - began) * S))
    assert readings["server.processes"] >= 1
    assert readings["server.cpu"] > 0.1
    assert readings["server.memory.private"] > 1_000_000
    assert pid in {process.pid for process in watch.news().processes}
    assert watch.news() is None, "what did not change is not told again"


def test_where_nobody_listens_there_is_a_reason():
    with socket.socket() as held:  # bound, so that nobody else can take the port, but not listening
        held.bind(("127.0.0.1", 0))
        watch = ServerWatch(ProcFolder())
        watch.watch(Watch(target="t", port=held.getsockname()[1]))
        assert "nobody listens" in watch.sample(0)["server.cpu"].reason


def test_a_process_can_be_named_and_its_end_is_told(server):
    pid, _ = server
    watch = ServerWatch(ProcFolder())
    watch.watch(Watch(target="t", pid=pid))
    assert watch.sample(0)["server.memory.private"] > 1_000_000
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    readings = [watch.sample(n * S)["server.memory.private"] for n in range(1, 12)]
    assert isinstance(readings[-1], Missing)


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["llama-server", "--api-key", "abc", "--port", "1"], "llama-server --api-key *** --port 1"),
        (["vllm", "--api-key=abc"], "vllm --api-key=***"),
        (["x", "HF_TOKEN=hf_abcdefgh"], "x HF_TOKEN=***"),
        (["x", "sk-abcdef123456"], "x ***"),
        (["x", "http://me:pass@host/"], "x http://***@host/"),
        (["x", "--max-tokens", "5"], "x --max-tokens 5"),
        (["x", "a\x1b[2Jb"], "x a [2Jb"),
    ],
)
def test_secrets_of_a_command_line_are_hidden(arguments, shown):
    assert redact_command(arguments) == shown
