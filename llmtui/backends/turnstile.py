"""Many connections, one reader at a time: what keeps the stamps of 64 streams honest."""

import asyncio
from collections import deque


class Turnstile:
    """Wakes the readers of many connections one at a time, one in each round of the event loop.

    Woken together they would all parse before the loop looks at its sockets again, and what arrives meanwhile would be
    stamped late by the work of all of them; so it is stamped late by the work of one at most.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: deque[asyncio.Future[None]] = deque()

    def admit(self, waiter: asyncio.Future[None]) -> None:
        """Resolve `waiter` in its turn."""
        self._queue.append(waiter)
        if len(self._queue) == 1:
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        waiter = self._queue.popleft()
        if not waiter.done():
            waiter.set_result(None)
        if self._queue:
            self._loop.call_soon(self._turn)
