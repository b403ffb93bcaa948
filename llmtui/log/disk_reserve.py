"""Room on a disk that is kept for the moment in which it is full: what says so has to stand somewhere."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from llmtui.log.private_file import make_file

RETRY_S = 1.0


class DiskReserve:
    """Holds `size` bytes of the disk of `folder` in a file without a name, which goes away with the process.

    Where there is no room for it at the start there is none, and `restored` is always true.
    """

    def __init__(self, folder: Path, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._size = size
        self._clock = clock
        self._file = _take(folder, size)
        self._used = False
        self._tried_at = clock()

    def give_back(self) -> bool:
        """Give the room back, and return whether any was held."""
        file, self._file = self._file, None
        if file is None:
            return False
        os.close(file)
        self._used = True
        return True

    def restored(self) -> bool:
        """Return whether what was held at the start is held now; what was given back is taken again if there is room.

        Looks once a second at most.
        """
        if self._file is None and self._used and self._clock() - self._tried_at >= RETRY_S:
            self._tried_at = self._clock()
            self._file = _take(self._folder, self._size)
        return self._file is not None or not self._used


def _take(folder: Path, size: int) -> int | None:
    try:
        file, path = make_file(folder, ".llmtui-")
    except OSError:
        return None
    try:
        path.unlink()
        # Random, since some file systems keep no room for what they can compress.
        left = memoryview(os.urandom(size))
        while left:
            left = left[os.write(file, left) :]
    except OSError:
        os.close(file)
        return None
    return file
