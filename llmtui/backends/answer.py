"""The answer to one request, read to its end: the bytes of an exchange go through the reader of their protocol."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Self

from llmtui.backends.base import Chunk
from llmtui.backends.exchange import TimedExchange
from llmtui.backends.stream_reader import StreamReader

SignOfLife = Callable[[StreamReader[Any]], int]
"""A count of what came; a read that leaves it where it was does not renew the stall limit."""


class AnswerChunks(AsyncIterator[list[Chunk]]):
    """The chunks of an answer, a list for the reads of a moment and one for the end; then ask `reader` how it ended.

    It is no generator: one that is left in the middle would have to be closed.

    Args:
        exchange: The answer; what follows its end is read too, so that the connection can be kept.
        reader: Makes chunks of the reads.
        sign_of_life: What renews the stall limit; None: any read does.

    `BackendError` for what breaks the connection or a limit, and for what the reader finds wrong.
    """

    def __init__(
        self, exchange: TimedExchange, reader: StreamReader[Any], sign_of_life: SignOfLife | None = None
    ) -> None:
        self._exchange = exchange
        self._reader = reader
        self._reads = exchange.reads(None if sign_of_life is None else lambda: sign_of_life(reader))
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Chunk]:
        if self._over:
            raise StopAsyncIteration
        if self._reader.done:
            await self._exchange.drain()
        elif reads := await self._reads.together():
            return self._reader.feed(*reads)
        self._over = True
        return self._reader.flush()
