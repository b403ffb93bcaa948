"""A recorded session at any of its positions: forward by events, back from states that were put aside on the way."""

import math
import sys
from bisect import bisect_right
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import NamedTuple, Protocol

from llmtui.events import Event
from llmtui.state.checkpoints import Frozen, freeze, thaw
from llmtui.state.heat_spans import HeatSpan
from llmtui.state.reducer import apply_all
from llmtui.state.session import Section, SessionState

SPACING = 8192
"""Events from one checkpoint to the next, at first: that many are applied in well under a tenth of a second."""

FEWEST_CHECKPOINTS, MOST_CHECKPOINTS = 4, 64
MOST_BYTES = 128_000_000
"""Bounds of all checkpoints together; beyond them every second one is dropped, and the next ones come half as often."""

NEAR = 512
"""How far in front of an event its neighbourhood begins: stepping back within it is cheap."""


class EventBlocks(Protocol):
    """The events of a session in the order of its log, a block at a time."""

    def __len__(self) -> int:
        """How many blocks there are."""

    def events(self, place: int) -> Sequence[Event]:
        """Return the events of one block; the same ones each time."""


class Checkpoint(NamedTuple):
    """A state that was put aside: after so many events, at which moment, and where in the blocks it goes on."""

    events: int
    moment: float
    block: int
    at: int
    frozen: Frozen


class Walk:
    """A state on its way through the blocks.

    The moment of an event is the latest `t` (ns) of all events up to it, so that moments never go back where the times
    of a log do. `moment` is that of the last event, minus infinity in front of the first.
    """

    def __init__(self, blocks: EventBlocks, start: Checkpoint) -> None:
        self.state = thaw(start.frozen)
        self.moment = start.moment
        self._blocks = blocks
        self._block, self._at = start.block, start.at
        self.ended = self._block >= len(blocks)

    @property
    def events(self) -> int:
        """How many events are in the state."""
        return self.state.events

    def forward(self, until: float, most: int) -> set[Section]:
        """Apply the events whose moment is at most `until`, but no more than `most`; return what they changed.

        `ended` says whether none is left.
        """
        changed: set[Section] = set()
        while not self.ended and self.moment <= until and most > 0:
            events = self._blocks.events(self._block)
            stop = min(len(events), self._at + most)
            place = self._at
            moment = self.moment
            while place < stop:
                t = events[place].t
                if t > moment:
                    if t > until:
                        break
                    moment = t
                place += 1
            changed |= apply_all(self.state, events[self._at : place])
            most -= place - self._at
            self.moment, self._at = moment, place
            if place == len(events):
                self._block, self._at = self._block + 1, 0
            elif place < stop:
                break
            self.ended = self._block >= len(self._blocks)
        return changed

    def checkpoint(self, before: Checkpoint) -> Checkpoint:
        """Put the state aside; the checkpoint `before` lends what has not changed since."""
        return Checkpoint(self.events, self.moment, self._block, self._at, freeze(self.state, before.frozen))


class Replay:
    """A recorded session at one position: `state` is what it was after the first `events` events.

    Whichever way a position is reached, the state is the same. Moments are nanoseconds since the origin. `state` is
    another object after some moves, and the same one with more events in it after others. `end` is the moment of the
    last event, known once it has been seen. `heat_spans` are the spans of the session in which heat slowed a device, as
    far as it was seen: all that begin by `seen_ns`.
    """

    def __init__(
        self, blocks: EventBlocks, *, spacing: int = SPACING, most_checkpoints: int = MOST_CHECKPOINTS
    ) -> None:
        self.end: float | None = None
        self.seen_ns: float = -math.inf
        self.heat_spans: tuple[HeatSpan, ...] = ()
        self._seen_events = 0
        self._blocks = blocks
        self._spacing = max(1, spacing)
        self._most_checkpoints = max(FEWEST_CHECKPOINTS, most_checkpoints)
        start = Checkpoint(0, -math.inf, 0, 0, freeze(SessionState()))
        self._checkpoints = [start]
        self._near: Checkpoint | None = None
        self._scout: Walk | None = None
        self._shown = Walk(blocks, start)

    @property
    def state(self) -> SessionState:
        """The session as it was at this position."""
        return self._shown.state

    @property
    def events(self) -> int:
        """How many events are in the state."""
        return self._shown.events

    @property
    def moment(self) -> float:
        """The moment of the last event that is in the state; minus infinity when none is."""
        return self._shown.moment

    @property
    def ended(self) -> bool:
        """Whether all events are in the state."""
        return self._shown.ended

    @property
    def prepared(self) -> bool:
        """Whether every seek is as fast as it can be: whoever came to the end has left checkpoints all the way."""
        return self.end is not None

    @property
    def checkpoints(self) -> Sequence[Checkpoint]:
        """The states that were put aside, in their order."""
        return self._checkpoints

    def advance_to(self, t: float, most: int = sys.maxsize) -> set[Section]:
        """Go on to the moment `t`, by at most so many events; return what changed. It never goes back."""
        return self._walk(self._shown, t, most)

    def seek(self, t: float) -> set[Section]:
        """Go to the moment `t`, forward or back: an event at or before it is in. Return what changed."""
        self.set_out(t)
        return self._walk(self._shown, t)

    def set_out(self, t: float) -> None:
        """Begin a seek: take up the nearest state that is not behind `t`. `advance_to` goes the rest of the way."""
        self._start(attrgetter("moment"), t, stay=self.moment <= t)

    def seek_event(self, events: int) -> set[Section]:
        """Go to where the first `events` events are in the state, or all of them; return what changed."""
        events = max(0, events)
        self._start(attrgetter("events"), events, stay=self.events <= events)
        if events - self.events > 2 * NEAR:
            # Who steps back by one event steps on.
            changed = self._walk(self._shown, math.inf, events - NEAR - self.events)
            self._near = self._shown.checkpoint(self._checkpoints[-1])
            return changed | self._walk(self._shown, math.inf, events - self.events)
        return self._walk(self._shown, math.inf, events - self.events)

    def step(self, events: int) -> set[Section]:
        """Go on by so many events, or back by them where it is negative; return what changed."""
        return self.seek_event(self.events + events)

    def prepare(self, events: int) -> bool:
        """Look ahead by so many events for the sake of later seeks; return whether there is more to look at.

        It goes on where the last call ended, and does not touch the position.
        """
        if self.prepared:
            return False
        if self._scout is None or self._scout.events < self._checkpoints[-1].events:
            self._scout = Walk(self._blocks, self._checkpoints[-1])
        self._walk(self._scout, math.inf, events)
        return not self.prepared

    def _last_before(self, order: Callable[[Checkpoint], float], goal: float) -> Checkpoint:
        """Return the last of all checkpoints that is not behind the goal."""
        found = self._checkpoints[bisect_right(self._checkpoints, goal, key=order) - 1]
        if self._near is not None and found.events < self._near.events and order(self._near) <= goal:
            return self._near
        return found

    def _start(self, order: Callable[[Checkpoint | Walk], float], goal: float, *, stay: bool) -> None:
        """Take up the last state that is not behind the goal; the present one is among them where it may `stay`."""
        found = self._last_before(order, goal)
        scout = self._scout
        if scout is not None and scout.events > found.events and order(scout) <= goal:
            if not stay or self.events < scout.events:
                # Whoever looked ahead is there already; the next look begins at the last checkpoint.
                self._shown, self._scout = scout, None
        elif not stay or self.events < found.events:
            self._shown = Walk(self._blocks, found)

    def _walk(self, walk: Walk, until: float, most: int = sys.maxsize) -> set[Section]:
        """Go forward, and put the state aside at each place where a checkpoint belongs."""
        changed: set[Section] = set()
        while most > 0:
            place = self._checkpoints[-1].events + self._spacing
            wanted = min(most, max(1, place - walk.events))
            before = walk.events
            changed |= walk.forward(until, wanted)
            most -= walk.events - before
            self._look(walk)
            if walk.ended:
                self.end, self._scout = walk.moment, None
            if walk.events == place:
                self._put_aside(walk)
            if walk.events - before < wanted:
                break
        return changed

    def _look(self, walk: Walk) -> None:
        """Keep what nobody has seen before."""
        if walk.events <= self._seen_events:
            return
        self._seen_events, self.seen_ns = walk.events, walk.moment
        found = walk.state.heat_spans
        if len(found) != len(self.heat_spans) or found[-1:] != list(self.heat_spans[-1:]):
            self.heat_spans = tuple(found)

    def _put_aside(self, walk: Walk) -> None:
        self._checkpoints.append(walk.checkpoint(self._checkpoints[-1]))
        size = sum(checkpoint.frozen.size for checkpoint in self._checkpoints)
        few = len(self._checkpoints) <= FEWEST_CHECKPOINTS
        if len(self._checkpoints) > self._most_checkpoints or (size > MOST_BYTES and not few):
            del self._checkpoints[1::2]
            self._spacing *= 2
