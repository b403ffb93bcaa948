"""The gate in front of every request: closed while the user has paused the queue."""

import asyncio
import time
from collections.abc import Callable


class Gate:
    """Open while the queue runs; a request waits in front of a closed one."""

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._clock = clock
        self._closed_ns = 0
        self._closed_at_ns: int | None = None

    @property
    def closed(self) -> bool:
        """Whether the queue is paused."""
        return not self._open.is_set()

    def close(self) -> None:
        """Let no further request start."""
        self._open.clear()
        if self._closed_at_ns is None:
            self._closed_at_ns = self._clock()

    def open(self) -> None:
        """Let requests start again."""
        self._open.set()
        if self._closed_at_ns is not None:
            self._closed_ns += self._clock() - self._closed_at_ns
            self._closed_at_ns = None

    def closed_ns(self) -> int:
        """Return for how long the gate has been closed, all in all."""
        since = 0 if self._closed_at_ns is None else self._clock() - self._closed_at_ns
        return self._closed_ns + since

    async def passage(self) -> None:
        """Return as soon as the gate is open."""
        await self._open.wait()
