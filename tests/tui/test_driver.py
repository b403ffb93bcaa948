import io
import os

from llmtui.tui.driver import TerminalFile, hung_up


class Gone(io.StringIO):
    """A terminal that goes away after its first line."""

    def write(self, text):
        if self.getvalue():
            raise OSError(5, "Input/output error")
        return super().write(text)


def test_bytes_are_counted_as_they_are_sent():
    file = TerminalFile(io.StringIO(), lambda: None)
    file.write("añ")
    file.write("🙂")
    assert file.bytes_sent == 7


def test_a_terminal_that_went_away_is_told_once_and_blocks_nothing():
    lost = []
    file = TerminalFile(Gone(), lambda: lost.append(1))
    for _ in range(100):
        file.write("x")
        file.flush()
    assert lost == [1]


def test_a_terminal_hangs_up_when_its_other_end_is_closed():
    master, slave = os.openpty()
    try:
        assert not hung_up(slave)
        os.write(master, b"a key")
        assert not hung_up(slave)
        os.close(master)
        assert hung_up(slave)
    finally:
        os.close(slave)
