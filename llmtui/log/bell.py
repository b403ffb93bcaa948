"""What a thread sleeps at until another one wakes it: a plain lock, which costs a fraction of a condition."""

import threading


class Bell:
    """Wakes the one thread that sleeps at it. A ring that finds nobody asleep ends the next sleep; two are one."""

    def __init__(self) -> None:
        self._silence = threading.Lock()
        self._silence.acquire()

    def ring(self) -> None:
        """Wake the sleeper. Whoever rings holds the lock that keeps others from it."""
        if self._silence.locked():
            self._silence.release()

    def sleep(self, seconds: float | None = None) -> None:
        """Sleep until it rings, for `seconds` at most."""
        if seconds is None:
            self._silence.acquire()
        else:
            self._silence.acquire(timeout=seconds)
