"""A log's lines as they come, for a pipe to a viewer on another host."""

import os
from pathlib import Path

from llmtui.events import SessionFinished
from llmtui.log.decode import BULK_PREFIXES, LONGEST_LINE, EventDecoder, last_turn
from llmtui.log.follow import is_locked
from llmtui.log.read import BLOCK, open_log

JOB_END = b'{"ev":"job_finished"'


class LogTail:
    """Gives the whole lines of a log at each `poll`, the first one first; a line that is not whole waits for its rest.

    Without `from_start` the tokens and samples of the jobs that have ended before are passed over: they are most of a
    log, and all that a viewer loses by that are the texts and the hardware of those jobs. `finished` says whether the
    session has ended. Raises `LogError` when the file can't be opened.
    """

    def __init__(self, path: Path, *, from_start: bool) -> None:
        self.finished = False
        self._file = open_log(path)
        self._decoder = EventDecoder(bulk=False)
        self._place = 0
        self._bulk_from = 0 if from_start else self._end_of_last_job()

    def poll(self) -> bytes | None:
        """Return the lines in about the next megabyte, maybe none of them wanted; None when nothing is new."""
        lines = self._next_lines()
        if not lines:
            return None
        place, self._place = self._place, self._place + len(lines)
        turn = last_turn(self._decoder.feed(lines))
        if turn is not None:
            self.finished = isinstance(turn, SessionFinished)
        if place >= self._bulk_from:
            return lines
        wanted = []
        for line in lines.splitlines(keepends=True):
            if place >= self._bulk_from or not line.startswith(BULK_PREFIXES):
                wanted.append(line)
            place += len(line)
        return b"".join(wanted)

    def torn(self) -> bytes:
        """Return what stands after the last whole line."""
        return os.pread(self._file.fileno(), LONGEST_LINE, self._place)

    def writer_alive(self) -> bool:
        """Return whether an engine holds the log's lock."""
        return is_locked(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _next_lines(self) -> bytes:
        """Return whole lines from the present place on; a line without end is cut at its greatest length."""
        size = BLOCK
        while True:
            data = os.pread(self._file.fileno(), size, self._place)
            end = data.rfind(b"\n") + 1
            if end:
                return data[:end]
            if len(data) >= LONGEST_LINE:
                return data
            if len(data) < size:
                return b""
            size *= 2

    def _end_of_last_job(self) -> int:
        """Return where the line ends that tells of the last job which has ended; 0 when none has."""
        end = 0
        while lines := self._next_lines():
            found = lines.rfind(b"\n" + JOB_END)
            if lines.startswith(JOB_END) and found < 0:
                found = 0
            if found >= 0:
                end = self._place + lines.index(b"\n", found + 1) + 1
            self._place += len(lines)
        self._place = 0
        return end
