"""The child by itself: what it answers to settings that it can't use, and that it serves no stranger."""

import os
import subprocess
import sys

import msgspec
import pytest

from llmtui.servers.embedded import missing_support
from llmtui.servers.embedded_child import ChildAnswer, ChildSettings

pytestmark = pytest.mark.embedded
COMMAND = [sys.executable, "-m", "llmtui.servers.embedded_child"]


@pytest.fixture(autouse=True)
def supported():
    missing = missing_support()
    if missing is not None:
        pytest.skip(missing)


def ask(data: bytes) -> subprocess.CompletedProcess:
    return subprocess.run(COMMAND, input=data, capture_output=True, timeout=60, check=False)


def settings(**changes) -> bytes:
    fields = {"model": "nowhere.gguf", "alias": "m", "context": 512, "parallel": 1, "threads": 1, "parent": os.getpid()}
    return msgspec.json.encode(ChildSettings(**fields | changes))


def test_a_model_that_cannot_be_loaded_is_one_line_of_answer():
    run = ask(settings())
    assert run.returncode == 1
    assert run.stdout.count(b"\n") == 1
    answer = msgspec.json.decode(run.stdout, type=ChildAnswer)
    assert answer.url is None
    assert answer.error
    assert b"error loading model" in run.stderr


def test_one_whose_parent_is_gone_already_serves_nobody():
    run = ask(settings(parent=1 if os.getpid() != 1 else 2))
    assert (run.returncode, run.stdout) == (0, b"")


def test_settings_that_are_none_end_it():
    run = ask(b"{}")
    assert run.returncode == 1
    assert run.stdout == b""
    assert b"ValidationError" in run.stderr
