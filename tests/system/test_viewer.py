"""The viewer in real terminals: a pty read by an emulator, and tmux."""

import fcntl
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
import uuid
from pathlib import Path

import pyte
import pytest
from support.command_line import LLMTUI, LONG, SHORT

from llmtui import events as ev
from llmtui.log.read import read_log
from llmtui.testing.terminal import Terminal

TRUECOLOR = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
LEFT_ALT_SCREEN = b"\x1b[?1049l"
COLOUR = re.compile(rb"\x1b\[[\d;]*\b(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;|m)")


def shown(terminal, columns, rows):
    screen = pyte.Screen(columns, rows)
    pyte.ByteStream(screen).feed(terminal.output)
    return "\n".join(screen.display)


@pytest.fixture
def finished(llmtui):
    """A session that was recorded just now."""
    result = llmtui("run", llmtui.suite(SHORT), "--plain")
    assert result.returncode == 0, result.stderr
    return llmtui.log()


@pytest.fixture
def running(llmtui):
    """A session that goes on for a while, stopped at the end."""
    assert llmtui("run", llmtui.suite(LONG), "--detach").returncode == 0
    llmtui.wait_for_text('"ev":"tokens_received"')
    yield llmtui.log()
    llmtui("ctl", "stop")
    llmtui.wait_for_text('"ev":"session_finished"')


@pytest.mark.embedded
def test_a_live_session_shows_text_and_detaching_leaves_it_running(running):
    terminal = Terminal([*LLMTUI, "attach"], 120, 40, TRUECOLOR)
    try:
        terminal.read_until(b"tok/s", 20)
        terminal.read_for(1.0)
        text = shown(terminal, 120, 40)
        assert "live" in text
        assert "1 queue" in text
        assert re.search(r"~[\d.]+ tok/s", text)
        terminal.send(b"q")
        terminal.read_until(b"detach", 5)
        terminal.send(b"\r")
        terminal.process.wait(10)
        terminal.read_for(0.5)
        assert LEFT_ALT_SCREEN in terminal.output
    finally:
        terminal.close()
    assert os.path.exists(f"/proc/{read_log(running).header.pid}")  # noqa: PTH110 - a process, not a file


@pytest.mark.embedded
def test_killing_the_screen_leaves_the_run_going(running):
    terminal = Terminal([*LLMTUI, "attach"], 80, 24, TRUECOLOR)
    terminal.read_until(b"tok/s", 20)
    terminal.process.kill()
    terminal.process.wait()
    terminal.close()
    before = running.stat().st_size
    time.sleep(0.5)
    assert running.stat().st_size > before


@pytest.mark.embedded
def test_keys_reach_the_engine(running, llmtui):
    terminal = Terminal([*LLMTUI, "attach"], 120, 40, TRUECOLOR)
    try:
        terminal.read_until(b"tok/s", 20)
        terminal.send(b"P")
        terminal.read_until(b"QUEUE PAUSED", 5)
        terminal.send(b"m")
        terminal.read_for(0.3)
        terminal.send(b"hot\r")
        terminal.read_for(0.5)
        terminal.send(b"P")
        llmtui.wait_for_text('"ev":"queue_resumed"', 5)
        terminal.send(b"x")
        llmtui.wait_for_text('"status":"skipped"', 5)
    finally:
        terminal.close()
    markers = [event.label for event in read_log(running).events if isinstance(event, ev.MarkerPlaced)]
    assert markers == ["hot"]


@pytest.mark.embedded
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_restores_the_terminal(finished, number):
    terminal = Terminal([*LLMTUI, "attach", str(finished)], 80, 24, TRUECOLOR)
    try:
        terminal.read_until(b"completed", 20)
        terminal.process.send_signal(number)
        terminal.process.wait(10)
        terminal.read_for(0.5)
        assert LEFT_ALT_SCREEN in terminal.output
        assert b"\x1b[?1000l" in terminal.output or b"\x1b[?1003l" in terminal.output
    finally:
        terminal.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_viewer_whose_terminal_takes_nothing_more(number):
    recorded = Path(__file__).parents[2] / "docs" / "session.jsonl"
    terminal = Terminal([*LLMTUI, "replay", str(recorded), "--speed", "0.5"], 200, 60, TRUECOLOR)
    try:
        terminal.read_until(b"replay", 20)
        wait_until_full(terminal.master)
        assert not termios.tcgetattr(terminal.master)[3] & termios.ECHO
        terminal.process.send_signal(number)
        assert terminal.process.wait(20) == 1
        assert termios.tcgetattr(terminal.master)[3] & termios.ECHO, "the line is as it was before"
    finally:
        terminal.close()


def wait_until_full(master, seconds=40):
    """Wait until a terminal that nobody reads has taken all that it can."""
    end = time.monotonic() + seconds
    waiting, since = -1, time.monotonic()
    while time.monotonic() - since < 2:
        assert time.monotonic() < end, "it takes more and more"
        now = struct.unpack("i", fcntl.ioctl(master, termios.FIONREAD, b"\0" * 4))[0]
        if now != waiting:
            waiting, since = now, time.monotonic()
        time.sleep(0.1)


@pytest.mark.embedded
def test_a_replay_plays_to_its_end_in_the_same_screen(finished):
    terminal = Terminal([*LLMTUI, "replay", str(finished), "--speed", "8"], 120, 40, TRUECOLOR)
    try:
        terminal.read_until(b"replay", 20)
        terminal.read_until(b"completed", 20)
        terminal.read_for(0.5)
        assert "Paris" in shown(terminal, 120, 40)
        terminal.send(b"q")
        assert terminal.process.wait(10) == 0
    finally:
        terminal.close()


@pytest.mark.embedded
def test_no_color_sends_no_colour_and_without_it_there_is_some(finished):
    counts = {}
    for value in ("1", ""):
        terminal = Terminal([*LLMTUI, "attach", str(finished)], 80, 24, {**TRUECOLOR, "NO_COLOR": value})
        try:
            terminal.read_until(b"completed", 20)
            terminal.read_for(1.0)
            counts[value] = len(COLOUR.findall(terminal.output))
        finally:
            terminal.close()
    assert counts["1"] == 0
    assert counts[""] > 10


@pytest.mark.embedded
def test_a_narrow_encoding_gets_ascii_only(finished):
    environ = {**TRUECOLOR, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    terminal = Terminal([*LLMTUI, "attach", str(finished)], 100, 30, environ)
    try:
        terminal.read_until(b"completed", 20)
        terminal.read_for(1.0)
        assert b"\\u28" not in terminal.output
    finally:
        terminal.close()


@pytest.mark.embedded
def test_a_dumb_terminal_gets_plain_lines(finished):
    terminal = Terminal([*LLMTUI, "attach", str(finished)], 80, 24, {"TERM": "dumb"})
    try:
        terminal.read_until(b"session completed", 20)
        terminal.read_for(0.5)
        assert b"\x1b" not in terminal.output
    finally:
        terminal.close()


def test_home_opens_without_a_question_and_q_leaves(tmp_path):
    terminal = Terminal(LLMTUI, 100, 30, TRUECOLOR)
    try:
        terminal.read_until(b"enter runs quick", 20)
        text = shown(terminal, 100, 30)
        assert "1 suites" in text
        assert "watch" in text
        terminal.send(b"q")
        assert terminal.process.wait(10) == 0
    finally:
        terminal.close()


class Tmux:
    """A tmux server of its own with one window of a given size."""

    def __init__(self, columns, rows, command):
        self.name = f"llmtui-{uuid.uuid4().hex[:8]}"
        self.run("new-session", "-d", "-x", str(columns), "-y", str(rows), command)

    def run(self, *arguments):
        tmux = ["tmux", "-L", self.name, "-f", os.devnull, *arguments]
        return subprocess.run(tmux, capture_output=True, text=True, check=True).stdout

    def capture(self):
        return self.run("capture-pane", "-p", "-t", "0")

    def wait_for(self, text, seconds=20):
        end = time.monotonic() + seconds
        while text not in (screen := self.capture()):
            assert time.monotonic() < end, f"no {text!r} on:\n{screen}"
            time.sleep(0.05)
        return screen

    def press(self, key):
        self.run("send-keys", "-t", "0", key)

    def close(self):
        self.run("kill-server")


SIGNS = {"1": "j1", "2": "TTFT", "3": "CPU", "4": "TTFT", "5": "5 alerts"}


@pytest.mark.embedded
@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
@pytest.mark.parametrize(("columns", "rows"), [(160, 50), (100, 30), (80, 24), (40, 10)])
def test_every_pane_is_reached_in_tmux(finished, columns, rows):
    tmux = Tmux(columns, rows, f"{sys.executable} -m llmtui attach {finished}; sleep 20")
    try:
        tmux.wait_for("completed")
        for key, sign in SIGNS.items():
            tmux.press(key)
            screen = tmux.wait_for(sign, 20)
            assert len(screen.splitlines()) <= rows
            assert all(len(line) <= columns for line in screen.splitlines())
        tmux.press("4")
        tmux.press("Enter")
        tmux.wait_for("job j1", 5)
        tmux.press("Escape")
        tmux.wait_for("q leave", 5)
        tmux.press("?")
        tmux.wait_for("help: results", 5)
    finally:
        tmux.close()


@pytest.mark.embedded
@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_a_viewer_ends_when_its_terminal_goes_away(finished, gone):
    tmux = Tmux(80, 24, f"exec {sys.executable} -m llmtui attach {finished}")
    tmux.wait_for("completed")
    pid = int(tmux.run("list-panes", "-F", "#{pane_pid}"))
    tmux.press("4")
    tmux.close()
    assert gone(pid)


@pytest.mark.embedded
def test_a_viewer_ends_when_its_line_drops_and_the_run_goes_on(running):
    terminal = Terminal([*LLMTUI, "attach"], 80, 24, TRUECOLOR)
    terminal.read_until(b"tok/s", 20)
    terminal.hang_up()
    terminal.process.wait(10)
    before = running.stat().st_size
    time.sleep(0.5)
    assert running.stat().st_size > before
