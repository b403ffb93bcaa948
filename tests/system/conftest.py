"""Whole runs of the command line, on the real server with the real small model."""

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.command_line import LLMTUI


class CommandLine:
    """Runs `llmtui` with the folders of the test, and remembers the engines that it started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sessions = Path(os.environ["LLMTUI_SESSIONS"])

    def __call__(
        self, *arguments: str, timeout: float = 90, environ: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*LLMTUI, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            env={**os.environ, **(environ or {})},
        )

    def suite(self, text: str) -> str:
        path = self.folder / "suite.yaml"
        path.write_text(text)
        return str(path)

    def log(self) -> Path:
        return max(self.sessions.glob("*.jsonl"), key=lambda path: path.stat().st_mtime)

    def wait_for_text(self, text: str, seconds: float = 40) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if list(self.sessions.glob("*.jsonl")) and text in self.log().read_text():
                return
            time.sleep(0.02)
        raise AssertionError(f"{text} was not logged within {seconds} s")


@pytest.fixture
def llmtui(tmp_path):
    return CommandLine(tmp_path)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture
def gone():
    """Waits until a process is gone."""

    def wait(pid: int, seconds: float = 10) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not alive(pid):
                return True
            time.sleep(0.05)
        return False

    return wait
