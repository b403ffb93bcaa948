"""Who watches a log while it is written, and tells how old the events were that a kill took or would have taken.

Each look at the file is a kill that did not happen: what it does not find and a later look does was not in the kernel
then. What a real kill takes nobody sees, but for marks: one that the engine answered was in its hands.

A busy machine keeps an engine from running, which says nothing of it. The kernel counts how long each thread was ready to
run and could not; that is taken off the age.
"""

import os
import socket
import threading
import time
from bisect import bisect_right
from pathlib import Path
from typing import NamedTuple

from llmtui import events as ev
from llmtui.control import Mark, encode_message
from llmtui.log.follow import LogFollower
from llmtui.places import control_path

MOST_NS = 100_000_000
"""How old an event may be that a kill takes."""

LOOK_EVERY_S = 0.004
LOOKS_PER_MARK = 5
"""So that the log's thread falls asleep between them, as it does between two tokens."""


class Look(NamedTuple):
    """When the file was looked at, and for how long the engine had been kept from running by then (monotonic ns)."""

    at_ns: int
    held_ns: int


class Missing(NamedTuple):
    """An event that was not in the kernel when it was so old; without the time for which the engine could not run."""

    age_ns: int
    event: str


NOTHING = Missing(0, "nothing")

EARLIER = ev.RequestSent | ev.SampleTaken | ev.ServerProcessesFound
"""What bears a time from before there was anything to write: when a request left, whose line tells of the head of its
answer too, and when a look at the hardware began, which a slow driver answers later."""


def label(number: int) -> str:
    """Return the label of a mark."""
    return f"witness {number}"


def assert_little_is_lost(witness: "Witness", killed_ns: int, left: list[ev.Event]) -> Missing:
    """Assert that a kill took nothing older than `MOST_NS` from what is `left`, nor would have before; return the oldest."""
    assert left[: len(witness.seen)] == witness.seen, "what was in the log stays in it"
    marks = [event.label for event in left if isinstance(event, ev.MarkerPlaced) and event.label.startswith("witness")]
    assert marks == [label(number) for number in range(len(marks))], "none is missing before another one"
    missing = sorted([NOTHING, *witness.missing, *witness.taken(killed_ns, left)], reverse=True)
    late = [f"{event} at an age of {age_ns / 1e6:.0f} ms" for age_ns, event in missing if age_ns > MOST_NS]
    assert not late, f"not in the kernel: {', '.join(late[:9])}"
    return missing[0]


class Witness:
    """Looks at a log, and places marks, until `stop`; a killed engine ends its marks by itself."""

    def __init__(self, path: Path) -> None:
        self.seen: list[ev.Event] = []
        self.answered: dict[int, int] = {}
        """When the engine had answered which of the marks, monotonic ns; they are numbered from 0."""
        self.missing: list[Missing] = []
        """Of each event, how old it was at the last look that did not find it; negative where it was none yet."""
        self._path = path
        self._follower = LogFollower(path)
        # Of what the first look finds nobody can say that it was not there before.
        self._looks = [Look(0, 0)]
        self._held: dict[str, int] = {}
        self._pid = self._origin_ns = 0
        self._sent: dict[str, int] = {}
        self._asked = 0
        self._socket: socket.socket | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; what was seen stays."""
        self._stopped.set()
        self._thread.join(10)
        self._follower.close()
        if self._socket is not None:
            self._socket.close()

    def taken(self, killed_ns: int, left: list[ev.Event]) -> list[Missing]:
        """Return what a kill took of the marks that the engine had, oldest first; `left` are the events of the log."""
        found = {event.label for event in left if isinstance(event, ev.MarkerPlaced)}
        return [
            Missing(killed_ns - at_ns - self._held_since(at_ns), label(number))
            for number, at_ns in self.answered.items()
            if label(number) not in found
        ]

    def _run(self) -> None:
        while not self._stopped.wait(LOOK_EVERY_S):
            self._look()
            if len(self._looks) % LOOKS_PER_MARK == 0:
                self._mark()

    def _look(self) -> None:
        look = Look(time.monotonic_ns(), self._count_held())
        before = self._looks[-1]
        self._looks.append(look)
        for event in self._follower.poll():
            self.seen.append(event)
            if isinstance(event, ev.SessionOpened):
                self._origin_ns, self._pid = event.origin_ns, event.pid
            if isinstance(event, ev.RequestSent):
                self._sent[event.request] = event.t
            if not isinstance(event, EARLIER):
                born_ns = self._origin_ns + self._born(event)
                self.missing.append(Missing(before.at_ns - born_ns - self._held_since(born_ns), type(event).__name__))

    def _born(self, event: ev.Event) -> int:
        """Return when an event happened (ns since the origin): a batch of tokens with its first."""
        if isinstance(event, ev.TokensReceived):
            return self._sent[event.request] + 1000 * event.offsets_us[0]
        return event.t

    def _count_held(self) -> int:
        """Return for how long the engine's threads were ready to run and did not, ns; 0 off Linux.

        With it goes what the host of a virtual machine took from all of it, which no thread's count has.
        """
        for thread in Path(f"/proc/{self._pid}/task").glob("*/schedstat"):
            try:
                self._held[thread.parent.name] = int(thread.read_text().split()[1])
            except (OSError, IndexError):
                continue
        return sum(self._held.values()) + _stolen_ns()

    def _held_since(self, at_ns: int) -> int:
        place = bisect_right(self._looks, at_ns, key=lambda look: look.at_ns) - 1
        return self._looks[-1].held_ns - self._looks[max(0, place)].held_ns

    def _mark(self) -> None:
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self._socket.settimeout(5)
                self._socket.connect(str(control_path(self._path)))
            self._socket.sendall(encode_message(Mark(label=label(self._asked))))
            self._asked += 1
            if self._socket.recv(4096).endswith(b"\n"):
                self.answered[self._asked - 1] = time.monotonic_ns()
        except OSError:
            if self._socket is not None:
                self._socket.close()
            self._socket = None


def _stolen_ns() -> int:
    try:
        with Path("/proc/stat").open() as file:
            return int(file.readline().split()[8]) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return 0
