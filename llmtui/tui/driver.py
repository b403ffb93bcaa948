"""Textual's driver on a file that counts what goes to the terminal, and that survives a terminal which went away."""

import os
import select
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

LOOK_S = 1.0
"""So often the driver looks whether the terminal is still there."""

AS_BEFORE = b"\x1b[?2004l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
"""No pasting in brackets, no mouse, the usual keyboard and screen, the cursor shown."""


def hung_up(descriptor: int) -> bool:
    """Whether the other end of a terminal is closed for good."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(mask & select.POLLHUP for _, mask in poll.poll(0))


class TerminalFile:
    """A terminal's text file. When it can't be written any more, what comes is dropped and `on_lost` is called once.

    Textual writes from a thread through a bounded queue: an error would end the thread, and the queue would then fill
    and block the whole app for ever.
    """

    def __init__(self, file: IO[str], on_lost: Callable[[], None]) -> None:
        self._file = file
        self._on_lost = on_lost
        self._lost = False
        self.bytes_sent = 0

    def write(self, text: str) -> int:
        """Write and count."""
        self.bytes_sent += len(text.encode("utf-8", "replace"))
        self._try(lambda: self._file.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush what was written."""
        self._try(self._file.flush)

    def fileno(self) -> int:
        """Return the terminal's descriptor."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._file.isatty()

    def _try(self, act: Callable[[], object]) -> None:
        if self._lost:
            return
        try:
            act()
        except (OSError, ValueError):
            self._lost = True
            self._on_lost()


class TerminalDriver(LinuxDriver):
    """The driver whose output goes through a `TerminalFile`."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self.terminal = TerminalFile(self._file, self._leave)
        self._file: Any = self.terminal

    def start_application_mode(self) -> None:
        """Take the terminal, and keep an eye on it.

        A screen that stands still writes nothing, so no error tells it that the terminal went away; reading at its end
        returns at once, again and again. A signal comes only to whoever has it as its controlling terminal.
        """
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self._look()

    def let_go(self) -> None:
        """Give the terminal back as it was, as far as it takes anything; never waits for it."""
        with suppress(termios.error):
            if self.attrs_before is not None:
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
        with suppress(OSError, ValueError):
            if select.select([], [self.terminal], [], 0)[1]:
                os.write(self.terminal.fileno(), AS_BEFORE)

    def _look(self) -> None:
        if hung_up(self.fileno):
            self._app.exit()
        else:
            self._loop.call_later(LOOK_S, self._look)

    def _leave(self) -> None:
        """End the app from the writing thread: nobody sees it any more. The engine goes on."""
        self._loop.call_soon_threadsafe(self._app.exit)
