"""fsync in a thread of its own: a disk may take seconds for it, and lines have to reach the kernel meanwhile."""

import os
import threading
from collections.abc import Callable


class DiskSync:
    """Brings a file to the disk, once for each `begin`. `on_end` is called in the thread of this, after each.

    Attributes:
        running: Whether the last one that was begun has not ended.
        error: Why the last one that ended failed, None where it did not.
    """

    def __init__(self, file: int, on_end: Callable[[], None]) -> None:
        self.running = False
        self.error: OSError | None = None
        self._file = file
        self._on_end = on_end
        self._begun = threading.Semaphore(0)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="log-sync", daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """Have on the disk what was written up to now; not to be called while one is running."""
        self.running = True
        self._begun.release()

    def close(self) -> None:
        """End the thread, as soon as the disk lets it."""
        self._closing = True
        self._begun.release()
        self._thread.join()

    def _run(self) -> None:
        while self._begun.acquire() and (self.running or not self._closing):
            try:
                os.fsync(self._file)
                self.error = None
            except OSError as error:
                self.error = error
            self.running = False
            self._on_end()
