"""llmtui in a terminal, and what a person would see there."""

import time

import pyte

from llmtui.testing.terminal import Terminal
from support.command_line import LLMTUI

TRUECOLOR = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


class Screen:
    """A terminal of its own; ends with the `with` block."""

    def __init__(self, *arguments, columns=120, rows=40):
        self.terminal = Terminal([*LLMTUI, *arguments], columns, rows, TRUECOLOR)
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._fed = 0

    def text(self):
        """What is on the screen of all that was read so far."""
        self._stream.feed(self.terminal.output[self._fed :])
        self._fed = len(self.terminal.output)
        return "\n".join(self._screen.display)

    def wait_for(self, *texts, seconds=30, absent=()):
        """Read until all `texts` are on the screen at once, and none of `absent`; return what is there."""
        return self.wait_until(
            lambda seen: all(text in seen for text in texts) and not any(text in seen for text in absent),
            f"{texts} without {absent}",
            seconds,
        )

    def wait_until(self, holds, what, seconds=30):
        """Read until `holds` of the screen's text; return that text. `what` names it in the error."""
        end = time.monotonic() + seconds
        while True:
            self.terminal.read_for(0.1)
            seen = self.text()
            if holds(seen):
                return seen
            assert time.monotonic() < end, f"no {what} on:\n{seen}"

    def press(self, keys):
        self.terminal.send(keys)

    def ask(self, key, text):
        """Press a key that opens a line, and enter `text` there, all in one piece as a slow line delivers it."""
        self.press(key + text.encode() + b"\r")

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.terminal.close()
