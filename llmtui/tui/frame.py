"""The pump: events from a source, folded into the state, once a frame. Live and replay differ in the source alone."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, get_args, runtime_checkable

from llmtui.events import Event
from llmtui.state.reducer import apply_all
from llmtui.state.session import Section, SessionState

ALIVE_CHECK_FRAMES = 4
ALL_SECTIONS: frozenset[Section] = frozenset(get_args(Section))


class Source(Protocol):
    """Where events come from."""

    @property
    def finished(self) -> bool:
        """Whether the session's last event was given."""

    def poll(self) -> list[Event]:
        """Return the events that are due now."""

    def writer_alive(self) -> bool:
        """Whether more can come."""

    def close(self) -> None:
        """Let go of the file."""


@runtime_checkable
class Player(Source, Protocol):
    """A source that keeps the state itself, since it can go back: then `state` is another object than before."""

    @property
    def state(self) -> SessionState:
        """The session at the position that is played."""

    def advance(self) -> set[Section]:
        """Fold what is due now into the state, and return what changed in it since the last call."""

    def prepare(self, budget_s: float) -> bool:
        """Use idle time, about so many seconds, for later moves; return whether there is more to do."""


@runtime_checkable
class Keeping(Source, Protocol):
    """A source of a session that has files beside its log."""

    def keep(self, state: SessionState, *, last: bool = False) -> str | None:
        """Bring the files up to date, with `last` for the last time; return why that failed, once."""


class PlayedLog:
    """Recorded events at `speed` times their pace (None: all at once), by an injected clock in seconds."""

    def __init__(
        self, events: Sequence[Event], speed: float | None = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._events = events
        self._speed = speed
        self._clock = clock
        self._began: float | None = None
        self._next = 0
        self.finished = not events

    def poll(self) -> list[Event]:
        """Return the events whose time has come since the last look."""
        now = self._clock()
        if self._began is None:
            self._began = now
        first = self._next
        if self._speed is None:
            self._next = len(self._events)
        else:
            due = (now - self._began) * self._speed * 1e9
            while self._next < len(self._events) and self._events[self._next].t <= due:
                self._next += 1
        self.finished = self._next >= len(self._events)
        return list(self._events[first : self._next])

    def writer_alive(self) -> bool:
        """Whether events are left."""
        return not self.finished

    def close(self) -> None:
        """Nothing is open."""


class Frame(NamedTuple):
    """The state after a frame, the sections that changed, and whether the source is cut: silent without an end.

    `replaced`: the state is another object than in the last frame, and may be an earlier one. Whoever remembers what
    was shown of that one starts anew; all sections have changed. `notice` is a sentence for the user.
    """

    state: SessionState
    changed: frozenset[Section]
    cut: bool
    replaced: bool = False
    notice: str | None = None


class Pump:
    """Turns what the source gives into frames. A source that keeps the state itself is asked for it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._player = source if isinstance(source, Player) else None
        self._keeping = source if isinstance(source, Keeping) else None
        self.state = SessionState() if self._player is None else self._player.state
        self._frames = 0
        self._cut = False

    def step(self) -> Frame:
        """Take what is new and return the frame after it."""
        if self._player is not None:
            return self._played(self._player)
        self._frames += 1
        alive = self._frames % ALIVE_CHECK_FRAMES != 1 or self.source.writer_alive()
        events = self.source.poll()
        changed = apply_all(self.state, events)
        if not alive and not events and not self.source.finished and not self._cut:
            self._cut = True
            changed.add("header")
        notice = self._keeping.keep(self.state, last=self._cut) if self._keeping is not None and changed else None
        return Frame(self.state, frozenset(changed), self._cut, notice=notice)

    def prepare(self, budget_s: float) -> bool:
        """Give the source idle time between frames, about so many seconds; return whether it can use more."""
        return self._player is not None and self._player.prepare(budget_s)

    def _played(self, player: Player) -> Frame:
        changed = frozenset(player.advance())
        replaced = player.state is not self.state
        self.state = player.state
        return Frame(self.state, ALL_SECTIONS if replaced else changed, cut=False, replaced=replaced)
