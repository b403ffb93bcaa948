import fcntl
import os
import pty
import struct
import termios

import pytest

from llmtui.cli.room import USUAL, columns


@pytest.fixture
def terminal():
    """Return a terminal of so many columns."""
    opened = []

    def open_terminal(width):
        controller, own = pty.openpty()
        opened.append(controller)
        fcntl.ioctl(own, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        file = os.fdopen(own, "w")
        opened.append(file)
        return file

    yield open_terminal
    for each in opened:
        os.close(each) if isinstance(each, int) else each.close()


@pytest.fixture
def pipe(tmp_path):
    with (tmp_path / "out.txt").open("w") as file:
        yield file


def test_a_terminal_tells_its_width(terminal):
    assert columns(terminal(91), {}) == 91
    assert columns(terminal(0), {}) == USUAL, "one that does not know its size"


def test_what_is_piped_gets_everything(pipe):
    assert columns(pipe, {}) is None


@pytest.mark.parametrize("nonsense", ["", "wide", "-3", "0"])
def test_nonsense_in_columns_is_passed_over(pipe, terminal, nonsense):
    assert columns(pipe, {"COLUMNS": nonsense}) is None
    assert columns(terminal(91), {"COLUMNS": nonsense}) == 91


def test_who_gives_columns_gets_them(pipe, terminal):
    assert columns(pipe, {"COLUMNS": "72"}) == columns(terminal(91), {"COLUMNS": "72"}) == 72
