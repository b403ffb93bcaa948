"""Playing a recorded session: a clock of its own that can stand still, run faster, and be set to any moment."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from llmtui.collector import collector_off
from llmtui.events import Event
from llmtui.state.heat_spans import HeatSpan
from llmtui.state.landmarks import Landmark, LandmarkKind, Landmarks
from llmtui.state.replay import EventBlocks, Replay
from llmtui.state.session import Section, SessionState

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)

MOST_EVENTS = 10_000
"""Events in one frame; where more are due the clock waits for them, so that keys are still answered."""

PREPARED_AT_ONCE = 1024
"""Events between two looks at the clock while later moves are prepared."""

MOVE_AT_ONCE_S = 0.08
"""A move that takes longer is gone on with between frames, so that the screen says where it goes and keys act."""

SEARCH_S = 0.25
"""So long a jump may read on for a span that heat slowed: only the samples tell of those, so no index has them."""


class Recording(EventBlocks, Protocol):
    """A recorded session: its events in blocks, and what is known of it before they are read."""

    @property
    def landmarks(self) -> Sequence[Landmark]:
        """What there is to jump to."""

    @property
    def last_ns(self) -> int:
        """The moment of the last event."""

    def close(self) -> None:
        """Let go of the file."""


class Playback:
    """A recording that is played at `speed` times its pace (None: as fast as it goes), by an injected clock in seconds.

    All moments are ns since the session's origin. A move takes effect at once on `position_ns`. On `state` it does so
    when it has arrived, mostly at once too, and the next `advance` tells what it changed. Where much has to be read
    first, `going` holds until then: `advance` and `prepare` go on with it, and another move takes its place.
    """

    def __init__(
        self, recording: Recording, speed: float | None = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._landmarks = Landmarks(recording.landmarks)
        self.speed = speed
        self.paused = False
        self._recording = recording
        self._replay = Replay(recording)
        self._clock = clock
        self._set_at: float | None = None
        self._set_ns = 0
        self._behind = False
        self._changed: set[Section] = set()
        self._goal: int | None = None
        self._left: SessionState | None = None

    # As a source.

    @property
    def state(self) -> SessionState:
        """The session at this position; another object after a move back, and after some forward.

        While a move is going on, the one that it left; its events may go on to come in.
        """
        return self._replay.state if self._left is None else self._left

    @property
    def finished(self) -> bool:
        """Whether the end is reached; a move back takes that back."""
        return self._replay.ended and not self.going

    def advance(self) -> set[Section]:
        """Apply the events whose moment has come, and return what changed since the last call. Starts the clock."""
        if self._set_at is None:
            self._set_at = self._clock()
        self._go_on(MOVE_AT_ONCE_S / 4)
        if self.going:
            return set()
        if not self.paused:
            until = math.inf if self.speed is None else self.position_ns
            before = self._replay.events
            self._changed |= self._replay.advance_to(until, MOST_EVENTS)
            self._behind = self._replay.events - before == MOST_EVENTS
            if self._behind or self.speed is None:
                self._set(self._moment)
        changed, self._changed = self._changed, set()
        return changed

    def poll(self) -> list[Event]:
        """Return nothing: the events go into `state`, by `advance`."""
        return []

    def writer_alive(self) -> bool:
        """Whether events are left."""
        return not self.finished

    def prepare(self, budget_s: float) -> bool:
        """Spend about so many seconds on a move or on making later ones fast; return whether more can be done now.

        It may take some tens of milliseconds longer, since a state is put aside in one go. Nothing is to be done while
        playing takes all the time there is: it comes by the same places.
        """
        if self.going:
            self._go_on(budget_s)
            return True
        if self._behind and not self.paused:
            return False
        end = self._clock() + budget_s
        with collector_off():
            while more := self._replay.prepare(PREPARED_AT_ONCE):
                if self._clock() >= end:
                    break
        return more

    def close(self) -> None:
        """Let go of the file."""
        self._recording.close()

    # Where it is.

    @property
    def going(self) -> bool:
        """Whether a move to `position_ns` has not arrived yet."""
        return self._goal is not None

    @property
    def position_ns(self) -> int:
        """The moment that is shown, or to which a move is going, from 0 to `length_ns`."""
        played = 0.0
        if not self.going and not self.paused and self.speed is not None and self._set_at is not None:
            played = max(0.0, self._clock() - self._set_at) * self.speed * 1e9
        return int(min(self._set_ns + played, self.length_ns))

    @property
    def landmarks(self) -> Landmarks:
        """What there is to jump to. Of the kind "throttle" there are those by `searched_ns`."""
        spans = self._replay.heat_spans
        if len(spans) != len(self._landmarks.of_kind("throttle")):
            self._landmarks.learn("throttle", [Landmark(span.start_ns, "throttle", "slowed by heat") for span in spans])
        return self._landmarks

    @property
    def heat_spans(self) -> Sequence[HeatSpan]:
        """The spans in which heat slowed a device, as far as the session was read, now or for later moves."""
        return self._replay.heat_spans

    @property
    def searched_ns(self) -> int:
        """Up to which moment all spans slowed by heat are known."""
        return self.length_ns if self._replay.prepared else int(max(0.0, self._replay.seen_ns))

    @property
    def length_ns(self) -> int:
        """The moment of the last event."""
        end = self._replay.end
        return int(max(0, self._recording.last_ns if end is None else end))

    @property
    def percent(self) -> float:
        """How far the position is, from 0 to 100; 100 where the whole session is one moment."""
        return 100.0 * self.position_ns / self.length_ns if self.length_ns else 100.0

    # Moves.

    def play(self) -> None:
        """Let the clock run on from where it stands."""
        self._set(self.position_ns)
        self.paused = False

    def pause(self) -> None:
        """Let the clock stand still."""
        self._set(self.position_ns)
        self.paused = True

    def set_speed(self, speed: float | None) -> None:
        """Go on from here at `speed` times the pace of the run; None: as fast as it goes.

        Raises:
            ValueError: for a speed that is not above 0.
        """
        if speed is not None and not 0 < speed < math.inf:
            raise ValueError(f"{speed} is no speed; it is a number above 0")
        self._set(self.position_ns)
        self.speed = speed

    def faster(self) -> None:
        """Take the next speed up, 64 times at most."""
        self.set_speed(next((speed for speed in SPEEDS if self.speed is None or speed > self.speed), SPEEDS[-1]))

    def slower(self) -> None:
        """Take the next speed down, a quarter at least."""
        self.set_speed(next((s for s in reversed(SPEEDS) if self.speed is None or s < self.speed), SPEEDS[0]))

    def seek(self, t: float) -> None:
        """Go to the moment `t`, or to the end of the session that is nearer.

        Without a speed the clock stands still then: it would be at the end before anybody had looked.
        """
        self.paused = self.paused or self.speed is None
        left = self.state
        self._goal = int(min(max(0.0, t), self.length_ns))
        self._set(self._goal)
        with collector_off():
            self._replay.set_out(self._goal)
        self._left = left
        self._go_on(MOVE_AT_ONCE_S)

    def stay(self) -> None:
        """Give up a move that has not arrived: stand where it has come to."""
        if self.going:
            self._goal = self._left = None
            self._set(self._moment)

    def seek_percent(self, percent: float) -> None:
        """Go to so many percent of the session's time."""
        self.seek(self.length_ns * percent / 100)

    def seek_job(self, job: str) -> Landmark | None:
        """Go to where a job started, and return that; None when it never did."""
        return self._go_to(self.landmarks.job(job))

    def next(self, kind: LandmarkKind) -> Landmark | None:
        """Go to the next landmark of a kind, and return it; None when there is none.

        For the kind "throttle" the session is read on, for a short time: None may mean that there is none by
        `searched_ns`.
        """
        position = self.position_ns
        if kind == "throttle":
            self._search(position)
        return self._go_to(self.landmarks.after(kind, position))

    def previous(self, kind: LandmarkKind) -> Landmark | None:
        """Go back to the last landmark of a kind, and return it; None when there is none."""
        return self._go_to(self.landmarks.before(kind, self.position_ns))

    def step(self, events: int) -> None:
        """Stand still, and go on by so many events, or back by them where it is negative."""
        self.paused = True
        self._goal = self._left = None
        with collector_off():
            self._changed |= self._replay.step(events)
        self._set(self._moment)

    def _go_on(self, budget_s: float) -> None:
        """Go on with a move for about so many seconds; once it arrives, the clock runs from there."""
        end = self._clock() + budget_s if self.going else 0.0
        with collector_off():
            while self._goal is not None:
                before = self._replay.events
                self._changed |= self._replay.advance_to(self._goal, PREPARED_AT_ONCE)
                if self._replay.events - before < PREPARED_AT_ONCE:
                    self._set(self._goal)
                    self._goal = self._left = None
                elif self._clock() >= end:
                    break

    @property
    def _moment(self) -> int:
        return int(max(0.0, self._replay.moment))

    def _go_to(self, landmark: Landmark | None) -> Landmark | None:
        if landmark is not None:
            self.seek(landmark.t)
        return landmark

    def _search(self, position_ns: int) -> None:
        """Read on until a span that heat slowed begins after the position, but for `SEARCH_S` at most."""
        end = self._clock() + SEARCH_S
        with collector_off():
            while self.landmarks.after("throttle", position_ns) is None and self._replay.prepare(PREPARED_AT_ONCE):
                if self._clock() >= end:
                    break

    def _set(self, position_ns: int) -> None:
        self._set_ns, self._set_at = position_ns, None if self._set_at is None else self._clock()
