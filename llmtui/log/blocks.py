"""A log as blocks of whole lines: opening it decodes little of each line, and only a few blocks of events are kept.

This is how a session is played that need not fit into memory.
"""

import os
from collections import OrderedDict
from collections.abc import Sequence
from itertools import accumulate, chain
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple, Self

from llmtui.events import FORMAT_VERSION, Event, SessionOpened
from llmtui.log.decode import HEADER_PREFIX, LONGEST_LINE, UNREADABLE, EventDecoder
from llmtui.log.outline import OutlineDecoder, landmarks_among
from llmtui.log.read import BLOCK, LogError, open_log, read_header
from llmtui.state.landmarks import Landmark

CACHED_BLOCKS = 3
"""Enough for the place that is shown, the one that is prepared, and the block before one of them."""

NAMED_LINES = 3
"""How many lines of garbage are named."""


class Block(NamedTuple):
    """Whole lines of a log that follow each other: where they are in the file, and what is known without decoding them.

    `first` and `last` are the moments of its first and last event: the latest `t` (ns) of all events up to that one.
    `events` and `last` are bounds: what only looks like an event is found out when the block is decoded. `exact` says
    that this was done at once. `lines_before` counts the lines in front of it, `version` is the format of the first.
    """

    offset: int
    size: int
    lines: int
    events: int
    first: int
    last: int
    exact: bool
    lines_before: int
    version: int


class LogBlocks:
    """An open log. `blocks` and `landmarks` are known at once, `events` decodes a block when it is asked for.

    What can be read is read, as by `read_log`, with the same `notices`; only what looks like an event and is none is
    noticed when its block is decoded. What is appended later is not seen. `decoded` counts the blocks that were decoded
    on demand. Raises `LogError` when the file can't be read, or holds no event at all.
    """

    def __init__(self, path: Path, *, cached: int = CACHED_BLOCKS, block_size: int = BLOCK) -> None:
        self.path = path
        self.decoded = 0
        self._most_cached = max(1, cached)
        self._cache: OrderedDict[int, list[Event]] = OrderedDict()
        self._corrected: set[int] = set()
        self._problem: str | None = None
        self._file = open_log(path)
        try:
            self._indexer = self._read_through(block_size)
        except BaseException:
            self._file.close()
            raise
        self.header = self._indexer.header
        self.blocks: Sequence[Block] = self._indexer.blocks
        self.landmarks: Sequence[Landmark] = self._indexer.landmarks

    def __len__(self) -> int:
        return len(self.blocks)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def last_ns(self) -> int:
        """The moment of the last event; a bound as in `Block`."""
        return self.blocks[-1].last if self.blocks else 0

    def events(self, place: int) -> Sequence[Event]:
        """Return the events of the block at `place`. A file that changed since gives what can still be read."""
        if place in self._cache:
            self._cache.move_to_end(place)
            return self._cache[place]
        block = self.blocks[place]
        while len(self._cache) >= self._most_cached:
            self._cache.popitem(last=False)
        decoder = _BlockDecoder(block)
        events = decoder.decode(self._bytes(block))
        self.decoded += 1
        if not block.exact and place not in self._corrected:
            self._corrected.add(place)
            self._indexer.take_account(decoder)
        self._cache[place] = events
        return events

    def notices(self) -> list[str]:
        """Return what a reader should know, a sentence each."""
        notices = self._indexer.notices()
        if self.header is None:
            notices.insert(0, "the first line is no session header; what follows was read without it")
        if self._indexer.torn:
            notices.append("the last line was cut off and is left out")
        return notices + ([self._problem] if self._problem else [])

    def close(self) -> None:
        """Close the file; blocks that are not decoded yet are lost."""
        self._file.close()

    def _read_through(self, block_size: int) -> "_Indexer":
        indexer = _Indexer()
        try:
            while data := self._file.read(block_size):
                indexer.feed(data)
                if indexer.fed > LONGEST_LINE and not indexer.recognised:
                    break
        except OSError as error:
            raise LogError(f"{self.path}: can't be read: {error.strerror}") from None
        indexer.flush()
        if not indexer.recognised:
            read_header(self.path)
        return indexer

    def _bytes(self, block: Block) -> bytes:
        try:
            data = os.pread(self._file.fileno(), block.size, block.offset)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it was closed"
            self._problem = f"{self.path}: can't be read any more: {reason}"
            return b""
        if len(data) < block.size:
            self._problem = f"{self.path}: was cut shorter while it was read; open it again to see what is left"
        return data


class _Indexer(EventDecoder):
    """Goes once through the bytes of a log; decodes outlines where all is well, and whole events elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.fed = 0
        self.header: SessionOpened | None = None
        self.blocks: list[Block] = []
        self.landmarks: list[Landmark] = []
        self._end_of_lines = 0
        self._latest_moment: int | None = None

    def feed(self, data: bytes) -> list[Event]:
        """Take more bytes, and note the block of lines that they complete."""
        self._end_of_lines = self.fed + data.rfind(b"\n") + 1
        self.fed += len(data)
        return super().feed(data)

    def flush(self) -> list[Event]:
        """Note a last line that lacks nothing but its line feed."""
        size, lines, version = self._rest_size, self.lines, self.version
        events = super().flush()
        if events:
            self._note(events, Block(self.fed - size, size, 1, 1, 0, 0, True, lines, version))
        return events

    def take_account(self, decoder: "_BlockDecoder") -> None:
        """Count what only looked like events in a block of which the outlines were taken."""
        self.recognised -= decoder.garbage + decoder.unknown
        self.unknown += decoder.unknown
        self.garbage += decoder.garbage
        self._garbage_lines = sorted([*self._garbage_lines, *decoder.garbage_lines])[:NAMED_LINES]

    def _decode_block(self, block: bytes) -> list[Event]:
        lines, version = self.lines, self.version
        found = self._outlines(block)
        exact = found is None
        if found is None:
            found = super()._decode_block(block)
        else:
            self.lines += len(found)
            self.recognised += len(found)
            self._watch_order(found)
        offset = self._end_of_lines - len(block)
        self._note(found, Block(offset, len(block), self.lines - lines, len(found), 0, 0, exact, lines, version))
        return []

    def _outlines(self, block: bytes) -> list[Any] | None:
        """Return an outline of each line, or None when the lines have to be looked at one by one."""
        if not self.recognised or self.version < FORMAT_VERSION or HEADER_PREFIX in block:
            return None
        try:
            found = OutlineDecoder.decode_lines(block)
        except UNREADABLE:
            return None
        return found if len(found) == block.count(b"\n") else None

    def _note(self, found: Sequence[Any], block: Block) -> None:
        if self.recognised == len(found) and found and isinstance(found[0], SessionOpened):
            self.header = found[0]
        latest = self._latest_moment
        times = chain(() if latest is None else (latest,), map(attrgetter("t"), found))
        moments = list(accumulate(times, max))[-len(found) :] if found else [latest or 0]
        if found:
            self.landmarks += landmarks_among(found, moments)
            self._latest_moment = moments[-1]
        self.blocks.append(block._replace(first=moments[0], last=moments[-1]))


class _BlockDecoder(EventDecoder):
    """Decodes the bytes of one block as if all that is in front of them had been read."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.version = block.version
        self.lines = block.lines_before

    @property
    def garbage_lines(self) -> list[int]:
        """The numbers of the first lines of garbage."""
        return self._garbage_lines

    def decode(self, data: bytes) -> list[Event]:
        """Return the events of all lines, of the last one too when it lacks nothing but its line feed."""
        return self.feed(data) + self.flush()
