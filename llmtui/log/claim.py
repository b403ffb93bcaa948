"""Opening a log to write it: made or found, locked against a second engine, and looked at for a torn end."""

import fcntl
import os
import stat
import time
from pathlib import Path

from llmtui.log.decode import EventDecoder

BLOCK = 64 * 1024
POLL_S = 0.01
LOCK_WITHIN_S = 0.5


class LogOpenError(Exception):
    """The log can't be written: one sentence that says why."""


class LogLockedError(LogOpenError):
    """Another engine writes this log."""


def open_for_writing(path: Path, *, resume: bool) -> int:
    """Return a descriptor that appends to the log, which is made (mode 0600) unless it is to `resume`, and locked.

    Raises `FileExistsError`, `LogLockedError`, and `LogOpenError` for the rest.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | (0 if resume else os.O_CREAT | os.O_EXCL)
    try:
        file = os.open(path, flags, 0o600)
    except FileExistsError:
        raise FileExistsError(f"{path} is there already; a log is never written over") from None
    except OSError as error:
        raise LogOpenError(f"{path} can't be written: {error.strerror}") from None
    try:
        _claim(file, path)
    except LogOpenError:
        os.close(file)
        raise
    return file


def _claim(file: int, path: Path) -> None:
    """Take the lock that an engine holds as long as it writes."""
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise LogOpenError(f"{path} can't be written: not a plain file")
    end = time.monotonic() + LOCK_WITHIN_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Readers that ask whether an engine lives hold the lock for a moment, an engine holds it to its end.
            if time.monotonic() > end:
                raise LogLockedError(f"another engine writes {path}; stop it first") from None
            time.sleep(POLL_S)
        except OSError as error:
            raise LogOpenError(
                f"{path} can't be locked: {error.strerror}; name a folder on a local disk by LLMTUI_SESSIONS"
            ) from None
        else:
            return


def torn_end(file: int) -> tuple[int, bool]:
    """Return the bytes of a last line that can't be read, and whether the last line is whole but for its line feed."""
    place = os.fstat(file).st_size
    line = b""
    while place and b"\n" not in line:
        block = min(BLOCK, place)
        place -= block
        line = os.pread(file, block, place) + line
    line = line[line.rfind(b"\n") + 1 :]
    if not line:
        return 0, False
    decoder = EventDecoder()
    decoder.feed(line)
    whole = bool(decoder.flush())
    return (0, True) if whole else (len(line), False)
