"""The log's only writer: a thread that has every event in the kernel within 20 ms, and on the disk each second."""

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from llmtui.events import Event, SampleTaken

GATHER_S = 0.01
"""How long the writer waits for company, so that a burst of events costs one write."""

FSYNC_S = 1.0
RETRY_S = 1.0
MOST_WAITING = 64 * 1024 * 1024
"""Bytes that stay in memory while the disk takes none."""


class LogLockedError(Exception):
    """Another engine writes this log."""


class LogTrouble(NamedTuple):
    """The disk took no more (`ended` is False), or takes again. `dropped` counts events that are lost for good."""

    sentence: str
    ended: bool
    dropped: int


class LogWriter:
    """Appends events to a session file, which it creates (mode 0600) and locks.

    `append` never blocks and never fails. When the disk is full the lines wait in memory; beyond `most_waiting` bytes
    samples are dropped first, then the oldest events, and `on_trouble` says how many. A line is never torn: a write
    that the disk took in part is continued where it stopped.
    """

    def __init__(
        self,
        path: Path,
        *,
        on_trouble: Callable[[LogTrouble], None] = lambda _trouble: None,
        clock: Callable[[], float] = time.monotonic,
        most_waiting: int = MOST_WAITING,
        resume: bool = False,
    ) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | (0 if resume else os.O_CREAT | os.O_EXCL)
        self._file = os.open(path, flags, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise LogLockedError(f"another engine writes {path}; stop it first") from None
        self._encoder = msgspec.json.Encoder()
        self._on_trouble = on_trouble
        self._clock = clock
        self._most_waiting = most_waiting
        self._lines: deque[tuple[bytes, bool]] = deque()
        self._waiting = 0
        self._torn = b""
        self._dropped = 0
        self._in_trouble = False
        self._wake = threading.Condition()
        self._sync_wanted = False
        self._closing = False
        self._synced_at = clock()
        self.bytes_written = 0
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def append(self, event: Event, *, durable: bool = False) -> None:
        """Take an event; `durable` asks for it to be on the disk, not only in the kernel, as soon as possible."""
        line = self._encoder.encode(event) + b"\n"
        with self._wake:
            self._lines.append((line, isinstance(event, SampleTaken)))
            self._waiting += len(line)
            if self._waiting > self._most_waiting:
                self._drop()
            self._sync_wanted |= durable
            self._wake.notify()

    def close(self, patience_s: float = 5.0) -> None:
        """Write and sync what waits, then give the lock back; a disk that is still full is given `patience_s`."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(patience_s)
        os.close(self._file)

    def _drop(self) -> None:
        """Make room: samples are the cheapest loss, then what is oldest."""
        kept: deque[tuple[bytes, bool]] = deque()
        for line, sample in self._lines:
            if sample and self._waiting > self._most_waiting:
                self._waiting -= len(line)
                self._dropped += 1
            else:
                kept.append((line, sample))
        while kept and self._waiting > self._most_waiting:
            self._waiting -= len(kept.popleft()[0])
            self._dropped += 1
        self._lines = kept

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._lines and not self._torn and not self._sync_wanted and not self._closing:
                    self._wake.wait(FSYNC_S)
                    if self._sync_due():
                        break
                closing = self._closing
            if not closing:
                time.sleep(GATHER_S)
            written = self._write_waiting()
            if self._sync_wanted or closing or self._sync_due():
                self._sync()
            if closing and (written or not self._in_trouble):
                return
            if not written:
                time.sleep(RETRY_S if not closing else GATHER_S)

    def _write_waiting(self) -> bool:
        """Write all that waits; return whether the disk took it."""
        with self._wake:
            data = self._torn + b"".join(line for line, _ in self._lines)
            self._lines.clear()
            self._waiting = 0
        done = 0
        try:
            while done < len(data):
                done += os.write(self._file, memoryview(data)[done:])
        except OSError as error:
            self.bytes_written += done
            self._keep(data, done)
            self._tell(
                f"the log can't be written: {error.strerror}; measuring goes on in memory, make room on the disk"
            )
            return False
        self.bytes_written += done
        self._torn = b""
        if self._in_trouble:
            self._recovered()
        return True

    def _keep(self, data: bytes, done: int) -> None:
        """Keep what the disk did not take: the rest of a torn line apart, since it must come first and whole."""
        rest = data[done:]
        at_line_start = (done == 0 and not self._torn) or (done > 0 and data[done - 1 : done] == b"\n")
        if at_line_start:
            self._torn, lines = b"", rest
        else:
            end = rest.find(b"\n") + 1
            self._torn, lines = rest[:end], rest[end:]
        kept = [(line, line.startswith(b'{"ev":"sample_taken"')) for line in lines.splitlines(keepends=True)]
        with self._wake:
            self._lines.extendleft(reversed(kept))
            self._waiting += len(lines)
            if self._waiting > self._most_waiting:
                self._drop()

    def _tell(self, sentence: str) -> None:
        if not self._in_trouble:
            self._in_trouble = True
            self._on_trouble(LogTrouble(sentence, ended=False, dropped=self._dropped))

    def _recovered(self) -> None:
        self._in_trouble = False
        lost = f"{self._dropped} events were lost" if self._dropped else "nothing was lost"
        self._on_trouble(LogTrouble(f"the log is written again; {lost}", ended=True, dropped=self._dropped))
        self._dropped = 0

    def _sync_due(self) -> bool:
        return self._clock() - self._synced_at >= FSYNC_S

    def _sync(self) -> None:
        self._sync_wanted = False
        self._synced_at = self._clock()
        try:
            os.fsync(self._file)
        except OSError as error:
            self._tell(f"the log can't be brought to the disk: {error.strerror}")
