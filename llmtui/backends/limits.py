"""How long an answer may take and how long it may be silent, kept by one timer."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from typing import Any, Self

from llmtui.backends.base import BackendError
from llmtui.backends.connection import TimedRead
from llmtui.backends.problems import transport_problem
from llmtui.backends.transport import TimedReads
from llmtui.backends.transport_errors import TransportError


class Limits:
    """The two limits of one exchange, as moments on the loop's clock, and the watch over those who wait for a read.

    One timer serves all reads: it looks again when the limit has moved meanwhile. A timer for each read, which is what
    asyncio.timeout sets, took a seventh of the processor time of a token.

    Args:
        stall_s: Seconds without progress; each `renew` begins them anew.
        limit_s: Seconds for the whole, from now on.
        url: The server, as error sentences name it.
        secret: A key that no error sentence may hold.
        patient: The first `renew` begins the stall limit; up to then only the limit of the whole holds.

    `url` and `secret` are for those who write other sentences of the exchange.
    """

    def __init__(
        self, stall_s: float, limit_s: float, *, url: str, secret: str | None = None, patient: bool = False
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.url = url
        self.secret = secret
        self._stall_s = stall_s
        self._limit_s = limit_s
        self._ends_at = self._loop.time() + limit_s
        self._stalls_at = math.inf if patient else self._loop.time() + stall_s
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: asyncio.Task[Any] | None = None
        self._cancelled_before = 0
        self._expired = False

    @property
    def next_at(self) -> float:
        """When the nearer one is over."""
        return min(self._ends_at, self._stalls_at)

    def renew(self) -> None:
        """Begin the stall limit anew: there was progress."""
        self._stalls_at = self._loop.time() + self._stall_s

    def begin_wait(self) -> None:
        """Cancel the present task when a limit is over; it asks `ended_wait` then whether that was the reason."""
        self._waiting = asyncio.current_task()
        self._cancelled_before = self._waiting.cancelling() if self._waiting is not None else 0
        if self._timer is None or self._timer.when() > self.next_at:
            self.close()
            self._timer = self._loop.call_at(self.next_at, self._look)

    def end_wait(self) -> None:
        """Watch no more."""
        self._waiting = None
        self._expired = False

    def ended_wait(self) -> bool:
        """Return whether a limit was the one reason for the cancellation, and take it back then."""
        return self._expired and self._waiting is not None and self._waiting.uncancel() <= self._cancelled_before

    def close(self) -> None:
        """Drop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._waiting is None:
            return
        if self._loop.time() < self.next_at:
            self._timer = self._loop.call_at(self.next_at, self._look)
            return
        self._expired = True
        self._waiting.cancel()

    def problem(self) -> BackendError:
        """Return the limit that is over, as a sentence."""
        if self._ends_at <= self._stalls_at:
            text = f"{self.url} was not done after {self._limit_s:g} s: ask for less, or raise the limit."
            return BackendError("timeout", text)
        text = f"{self.url} sent nothing for {self._stall_s:g} s: look into the server's log, or raise the stall limit."
        return BackendError("stalled", text)

    def translate(self, error: Exception) -> BackendError:
        """Return what went wrong with the connection; a TimeoutError is one of these limits."""
        return (
            self.problem()
            if isinstance(error, TimeoutError)
            else transport_problem(error, url=self.url, secret=self.secret)
        )


class LimitedReads(AsyncIterator[TimedRead]):
    """The reads of a body under limits; `progress` is a count that only what is no comment raises."""

    def __init__(self, reads: TimedReads, limits: Limits, progress: Callable[[], int] | None) -> None:
        self._reads = reads
        self._limits = limits
        self._progress = progress
        self._seen = progress() if progress is not None else 0
        self._handed_out = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> TimedRead:
        read = await self._next()
        if read is None:
            raise StopAsyncIteration
        return read

    async def together(self) -> list[TimedRead]:
        """Wait for the next read, and return it with those that are there already; [] at the end of the body."""
        read = await self._next()
        return [] if read is None else [read, *self._reads.ready()]

    async def _next(self) -> TimedRead | None:
        self._judge_last_read()
        self._limits.begin_wait()
        try:
            read = await self._reads.next()
        except asyncio.CancelledError:
            if self._limits.ended_wait():
                raise self._limits.problem() from None
            raise
        except TransportError as error:
            raise self._limits.translate(error) from None
        finally:
            self._limits.end_wait()
        self._handed_out = True
        return read

    def _judge_last_read(self) -> None:
        """The consumer has parsed the reads that it was given: now its parser knows whether they were only comments."""
        if not self._handed_out:
            return
        seen = self._progress() if self._progress is not None else self._seen
        if self._progress is None or seen != self._seen:
            self._limits.renew()
        self._seen = seen
