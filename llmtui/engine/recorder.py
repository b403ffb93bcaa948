"""The one door to the log: gives every event its time since the session's origin."""

import time
from collections.abc import Callable
from typing import Protocol

from llmtui.events import AlertRaised, Event, Severity

Clock = Callable[[], int]


class EventSink(Protocol):
    """Where events go: the log's writer, or a list in a test."""

    def append(self, event: Event, *, durable: bool = False) -> None:
        """Take one event; `durable` asks that it survives a power cut as soon as possible."""


class Recorder:
    """Stamps and appends. `origin_ns` is the session's zero on the monotonic clock."""

    def __init__(self, sink: EventSink, clock: Clock = time.monotonic_ns, origin_ns: int | None = None) -> None:
        self._sink = sink
        self.clock = clock
        self.origin_ns = clock() if origin_ns is None else origin_ns

    def now(self) -> int:
        """Return nanoseconds since the origin."""
        return self.clock() - self.origin_ns

    def since_origin(self, monotonic_ns: int) -> int:
        """Turn a reading of the monotonic clock into session time."""
        return monotonic_ns - self.origin_ns

    def record(self, event: Event, *, durable: bool = False) -> None:
        """Append an event that already has its time."""
        self._sink.append(event, durable=durable)

    def alert(self, severity: Severity, code: str, text: str, job: str | None = None) -> None:
        """Append an alert at the present moment."""
        self.record(AlertRaised(t=self.now(), severity=severity, code=code, text=text, job=job))
