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
from llmtui.log.bell import Bell
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
        self._lock = threading.Lock()
        self._lines = WaitingLines(most_waiting)
        self._sync_wanted = False
        self._closing = False
        self._given_up = False
        self._ended = False
        # Whether that thread took all lines that there were, so that the next one has to wake it.
        self._asleep = True
        self._bell = Bell()
        self.torn, self._lacks_line_feed = torn_end(self._file) if resume else (0, False)
        # The writer's thread alone.
        self._mended = not (self.torn or self._lacks_line_feed)
        self._block = b""
        self._woke_at = -math.inf
        self._reserve = DiskReserve(path.parent, RESERVE, clock)
        self._in_trouble = False
        self._sync = DiskSync(self._file, FSYNC_S, self._sync_ended, clock)
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def append(self, event: Event, *, durable: bool = False) -> None:
        """Take an event; `durable` asks for it to be on the disk, not only in the kernel, as soon as possible."""
        line = encode_line(event)
        with self._lock:
            if self._ended or self._given_up:
                raise ValueError(f"{self.path} is closed")
            self._lines.add(event, line)
            if durable:
                self._sync_wanted = True
            if self._asleep:
                self._asleep = False
                self._bell.ring()

    @property
    def drained(self) -> bool:
        """Whether the kernel has every event."""
        with self._lock:
            return not (self._lines.size or self._block)

    def close(self, patience_s: float = 5.0) -> int:
        """Write and sync what waits, then give the lock back; return how many events were lost since trouble began.

        A disk that is still full is given `patience_s`.
        """
        with self._lock:
            self._closing = True
            self._bell.ring()
        self._thread.join(patience_s)
        with self._lock:
            self._given_up = True
            self._bell.ring()
        # The thread closes the file itself: a number that is closed under it may be another file's a moment later.
        self._thread.join(RETRY_S)
        return self._lines.lost + len(self._lines) + self._block.count(b"\n")

    def _run(self) -> None:
        try:
            while not (self._closing and self._all_done()):
                self._await_work()
                self._work()
        finally:
            self._ended = True
            self._reserve.give_back()
            self._sync.close()
            os.close(self._file)

    def _all_done(self) -> bool:
        with self._lock:
            left = self._lines.size or self._block or not self._sync.synced
            self._ended = self._given_up or not left
        return self._ended

    def _sync_ended(self) -> None:
        with self._lock:
            if self._closing or self._in_trouble or self._sync.error:
                self._bell.ring()

    def _await_work(self) -> None:
        """Sleep until there may be something to do, and no longer than the disk should be left alone."""
        if self._block or (self._closing and self._sync.error):
            self._pause()
            return
        self._bell.sleep()
        now = self._clock()
        alone_s = now - self._woke_at
        if alone_s < self._gather_s and 0 < self._lines.size < BLOCK and not self._closing:
            self._bell.sleep(self._gather_s - alone_s)
            now = self._clock()
        self._woke_at = now

    def _pause(self) -> None:
        if self._closing:
            time.sleep(RETRY_AT_THE_END_S)
        else:
            self._bell.sleep(RETRY_S)

    def _work(self) -> None:
        if self._block:
            self._write_block()
        if not self._block:
            self._take_block()
            self._write_block()
        unsynced = self._sync.error
        if unsynced:
            self._tell(f"the log can't be brought to the disk: {unsynced.strerror}; a power cut would lose it")
        if not self._block:
            if self._sync_wanted or self._closing:
                self._sync_if_drained()
            if self._in_trouble and not unsynced and self._reserve.restored():
                self._recover()

    def _take_block(self) -> None:
        with self._lock:
            self._block = self._lines.take(BLOCK)
            self._asleep = not self._lines.size
            if not self._asleep:
                self._bell.ring()

    def _write_block(self) -> None:
        """Write the block; what of it the disk does not take stays in it."""
        try:
            while self._block:
                if not self._mended:
                    self._mend()
                written = os.write(self._file, self._block)
                self._block = self._block[written:]
                self.bytes_written += written
                if not self._sync.dirty:
                    self._sync.written()
        except OSError as error:
            self._tell(
                f"the log can't be written: {error.strerror}; measuring goes on in memory, make room on the disk"
            )
            if error.errno in FULL and self._reserve.give_back():
                self._write_block()

    def _mend(self) -> None:
        """Let the file end with a whole line, so that a crash's torn one is not continued by the first new one."""
        if self.torn:
            os.ftruncate(self._file, os.fstat(self._file).st_size - self.torn)
        elif os.write(self._file, b"\n"):
            self.bytes_written += 1
        self._mended = True

    def _sync_if_drained(self) -> None:
        with self._lock:
            drained = not self._lines.size
            self._sync_wanted &= not drained
        if drained:
            self._sync.hurry()

    def _tell(self, sentence: str) -> None:
        if not self._in_trouble:
            self._in_trouble = True
            self._call_back(LogTrouble(sentence, ended=False, dropped=0))

    def _recover(self) -> None:
        self._in_trouble = False
        with self._lock:
            dropped, lost = self._lines.lost, self._lines.tell_lost()
        self._call_back(LogTrouble(f"the log is written again; {lost}", ended=True, dropped=dropped))

    def _call_back(self, trouble: LogTrouble) -> None:
        try:
            self._on_trouble(trouble)
        except Exception as error:  # noqa: BLE001 - whatever it is, the log goes on
            threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, self._thread)))
