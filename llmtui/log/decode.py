"""From bytes to events, however the bytes are cut, with an account of what had to be left out."""

import re
from collections.abc import Iterator, Sequence
from typing import cast, get_args

import msgspec

from llmtui.events import (
    FORMAT_VERSION,
    AnyEvent,
    Event,
    JobQueued,
    JobStarted,
    RequestStarted,
    SessionFinished,
    SessionOpened,
    SessionResumed,
)
from llmtui.log.migrate import upgrade

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes after which a line is given up: a log is never trusted to fit into memory because it says so."""

HEADER_PREFIX = b'{"ev":"session_opened"'
BULK_PREFIXES = (b'{"ev":"tokens_received"', b'{"ev":"sample_taken"', b'{"ev":"self_measured"')
"""How the lines begin that make up most of a log, and that lists and summaries do without."""

DISORDER_NS = 5_000_000_000
"""How far back an event's time may lie. Batches, samples and intended times come late by nature, but not that late."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for a line of garbage, for broken UTF-8, and for a line that is nested without end."""

_TAGS = frozenset(option.__struct_config__.tag for option in get_args(AnyEvent))
_NOT_BULK = re.compile(rb"\n(?!%s)" % b"|".join(re.escape(prefix) for prefix in BULK_PREFIXES))
_NAMED = 3


class LineTag(msgspec.Struct):
    """What any line of any format says of itself."""

    ev: str = ""
    format: int = FORMAT_VERSION


def last_turn(events: Sequence[Event]) -> Event | None:
    """Return the last event that tells whether the session is over: its end, or work that began after an end."""
    turns = (SessionFinished, SessionOpened, SessionResumed, JobQueued, JobStarted, RequestStarted)
    return next((event for event in reversed(events) if isinstance(event, turns)), None)


class EventDecoder:
    """Takes a log's bytes piece by piece and gives back the events of all lines that are whole.

    Without `bulk` the tokens and samples are passed over. `version` is the format of the log, known after its header.
    `lines` counts all lines, `recognised` those that were events or passed over, `unknown` those of types that this
    version does not have, `garbage` the rest. `longest_line` bounds what is kept of a line that does not end.
    """

    def __init__(self, *, bulk: bool = True, longest_line: int = LONGEST_LINE) -> None:
        self.version = FORMAT_VERSION
        self.lines = 0
        self.recognised = 0
        self.unknown = 0
        self.garbage = 0
        self.disordered = 0
        self._bulk = bulk
        self._longest_line = longest_line
        self._decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
        self._garbage_lines: list[int] = []
        self._latest = 0
        self._rest: list[bytes] = []
        self._rest_size = 0
        self._overlong = False
        self._flushed = False

    @property
    def torn(self) -> bool:
        """Whether what came so far ends within a line."""
        return bool(self._rest) or self._overlong

    @property
    def unfinished(self) -> int:
        """How many bytes of a line that has not ended are kept."""
        return self._rest_size

    def drop_unfinished(self) -> None:
        """Forget those bytes: they will be fed again, or were cut off."""
        self._rest, self._rest_size = [], 0

    def feed(self, data: bytes) -> list[Event]:
        """Take more bytes; return the events of the lines that they complete."""
        if self._flushed and data:
            self._flushed = False
            data = data.removeprefix(b"\n")
        end = data.rfind(b"\n") + 1
        if not end:
            self._keep(data)
            return []
        block = b"".join([*self._rest, data[:end]])
        if self._overlong:
            block = block[block.index(b"\n") + 1 :]
            self.lines += 1
            self._count_garbage()
        self._rest, self._rest_size, self._overlong = [], 0, False
        self._keep(data[end:])
        return self._decode_block(block) if block else []

    def flush(self) -> list[Event]:
        """Return the event of a last line that lacks nothing but its line feed, which may still come.

        No beginning of a JSON object is itself one, so such a line is whole; and a job whose end was written just
        before a power cut has ended.
        """
        if not self._rest or not self._rest[-1].endswith(b"}"):
            return []
        line = b"".join(self._rest)
        try:
            event = self._decode(line)
        except UNREADABLE:
            return []
        self._rest, self._rest_size, self._flushed = [], 0, True
        self.lines += 1
        self.recognised += 1
        return [] if not self._bulk and line.startswith(BULK_PREFIXES) else [event]

    def notices(self) -> list[str]:
        """Return what a reader should know, a sentence each."""
        return list(self._notices())

    def _notices(self) -> Iterator[str]:
        if self.version > FORMAT_VERSION:
            yield (
                f"the log has format {self.version}, newer than {FORMAT_VERSION}: what is new in it is left out; "
                "update llmtui to see it"
            )
        if self.unknown:
            yield f"{_events(self.unknown)} of a type that this version does not know, left out"
        if self.garbage:
            more = self.garbage - len(self._garbage_lines)
            lines = ", ".join(map(str, self._garbage_lines)) + (f" and {more} more" if more else "")
            yield f"no event could be read from line {lines}"
        if self.disordered:
            yield f"{_events(self.disordered)} out of order by more than {DISORDER_NS // 1_000_000_000} s"

    def _keep(self, data: bytes) -> None:
        if self._overlong or not data:
            return
        self._rest.append(data)
        self._rest_size += len(data)
        if self._rest_size > self._longest_line:
            self._rest, self._rest_size, self._overlong = [], 0, True

    def _decode_block(self, block: bytes) -> list[Event]:
        """Decode whole lines at once where nothing stands against it, else one by one."""
        events: list[Event]
        if not self._bulk:
            events = self._decode_each(block, _starts_without_bulk(block))
        elif self.version < FORMAT_VERSION or HEADER_PREFIX in block:
            events = self._decode_each(block, _starts(block))
        else:
            try:
                events = cast(list[Event], self._decoder.decode_lines(block))
            except UNREADABLE:
                events = []
            # Fewer or more events than lines: an event over two lines, or two on one, which is not our format.
            if len(events) == block.count(b"\n"):
                self.lines += len(events)
                self.recognised += len(events)
            else:
                events = self._decode_each(block, _starts(block))
        self._watch_order(events)
        return events

    def _decode_each(self, block: bytes, starts: Iterator[int]) -> list[Event]:
        events = []
        end = 0
        for start in starts:
            # The lines that were passed over are counted, not made into objects.
            passed = block.count(b"\n", end, start)
            end = block.index(b"\n", start) + 1
            self.lines += passed + 1
            self.recognised += passed
            line = block[start : end - 1]
            try:
                events.append(self._decode(line))
            except UNREADABLE:
                if line.strip():
                    self._classify(line)
        passed = block.count(b"\n", end)
        self.lines += passed
        self.recognised += passed + len(events)
        return events

    def _decode(self, line: bytes) -> Event:
        if line.startswith(HEADER_PREFIX):
            self.version = msgspec.json.decode(line, type=LineTag).format
        event: Event = self._decoder.decode(upgrade(line, self.version) if self.version < FORMAT_VERSION else line)
        return event

    def _classify(self, line: bytes) -> None:
        try:
            tag = msgspec.json.decode(line, type=LineTag)
        except UNREADABLE:
            tag = LineTag()
        if tag.ev and tag.ev not in _TAGS:
            self.unknown += 1
        else:
            self._count_garbage()

    def _count_garbage(self) -> None:
        self.garbage += 1
        if self.garbage <= _NAMED:
            self._garbage_lines.append(self.lines)

    def _watch_order(self, events: list[Event]) -> None:
        latest = self._latest
        for event in events:
            t = event.t
            if t >= latest:
                latest = t
            elif t < latest - DISORDER_NS:
                if isinstance(event, SessionOpened):
                    latest = t
                else:
                    self.disordered += 1
        self._latest = latest


def _events(count: int) -> str:
    return f"{count} event" if count == 1 else f"{count} events"


def _starts(block: bytes) -> Iterator[int]:
    """Yield where each line of `block` begins."""
    start = 0
    while start < len(block):
        yield start
        start = block.index(b"\n", start) + 1


def _starts_without_bulk(block: bytes) -> Iterator[int]:
    """Yield where the lines begin that are neither tokens nor samples; the others are never made into objects."""
    if not block.startswith(BULK_PREFIXES):
        yield 0
    for found in _NOT_BULK.finditer(block):
        if found.end() < len(block):
            yield found.end()
