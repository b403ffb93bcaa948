"""Following a log that is being written: what came since the last look, and whether its engine still lives."""

import fcntl
import os
from pathlib import Path

from llmtui.events import Event, SessionFinished
from llmtui.log.decode import EventDecoder, last_turn
from llmtui.log.read import open_log

MOST_BYTES = 4 * 1024 * 1024


class LogFollower:
    """Reads what is new in a file at each `poll`. An incomplete last line waits for its rest.

    `at_end` says whether the last poll read all that there was, `finished` whether the session has ended; work that is
    resumed in the same log takes that back. `problem` is the sentence about a file that was changed by somebody else
    than its engine. Raises `LogError` when the file can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.decoder = EventDecoder()
        self.finished = False
        self.problem: str | None = None
        self._file = open_log(path)
        self._place = 0
        self.at_end = False
        self._lost = False

    def poll(self, most_bytes: int = MOST_BYTES) -> list[Event]:
        """Return the events in at most `most_bytes` more; an empty list when nothing is new."""
        if self._lost:
            return []
        try:
            self._go_back_to_torn_line()
            data = self._file.read(most_bytes)
            if not data:
                self._look_for_change()
        except OSError as error:
            self._give_up(f"{self.path}: can't be read any more: {error.strerror}")
            return []
        self._place += len(data or b"")
        self.at_end = len(data or b"") < most_bytes
        events = self.decoder.feed(data) if data else self.decoder.flush()
        self.finished = _is_over(events, before=self.finished)
        return events

    @property
    def torn(self) -> bool:
        """Whether the file ends in the middle of a line."""
        return self.decoder.torn

    def writer_alive(self) -> bool:
        """Return whether an engine holds the log's lock, and what it writes can still be followed."""
        return not self._lost and is_locked(self._file.fileno())

    def notices(self) -> list[str]:
        """Return what a reader should know, a sentence each."""
        return ([self.problem] if self.problem else []) + self.decoder.notices()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _go_back_to_torn_line(self) -> None:
        """Read a last line that had no end from its beginning again: an engine that resumes the session cuts it off."""
        if self.at_end and self.decoder.unfinished and os.fstat(self._file.fileno()).st_size != self._place:
            self._place = self._file.seek(self._place - self.decoder.unfinished)
            self.decoder.drop_unfinished()

    def _look_for_change(self) -> None:
        """At the end of the file: see whether it is shorter than before, or another one has taken its name."""
        facts = os.fstat(self._file.fileno())
        if facts.st_size < self._place - self.decoder.unfinished:
            self._give_up(f"{self.path}: was cut shorter while it was read; open it again to see what is left")
            return
        try:
            named = os.stat(self.path)  # noqa: PTH116 - beside fstat
        except FileNotFoundError:
            self.problem = f"{self.path}: was removed; what its engine still writes is lost in the end"
            return
        moved = (named.st_dev, named.st_ino) != (facts.st_dev, facts.st_ino)
        self.problem = f"{self.path}: another file has taken this name; the old one is shown" if moved else None

    def _give_up(self, problem: str) -> None:
        self.problem = problem
        self._lost = True


def is_locked(file: int) -> bool:
    """Return whether another process holds the exclusive lock of this open file. Where no locks are, nobody does."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return False


def _is_over(events: list[Event], *, before: bool) -> bool:
    turn = last_turn(events)
    return before if turn is None else isinstance(turn, SessionFinished)
