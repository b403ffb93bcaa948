"""fsync in a thread of its own: a disk may take seconds for it, and lines have to reach the kernel meanwhile."""

import os
import threading
from collections.abc import Callable

from llmtui.log.bell import Bell


class DiskSync:
    """Brings what is written to a file to the disk, once in `every_s` or as soon as somebody hurries.

    What the disk refused is tried again. `on_end` is called in the thread of this, after each try.

    Attributes:
        dirty: Whether something was written since the last try began; as long as it is so nobody needs to say it again.
        error: Why the last try that ended failed, None where it did not.
    """

    def __init__(self, file: int, every_s: float, on_end: Callable[[], None], clock: Callable[[], float]) -> None:
        self.dirty = False
        self.error: OSError | None = None
        self._file = file
        self._every_s = every_s
        self._on_end = on_end
        self._clock = clock
        self._lock = threading.Lock()
        self._bell = Bell()
        self._running = self._hurried = self._closing = False
        self._begun_at = clock()
        self._thread = threading.Thread(target=self._run, name="log-sync", daemon=True)
        self._thread.start()

    @property
    def synced(self) -> bool:
        """Whether all that was written is on the disk."""
        with self._lock:
            return not (self.dirty or self._running)

    def written(self) -> None:
        """Take notice that something was written."""
        with self._lock:
            self.dirty = True
            # A thread for which it is too early wakes up by itself.
            if self._left_s() <= 0:
                self._bell.ring()

    def hurry(self) -> None:
        """Have on the disk what was written up to now, as soon as it can be."""
        with self._lock:
            self._hurried = self.dirty
            self._bell.ring()

    def close(self) -> None:
        """End the thread, as soon as the disk lets it."""
        with self._lock:
            self._closing = True
            self._bell.ring()
        self._thread.join()

    def _run(self) -> None:
        while self._await_turn():
            try:
                os.fsync(self._file)
                error = None
            except OSError as refusal:
                error = refusal
            with self._lock:
                self._running = False
                self.dirty |= error is not None
                self.error = error
            self._on_end()

    def _await_turn(self) -> bool:
        """Sleep until it is time to sync; return False when there is to be no more of it."""
        while not self._closing:
            with self._lock:
                left_s = self._left_s()
                if self.dirty and (self._hurried or left_s <= 0):
                    # What is written from now on is not for sure in what is synced now.
                    self.dirty = self._hurried = False
                    self._running = True
                    self._begun_at = self._clock()
                    return True
            self._bell.sleep(left_s if left_s > 0 else None)
        return False

    def _left_s(self) -> float:
        return self._begun_at + self._every_s - self._clock()
