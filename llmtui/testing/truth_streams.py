"""What the known-truth server keeps of its connections and streams, and its journal of what was sent."""

import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import msgspec

from llmtui.testing.truth_frames import PlannedSend
from llmtui.testing.truth_record import TruthEnding, TruthRecord
from llmtui.testing.truth_requests import Generation, Responder

IDLE_NS = 2_000_000
"""A truth line is written only when nothing is due for this long, or when it has waited for `LINE_WAITS_NS`."""

LINE_WAITS_NS = 1_000_000_000


@dataclass(slots=True, eq=False)
class Connection:
    """A client that is connected: what it sent and was not answered yet, and the answer under way."""

    socket: socket.socket
    number: int
    responder: Responder
    inbox: bytearray = field(default_factory=bytearray)
    stream: "Stream | None" = None
    watches_writing: bool = False


@dataclass(slots=True, eq=False)
class Stream:
    """An answer under way: what is to be sent, how far it is, and what was sent when."""

    connection: Connection
    generation: Generation
    number: int
    received_ns: int
    base_ns: int
    keeps: bool
    position: int = 0
    rest: bytes = b""
    late_ns: int = 0
    sent: list[tuple[int, int, str]] = field(default_factory=list)
    interrupted: list[tuple[int, int]] = field(default_factory=list)

    @property
    def planned(self) -> Sequence[PlannedSend]:
        """What is sent in all."""
        return self.generation.answer.sends


class Journal:
    """Writes a line for each answer, at moments at which that delays no stream. Without a file it does nothing."""

    def __init__(self, file: BinaryIO | None) -> None:
        self._file = file
        self._records: deque[TruthRecord] = deque()

    def add(self, stream: Stream, ending: TruthEnding) -> None:
        """Take an answer that has ended."""
        if self._file is None:
            return
        self._records.append(
            TruthRecord(
                model=stream.generation.model,
                api=stream.connection.responder.api,
                number=stream.number,
                connection=stream.connection.number,
                mark=stream.generation.mark,
                received_ns=stream.received_ns,
                sends=tuple(stream.sent),
                late_ns=stream.late_ns,
                interrupted=tuple(stream.interrupted),
                ended_ns=time.monotonic_ns(),
                ending=ending,
            )
        )

    def write(self, next_due_ns: int | None) -> None:
        """Write what waits, while there is time until the next piece is due; None: nothing is due."""
        while self._file is not None and self._records:
            now = time.monotonic_ns()
            busy = next_due_ns is not None and next_due_ns - now < IDLE_NS
            if busy and now - self._records[0].ended_ns < LINE_WAITS_NS:
                return
            self._file.write(msgspec.json.encode(self._records.popleft()) + b"\n")
            self._file.flush()


def wait_for_slot(generation: Generation, at_ns: int, number: int) -> int:
    """Return how long an answer is put off so that its first piece falls on its place in the common beat."""
    scenario = generation.scenario
    if scenario.slots is None or scenario.gap_ns == 0:
        return 0
    place = scenario.gap_ns * (number % scenario.slots) // scenario.slots
    return (place - at_ns - scenario.ttft_ns) % scenario.gap_ns
