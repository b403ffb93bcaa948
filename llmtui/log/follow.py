"""Following a log that is being written: what came since the last look, and whether its engine still lives."""

import fcntl
import os
from pathlib import Path

from llmtui.events import Event, SessionFinished, SessionOpened
from llmtui.log.read import LineDecoder, LogError

MOST_BYTES = 4 * 1024 * 1024


class LogFollower:
    """Reads what is new at each `poll`. An incomplete last line waits for its rest."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.decoder = LineDecoder()
        self.finished = False
        self._rest = b""
        try:
            if path.is_dir():
                raise LogError(f"{path}: a folder, not a log")
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise LogError(f"{path}: can't be read: {error.strerror}") from None

    def poll(self, most_bytes: int = MOST_BYTES) -> list[Event]:
        """Return the events of at most `most_bytes` that are new; an empty list when nothing is."""
        data = os.read(self._file, most_bytes)
        if not data:
            return []
        *lines, self._rest = (self._rest + data).split(b"\n")
        events = []
        for line in lines:
            event = self.decoder.decode(line)
            if event is None:
                continue
            if isinstance(event, SessionOpened):
                self.decoder.version = event.format
            self.finished |= isinstance(event, SessionFinished)
            events.append(event)
        return events

    @property
    def torn(self) -> bool:
        """Whether the file ends in the middle of a line."""
        return bool(self._rest)

    def writer_alive(self) -> bool:
        """Return whether an engine holds the log's lock."""
        return is_locked(self._file)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def is_locked(file: int) -> bool:
    """Return whether another process holds the exclusive lock of this open file."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False
