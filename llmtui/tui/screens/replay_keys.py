"""What the keys of a replay do: play and pause, speed, jumps and single steps."""

from collections.abc import Callable

from llmtui import wording
from llmtui.state.landmarks import Landmark, LandmarkKind
from llmtui.tui.playback import Playback
from llmtui.tui.projections.scrubber import NEXT, Goal, Place, parse_goal

JUMP_S = 10
JUMPED_TO: tuple[LandmarkKind, ...] = ("alert", "marker", "error", "job start", "throttle")
"""Kinds of landmarks between which `{` and `}` go."""


class ReplayKeys:
    """Carries out the actions of a replay; `say` shows a sentence."""

    def __init__(self, playback: Playback, say: Callable[[str], None]) -> None:
        self._playback = playback
        self._say = say
        self._marks: list[Landmark] = []
        self._spans = -1

    @property
    def place(self) -> Place:
        """Where it stands now."""
        playback = self._playback
        return Place(
            playback.position_ns,
            playback.length_ns,
            playback.speed,
            playback.paused,
            self._landmarks,
            playback.heat_spans,
            playback.going,
        )

    @property
    def going(self) -> bool:
        """Whether a jump has not arrived yet."""
        return self._playback.going

    def stay(self) -> None:
        """Give up a jump that has not arrived."""
        self._playback.stay()
        self._say(f"stopped on the way, at {wording.clock(self._playback.position_ns)}")

    @property
    def _landmarks(self) -> list[Landmark]:
        """All that the keys jump to; what heat slowed is found out on the way."""
        if self._spans != len(self._playback.heat_spans):
            self._spans = len(self._playback.heat_spans)
            landmarks = self._playback.landmarks
            self._marks = [landmark for kind in JUMPED_TO for landmark in landmarks.of_kind(kind)]
        return self._marks

    def play(self) -> None:
        """Play, or stand still; at the end begin again."""
        playback = self._playback
        if playback.finished and not playback.paused:
            playback.seek(0)
            playback.play()
        elif playback.paused:
            playback.play()
        else:
            playback.pause()

    def slower(self) -> None:
        """Take the next speed down."""
        self._playback.slower()

    def faster(self) -> None:
        """Take the next speed up."""
        self._playback.faster()

    def back(self) -> None:
        """Go ten seconds back."""
        self._playback.seek(self._playback.position_ns - JUMP_S * 1e9)

    def forward(self) -> None:
        """Go ten seconds on."""
        self._playback.seek(self._playback.position_ns + JUMP_S * 1e9)

    def step_back(self) -> None:
        """Take one event back."""
        self._playback.step(-1)

    def step_on(self) -> None:
        """Apply one more event."""
        self._playback.step(1)

    def previous_landmark(self) -> None:
        """Go back to the last alert, marker, error, start of a job or span that heat slowed."""
        earlier = [mark for mark in self._landmarks if mark.t < self._playback.position_ns]
        self._jump(max(earlier, key=lambda mark: mark.t, default=None), "there is nothing before")

    def next_landmark(self) -> None:
        """Go to the next alert, marker, error, start of a job or span that heat slowed."""
        later = [mark for mark in self._landmarks if mark.t > self._playback.position_ns]
        self._jump(min(later, key=lambda mark: mark.t, default=None), "there is nothing more")

    def _jump(self, landmark: Landmark | None, nothing: str) -> None:
        if landmark is None:
            self._say(nothing)
            return
        self._playback.seek(landmark.t)
        self._say(f"{wording.clock(landmark.t)} {landmark.kind}: {wording.visible(landmark.name)}")

    def go_to(self, text: str) -> None:
        """Go where `text` says."""
        goal = parse_goal(text)
        if goal is None:
            self._say(f"`{wording.visible(text)}` is no place: write 12:30, 50%, j3, {', '.join(NEXT)}")
            return
        self._go(goal)

    def _go(self, goal: Goal) -> None:
        playback = self._playback
        if goal.kind == "time":
            playback.seek(goal.value)
        elif goal.kind == "percent":
            playback.seek_percent(goal.value)
        elif goal.kind == "job":
            if playback.seek_job(goal.name) is None:
                self._say(f"{goal.name} never started in this session")
        elif playback.next(NEXT[goal.name]) is None:
            self._say(f"no further {goal.name}{self._unread(goal.name)}")

    def _unread(self, name: str) -> str:
        """Return how far a search came that has not reached the end."""
        playback = self._playback
        if name != "throttle" or playback.searched_ns >= playback.length_ns:
            return ""
        return f" by {wording.clock(playback.searched_ns)}; the rest is still being read, try again"
