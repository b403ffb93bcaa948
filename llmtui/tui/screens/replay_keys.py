"""What the keys of a replay do: play and pause, speed, jumps and single steps."""

from collections.abc import Callable

from llmtui import wording
from llmtui.state.landmarks import Landmark, LandmarkKind
from llmtui.tui.playback import Playback
from llmtui.tui.projections.scrubber import NEXT, Goal, Place, parse_goal

JUMP_S = 10
JUMPED_TO: tuple[LandmarkKind, ...] = ("alert", "marker", "error", "job start")
"""Kinds of landmarks between which `{` and `}` go."""


class ReplayKeys:
    """Carries out the actions of a replay; `say` shows a sentence."""

    def __init__(self, playback: Playback, say: Callable[[str], None]) -> None:
        self._playback = playback
        self._say = say
        self._landmarks = [landmark for kind in JUMPED_TO for landmark in playback.landmarks.of_kind(kind)]

    @property
    def place(self) -> Place:
        """Where it stands now."""
        playback = self._playback
        return Place(playback.position_ns, playback.length_ns, playback.speed, playback.paused, self._landmarks)

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
        """Go back to the last alert, marker, error or start of a job."""
        earlier = [mark for mark in self._landmarks if mark.t < self._playback.position_ns]
        self._jump(max(earlier, key=lambda mark: mark.t, default=None), "there is nothing before")

    def next_landmark(self) -> None:
        """Go to the next alert, marker, error or start of a job."""
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
            self._say(f"`{wording.visible(text)}` is no place: write 12:30, 50%, j3, alert, marker, error or job")
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
            self._say(f"no further {goal.name}")
