"""Joins what the engine logged with what the server really sent. Pure, no I/O."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from llmtui.events import Event, RequestFinished, RequestSent, RequestStarted, SessionOpened, TokensReceived
from llmtui.testing.truth_record import TruthRecord


class LoggedRequest(NamedTuple):
    """A request as the log has it; moments on the monotonic clock.

    `arrivals` are the chunks with text, `due_ns` when the request was to start.
    """

    model: str
    mark: str
    warmup: bool
    due_ns: int
    sent_ns: int
    arrivals: tuple[int, ...]
    finished: RequestFinished


class Pair(NamedTuple):
    """One request, seen from both ends."""

    truth: TruthRecord
    logged: LoggedRequest

    @property
    def stamp_errors(self) -> list[float] | None:
        """How late each chunk was stamped, in ns; None when there are not as many chunks as pieces that were sent.

        A send that the machine interrupted has no exact moment: the error counts from the time in which it happened.
        """
        pieces, arrivals = self.truth.pieces, self.logged.arrivals
        if len(pieces) != len(arrivals):
            return None
        return [
            outside(arrival - piece[0], doubt)
            for piece, doubt, arrival in zip(pieces, self.truth.doubts_ns, arrivals, strict=True)
        ]

    @property
    def gap_errors(self) -> list[float]:
        """By how much each gap between two chunks was measured wrong, in ns, without its sign."""
        return [abs(later - earlier) for earlier, later in pairwise(self.stamp_errors or ())]

    def doubt_ns(self, kind: str | None = None) -> int:
        """Return within what time the first piece, or the first of `kind`, really left."""
        doubts = zip(self.truth.pieces, self.truth.doubts_ns, strict=True)
        return next((doubt for piece, doubt in doubts if kind in {None, piece[2]}), 0)

    @property
    def ttft_error_ns(self) -> float | None:
        """Measured minus true TTFT; None where one of them is missing."""
        true, measured = self.true_ttft_ns, self.logged.finished.figures.ttft_ns
        return None if true is None or measured is None else outside(measured - true, self.doubt_ns())

    @property
    def true_ttft_ns(self) -> int | None:
        """From the request's last byte at the server to the first piece with text."""
        return self.truth.pieces[0][0] - self.truth.received_ns if self.truth.pieces else None

    @property
    def true_ttft_answer_ns(self) -> int | None:
        """The same for the first piece of the answer."""
        first = next((piece for piece in self.truth.pieces if piece[2] == "answer"), None)
        return first[0] - self.truth.received_ns if first else None

    @property
    def true_rate(self) -> float | None:
        """Tokens per second after the first send with text, over the time to the last one."""
        pieces = self.truth.pieces
        span_ns = pieces[-1][0] - pieces[0][0] if pieces else 0
        return sum(tokens for _, tokens, _ in pieces[1:]) * 1e9 / span_ns if span_ns > 0 else None

    @property
    def rate_error(self) -> float | None:
        """By how many percent of the true decode rate the measured one is off; None where one of them is missing.

        A first or last send that the machine interrupted leaves the true one open within its time.
        """
        true, measured = self.true_rate, self.logged.finished.figures.decode_rate
        if true is None or measured is None:
            return None
        pieces, doubts = self.truth.pieces, self.truth.doubts_ns
        span_ns = pieces[-1][0] - pieces[0][0]
        slowest = true * span_ns / (span_ns + doubts[-1])
        fastest = true * span_ns / max(span_ns - doubts[0], 1)
        return abs(measured - min(max(measured, slowest), fastest)) / true * 100

    @property
    def true_gaps(self) -> list[float]:
        """A gap in ns for each token after the first send with text: a wait for n tokens is n gaps of an n-th each."""
        waits = [(later[0] - earlier[0], later[1]) for earlier, later in pairwise(self.truth.pieces)]
        return [wait / tokens for wait, tokens in waits for _ in range(tokens)]

    @property
    def true_tokens(self) -> int:
        """How many tokens were sent."""
        return sum(tokens for _, tokens, _ in self.truth.pieces)


def outside(error: float, doubt: float) -> float:
    """Return by how much `error` lies outside of 0 to `doubt`."""
    return min(error, 0) + max(error - doubt, 0)


def read_requests(events: Sequence[Event]) -> list[LoggedRequest]:
    """Return the requests of a log that were sent and came to an end."""
    origin = next((event.origin_ns for event in events if isinstance(event, SessionOpened)), 0)
    started: dict[str, RequestStarted] = {}
    sent: dict[str, int] = {}
    arrivals: dict[str, list[int]] = defaultdict(list)
    requests: list[LoggedRequest] = []
    for event in events:
        if isinstance(event, RequestStarted):
            started[event.request] = event
        elif isinstance(event, RequestSent):
            sent[event.request] = origin + event.t
        elif isinstance(event, TokensReceived):
            arrivals[event.request] += [sent[event.request] + offset * 1000 for offset in event.offsets_us]
        elif isinstance(event, RequestFinished) and event.request in sent:
            start = started[event.request]
            requests.append(
                LoggedRequest(
                    model=start.model,
                    mark=start.messages[0][1].partition("\n")[0],
                    warmup=start.warmup,
                    due_ns=origin + start.t,
                    sent_ns=sent[event.request],
                    arrivals=tuple(arrivals[event.request]),
                    finished=event,
                )
            )
    return requests


def join(requests: Iterable[LoggedRequest], records: Iterable[TruthRecord]) -> list[Pair]:
    """Join by model and by the mark that begins each prompt; a request that the server never saw is left out."""
    known = {(record.model, record.mark): record for record in records}
    keyed = ((known.get((request.model, request.mark)), request) for request in requests)
    return [Pair(record, request) for record, request in keyed if record is not None]
