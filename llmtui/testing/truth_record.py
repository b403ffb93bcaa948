"""What the known-truth server writes down of each answer: one JSON line, its times of the monotonic clock."""

from pathlib import Path
from typing import Literal

import msgspec

from llmtui.testing.truth_scenarios import Api

TruthEnding = Literal["done", "error", "closed", "gone"]


class TruthRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One answer as it was really sent.

    Attributes:
        model: As the request named it.
        number: Of the request, in order of arrival, from 1.
        connection: Number of the connection, in order of accept, from 1.
        mark: The first line of the prompt, by which a client finds its own request again.
        received_ns: When the last byte of the request had come, by the kernel's own stamp where it gives one.
        sends: For each send: the moment just before it, the tokens that became whole with it, and their kind,
            "reasoning", "answer" or "none".
        interrupted: Sends that the machine interrupted: their place in `sends`, and how long they took. They left at
            some moment of that time.
        late_ns: By how much the latest send with text missed its time; that is the machine's fault, not the client's.
        ended_ns: After the last send.
        ending: "done", "error" (told the client), "closed" (by the server), "gone" (the client left).
    """

    model: str
    api: Api
    number: int
    connection: int
    mark: str
    received_ns: int
    sends: tuple[tuple[int, int, str], ...]
    late_ns: int
    interrupted: tuple[tuple[int, int], ...] = ()
    ended_ns: int
    ending: TruthEnding

    @property
    def doubts_ns(self) -> list[int]:
        """For each of `pieces`: within what time after its moment it may really have left; 0 for nearly all."""
        took = dict(self.interrupted)
        return [took.get(place, 0) for place, send in enumerate(self.sends) if send[1] > 0]

    @property
    def pieces(self) -> list[tuple[int, int, str]]:
        """The sends that completed tokens."""
        return [send for send in self.sends if send[1] > 0]


def read_truth(path: Path) -> list[TruthRecord]:
    """Return the records in order of arrival. A line without its end is still being written and left out."""
    lines = path.read_bytes().splitlines(keepends=True)
    records = [msgspec.json.decode(line, type=TruthRecord) for line in lines if line.endswith(b"\n")]
    return sorted(records, key=lambda record: record.number)
