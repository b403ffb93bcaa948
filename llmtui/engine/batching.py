"""Chunks go to the log in batches: one line for at most 50 ms of a request's text, so that an hour stays small."""

import asyncio

from llmtui.backends.base import Chunk
from llmtui.engine.recorder import Recorder
from llmtui.events import TextKind, TokensReceived

SPAN_S = 0.05


class TokenBatcher:
    """Collects the chunks of one request, and writes a batch when its first chunk is 50 ms old or the kind changes."""

    def __init__(self, recorder: Recorder, request: str, sent_ns: int, span_s: float = SPAN_S) -> None:
        self._recorder = recorder
        self._request = request
        self._sent_ns = sent_ns
        self._span_s = span_s
        self._pending: list[Chunk] = []
        self._timer: asyncio.Handle | None = None

    def add(self, chunk: Chunk) -> None:
        """Take a chunk; it is in the log 50 ms after its arrival, or at once with those that are taken with it."""
        if self._pending and self._pending[-1].reasoning != chunk.reasoning:
            self.flush()
        self._pending.append(chunk)
        if self._timer is None:
            waited_s = (self._recorder.clock() - chunk.at_ns) / 1e9
            loop = asyncio.get_running_loop()
            # Chunks that were kept together up to here come in one go; waiting for the rest of the span would only
            # wake this process once more.
            late = waited_s > self._span_s / 2
            self._timer = loop.call_soon(self.flush) if late else loop.call_later(self._span_s - waited_s, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._pending:
            return
        chunks, self._pending = self._pending, []
        kind: TextKind = "reasoning" if chunks[0].reasoning else "answer"
        # Lists are cheaper here than generators, which are woken for each chunk.
        counts = [chunk.tokens for chunk in chunks if chunk.tokens is not None]
        self._recorder.record(
            TokensReceived(
                t=self._recorder.since_origin(chunks[-1].at_ns),
                request=self._request,
                offsets_us=tuple([(chunk.at_ns - self._sent_ns) // 1000 for chunk in chunks]),
                texts=tuple([chunk.text for chunk in chunks]),
                kind=kind,
                tokens=tuple(counts) if len(counts) == len(chunks) else (),
            )
        )
