"""Where things are in a session: the moments to which a person jumps, found without playing it."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Literal, NamedTuple, get_args

LandmarkKind = Literal["job start", "job end", "alert", "marker", "error", "throttle"]
"""An error is a request or a job that failed, a throttle the begin of a span in which heat slowed a device."""

KINDS: tuple[LandmarkKind, ...] = get_args(LandmarkKind)


class Landmark(NamedTuple):
    """Something to jump to. `t` (ns since the origin) is the moment at which it is in the state, never before it.

    `name` is the job, the request, the alert's text or the marker's label.
    """

    t: int
    kind: LandmarkKind
    name: str


class Landmarks:
    """All landmarks of a session in their order, each kind apart too, so that the next and the last are a lookup."""

    def __init__(self, landmarks: Iterable[Landmark]) -> None:
        self._of_kind: dict[str, list[Landmark]] = {kind: [] for kind in KINDS}
        self._starts: dict[str, Landmark] = {}
        for landmark in sorted(landmarks, key=attrgetter("t")):
            self._of_kind[landmark.kind].append(landmark)
            if landmark.kind == "job start":
                self._starts.setdefault(landmark.name, landmark)

    def learn(self, kind: LandmarkKind, landmarks: Iterable[Landmark]) -> None:
        """Take these as all the landmarks of a kind that is found out only while the session is read."""
        self._of_kind[kind] = sorted(landmarks, key=attrgetter("t"))

    def of_kind(self, kind: LandmarkKind) -> Sequence[Landmark]:
        """Return the landmarks of one kind in their order."""
        return self._of_kind[kind]

    def after(self, kind: LandmarkKind, t: int) -> Landmark | None:
        """Return the first landmark of a kind that is later than `t`."""
        found = self._of_kind[kind]
        place = bisect_right(found, t, key=attrgetter("t"))
        return found[place] if place < len(found) else None

    def before(self, kind: LandmarkKind, t: int) -> Landmark | None:
        """Return the last landmark of a kind that is earlier than `t`; of several at one moment, the first."""
        found = self._of_kind[kind]
        place = bisect_left(found, t, key=attrgetter("t"))
        if not place:
            return None
        return found[bisect_left(found, found[place - 1].t, key=attrgetter("t"))]

    def job(self, name: str) -> Landmark | None:
        """Return the start of a job."""
        return self._starts.get(name)
