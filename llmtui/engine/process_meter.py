"""What one process uses: its share of a core between two looks, and its memory."""

import time
from collections.abc import Callable

from llmtui.telemetry.processes import ProcessRow, ProcessTable, this_machine


class ProcessMeter:
    """Processor share and resident memory of the process `pid`, read from `table`."""

    def __init__(
        self, pid: int, *, table: ProcessTable | None = None, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._table = table or this_machine()
        self._clock = clock
        self._row: ProcessRow | None = self._table.row(pid)
        self._used_s = 0.0
        self._at_ns = 0
        self.look()

    def look(self) -> tuple[float | None, int | None]:
        """Return (percent of one core since the last look, resident bytes); None when the process is gone."""
        use = self._table.use(self._row) if self._row is not None else None
        if use is None:
            self._row = None
            return None, None
        now_ns = self._clock()
        grown_s, span_ns = use.seconds - self._used_s, now_ns - self._at_ns
        self._used_s, self._at_ns = use.seconds, now_ns
        return (grown_s * 1e11 / span_ns if span_ns > 0 else None), use.private + use.file


class ChangingMeter:
    """The meter of whichever process has a part now; the sampler is started anew when it has crashed."""

    def __init__(self, pid: Callable[[], int | None]) -> None:
        self._pid = pid
        self._meter: tuple[int, ProcessMeter] | None = None

    def look(self) -> tuple[float | None, int | None]:
        """Return CPU share and memory; None without a process, and for the share at the first look at one."""
        pid = self._pid()
        if pid is None:
            return None, None
        if self._meter is None or self._meter[0] != pid:
            self._meter = (pid, ProcessMeter(pid))
        return self._meter[1].look()
