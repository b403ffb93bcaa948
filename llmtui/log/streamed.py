"""A log that comes through a pipe, kept in a file of its own as long as it is watched."""

import fcntl
import os
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

BLOCK = 64 * 1024


class StreamedLog:
    """Copies a pipe to a temporary file that only its owner can read, in a thread of its own.

    The file is locked like one that an engine writes until the other end of the pipe is closed, so it can be followed
    like any log. It is removed by `close`. `problem` says why not all of the pipe could be kept.
    """

    def __init__(self, pipe: int) -> None:
        self.problem: str | None = None
        self._pipe = pipe
        self._begun = threading.Event()
        # Made with mode 0600.
        self._file, name = tempfile.mkstemp(prefix="llmtui-", suffix=".jsonl")
        self.path = Path(name)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._thread = threading.Thread(target=self._copy, name="streamed-log", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def wait_for_line(self, within_s: float | None = None) -> bool:
        """Wait until a first line has come, or the pipe was closed, and return whether one has."""
        self._begun.wait(within_s)
        with self.path.open("rb") as file:
            return b"\n" in file.read(BLOCK) or self.path.stat().st_size > BLOCK

    def close(self) -> None:
        """Remove the file; what the pipe still brings is dropped."""
        self.path.unlink(missing_ok=True)

    def _copy(self) -> None:
        try:
            while data := os.read(self._pipe, BLOCK):
                left = memoryview(data)
                while left:
                    left = left[os.write(self._file, left) :]
                if b"\n" in data:
                    self._begun.set()
        except OSError as error:
            self.problem = f"what comes through the pipe can't be kept in {self.path}: {error.strerror}"
        finally:
            with suppress(OSError):
                os.close(self._pipe)
            os.close(self._file)
            self._begun.set()
