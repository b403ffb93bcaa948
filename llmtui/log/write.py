"""The log's only writer: a thread that has every event in the kernel within 20 ms, and on the disk each second.

These are `GATHER_S` and the interpreter's turns; a batch of tokens waited 50 ms before. So a kill takes nothing that is
100 ms old, unless the disk holds up a write; fsync, which it may hold up for seconds, has a thread of its own.
"""

import errno
import math
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from llmtui.events import Event
from llmtui.log.claim import open_for_writing, torn_end
from llmtui.log.disk_reserve import DiskReserve
from llmtui.log.disk_sync import DiskSync
from llmtui.log.encode import encode_line
from llmtui.log.waiting import WaitingLines

GATHER_S = 0.01
"""The least time from one write to the next, so that a burst of events costs few of them."""

FSYNC_S = 1.0
RETRY_S = 1.0
RETRY_AT_THE_END_S = 0.05
MOST_WAITING = 64 * 1024 * 1024
"""Bytes that stay in memory while the disk takes none."""

BLOCK = 64 * 1024
"""Bytes given to one write. What the disk refuses of them is kept beside `MOST_WAITING`."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What a disk says that has no room, for anybody or for this user."""

RESERVE = 2 * BLOCK
"""Bytes of the disk that are kept free for the moment in which it is full: what says so has to stand in the log."""


class LogTrouble(NamedTuple):
    """The disk took no more (`ended` is False), or takes again. `dropped` counts events that are lost for good."""

    sentence: str
    ended: bool
    dropped: int


class LogWriter:
    """Appends events to a session file, which it creates (mode 0600) and locks; with `resume` to one that is there.

    That one is only locked at first. The first write cuts off the `torn` bytes of a last line that no reader
    understands; a last line that lacks nothing but its line feed gets that.

    `append` may be called from any thread and never waits for the disk. When that is full the lines wait in memory;
    beyond `most_waiting` bytes the cheapest are dropped. `on_trouble` is called, in the writer's thread, when trouble
    begins, and when it ends with what was lost. A line is never torn: a write that the disk took in part is continued
    where it stopped. Of a disk that is full, `RESERVE` bytes are given back for the first lines after that, so that
    whoever reads the log sees that it is; trouble ends when there is room for the reserve again.

    Raises `FileExistsError` for a new log that is there already, `LogLockedError`, and `LogOpenError` for the rest.
    """

    def __init__(
        self,
        path: Path,
        *,
        on_trouble: Callable[[LogTrouble], None] = lambda _trouble: None,
        clock: Callable[[], float] = time.monotonic,
        most_waiting: int = MOST_WAITING,
        gather_s: float = GATHER_S,
        resume: bool = False,
    ) -> None:
        self.path = path
        self.bytes_written = 0
        self._file = open_for_writing(path, resume=resume)
        self._on_trouble = on_trouble
        self._clock = clock
        self._gather_s = gather_s
        # Shared with the writer's thread, under this lock.
        self._wake = threading.Condition()
        self._lines = WaitingLines(most_waiting)
        self._sync_wanted = False
        self._closing = False
        self._given_up = False
        self._ended = False
        self.torn, self._lacks_line_feed = torn_end(self._file) if resume else (0, False)
        # The writer's thread alone.
        self._mended = not (self.torn or self._lacks_line_feed)
        self._refused = b""
        self._written_at = -math.inf
        self._unsynced = self._syncing = False
        self._synced_at = clock()
        self._reserve = DiskReserve(path.parent, RESERVE, clock)
        self._in_trouble = self._sync_failed = False
        self._sync = DiskSync(self._file, self._wake_up)
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def append(self, event: Event, *, durable: bool = False) -> None:
        """Take an event; `durable` asks for it to be on the disk, not only in the kernel, as soon as possible."""
        line = encode_line(event)
        with self._wake:
            if self._ended or self._given_up:
                raise ValueError(f"{self.path} is closed")
            # A writer that has lines already is awake, or will look again by itself.
            idle = not self._lines.size
            self._lines.add(event, line)
            self._sync_wanted |= durable
            if idle:
                self._wake.notify()

    def close(self, patience_s: float = 5.0) -> int:
        """Write and sync what waits, then give the lock back; return how many events were lost since trouble began.

        A disk that is still full is given `patience_s`.
        """
        self._closing = True
        self._wake_up()
        self._thread.join(patience_s)
        self._given_up = True
        self._wake_up()
        # The thread closes the file itself: a number that is closed under it may be another file's a moment later.
        self._thread.join(RETRY_S)
        return self._lines.lost + len(self._lines) + self._refused.count(b"\n")

    def _run(self) -> None:
        try:
            while self._await_work():
                self._work()
        finally:
            self._ended = True
            self._reserve.give_back()
            self._sync.close()
            os.close(self._file)

    def _wake_up(self) -> None:
        with self._wake:
            self._wake.notify()

    def _await_work(self) -> bool:
        """Sleep until there is something to write or to sync; return False when all is done."""
        with self._wake:
            while self._may_sleep():
                due = self._unsynced and not self._syncing
                self._wake.wait(self._synced_at + FSYNC_S - self._clock() if due else None)
            if self._closing:
                left = self._lines.size or self._refused or self._unsynced or self._syncing
                self._ended = self._given_up or not left
                return not self._ended
            alone_s = self._clock() - self._written_at
            if alone_s < self._gather_s and self._lines.size < BLOCK and not self._refused:
                self._wake.wait_for(lambda: self._closing, self._gather_s - alone_s)
        return True

    def _may_sleep(self) -> bool:
        if self._lines.size or self._refused or self._given_up:
            return False
        return self._sync.running if self._syncing else not (self._closing or self._sync_wanted or self._sync_is_due())

    def _work(self) -> None:
        took_it = self._write_block()
        if self._syncing and not self._sync.running:
            self._end_sync()
        if took_it:
            self._sync_if_due()
            if self._in_trouble and not self._sync_failed and self._reserve.restored():
                self._recover()
        if not took_it or (self._closing and self._sync_failed):
            self._pause()

    def _pause(self) -> None:
        if self._closing:
            time.sleep(RETRY_AT_THE_END_S)
            return
        with self._wake:
            self._wake.wait_for(lambda: self._closing, RETRY_S)

    def _write_block(self) -> bool:
        """Write some of what waits; return whether the disk took it. What it did not take is tried again first."""
        if not self._refused:
            with self._wake:
                self._refused = self._lines.take(BLOCK)
        data = memoryview(self._refused)
        try:
            if not self._mended:
                self._mend()
            while data:
                written = os.write(self._file, data)
                self.bytes_written += written
                self._unsynced = True
                data = data[written:]
        except OSError as error:
            self._refused = bytes(data)
            self._tell(
                f"the log can't be written: {error.strerror}; measuring goes on in memory, make room on the disk"
            )
            return error.errno in FULL and self._reserve.give_back() and self._write_block()
        self._refused = b""
        self._written_at = self._clock()
        return True

    def _mend(self) -> None:
        """Let the file end with a whole line, so that a crash's torn one is not continued by the first new one."""
        if self.torn:
            os.ftruncate(self._file, os.fstat(self._file).st_size - self.torn)
        elif os.write(self._file, b"\n"):
            self.bytes_written += 1
        self._mended = True

    def _sync_is_due(self) -> bool:
        return self._unsynced and self._clock() - self._synced_at >= FSYNC_S

    def _sync_if_due(self) -> None:
        if self._syncing:
            return
        with self._wake:
            drained = not self._lines.size
            wanted = drained and (self._sync_wanted or self._closing)
            self._sync_wanted &= not drained
        if self._unsynced and (wanted or self._sync_is_due()):
            self._synced_at = self._clock()
            # What is written from now on is not for sure in what is synced now.
            self._syncing, self._unsynced = True, False
            self._sync.begin()

    def _end_sync(self) -> None:
        self._syncing = False
        self._sync_failed = self._sync.error is not None
        if self._sync.error is not None:
            self._unsynced = True
            self._tell(f"the log can't be brought to the disk: {self._sync.error.strerror}; a power cut would lose it")

    def _tell(self, sentence: str) -> None:
        if not self._in_trouble:
            self._in_trouble = True
            self._call_back(LogTrouble(sentence, ended=False, dropped=0))

    def _recover(self) -> None:
        self._in_trouble = False
        with self._wake:
            dropped, lost = self._lines.lost, self._lines.tell_lost()
        self._call_back(LogTrouble(f"the log is written again; {lost}", ended=True, dropped=dropped))

    def _call_back(self, trouble: LogTrouble) -> None:
        try:
            self._on_trouble(trouble)
        except Exception as error:  # noqa: BLE001 - whatever it is, the log goes on
            threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, self._thread)))
