"""The lines that wait for the disk, within a bound: beyond it the cheapest go first."""

from collections import deque
from operator import itemgetter

from llmtui.events import Event, SampleTaken, SelfMeasured, SessionOpened, SessionResumed, TokensReceived

# In the order in which they are given up. A request's figures are in its last event, so its tokens are cheaper than
# that; the header is never given up, for without it the rest could not be read, nor what says that jobs run anew.
_SAMPLES, _TOKENS, _OTHERS, _HEADER = range(4)
_LANES: dict[type[Event], int] = {
    SampleTaken: _SAMPLES,
    SelfMeasured: _SAMPLES,
    TokensReceived: _TOKENS,
    SessionOpened: _HEADER,
    SessionResumed: _HEADER,
}
_NAMES = ("of samples", "of tokens", "of other kinds")
_OLDEST = itemgetter(0)

FEW = 256
"""Lines that may wait without having been sorted by their kind."""


class WaitingLines:
    """Keeps at most about `most_bytes` of lines. Adding and taking cost the same however many wait. Not locked."""

    def __init__(self, most_bytes: int) -> None:
        self.size = 0
        self._most_bytes = most_bytes
        # The newest in the order in which they came, and before them, by kind, the older ones. Lines that are taken
        # before there are many of them, and nearly all are, are never sorted.
        self._new: list[bytes] = []
        self._types: list[type[Event]] = []
        self._sorted = 0
        self._lanes: tuple[deque[tuple[int, bytes]], ...] = tuple(deque() for _ in range(_HEADER + 1))
        self._lost = [0] * len(_NAMES)

    def __len__(self) -> int:
        return len(self._new) + sum(map(len, self._lanes))

    @property
    def lost(self) -> int:
        """How many events were given up."""
        return sum(self._lost)

    def add(self, event: Event, line: bytes) -> None:
        """Put the event's line at the end; make room if need be, samples first, the oldest of a kind first."""
        self._new.append(line)
        self._types.append(type(event))
        self.size += len(line)
        if self.size > self._most_bytes or len(self._new) > FEW:
            self._sort()
            self._make_room()

    def take(self, most_bytes: int) -> bytes:
        """Remove and return the oldest lines in the order in which they came: at least one, about `most_bytes`."""
        if self.size > most_bytes or any(self._lanes):
            return self._take_sorted(most_bytes)
        lines = b"".join(self._new)
        self._new.clear()
        self._types.clear()
        self.size = 0
        return lines

    def _take_sorted(self, most_bytes: int) -> bytes:
        self._sort()
        lines: list[bytes] = []
        size = 0
        while size < min(most_bytes, self.size):
            line = min(filter(None, self._lanes), key=_OLDEST).popleft()[1]
            lines.append(line)
            size += len(line)
        self.size -= size
        return b"".join(lines)

    def _make_room(self) -> None:
        for kind, lane in enumerate(self._lanes[:_HEADER]):
            while self.size > self._most_bytes and lane:
                self.size -= len(lane.popleft()[1])
                self._lost[kind] += 1

    def _sort(self) -> None:
        for kind, line in zip(self._types, self._new, strict=True):
            self._lanes[_LANES.get(kind, _OTHERS)].append((self._sorted, line))
            self._sorted += 1
        self._new.clear()
        self._types.clear()

    def tell_lost(self) -> str:
        """Say what was given up, and forget it."""
        total = self.lost
        named = [f"{count} {name}" for count, name in zip(self._lost, _NAMES, strict=True) if count]
        self._lost = [0] * len(_NAMES)
        return f"events lost: {total} ({', '.join(named)})" if total else "nothing was lost"
