"""Commands that arrive on a pipe while the sampler waits for its next sample."""

import os
import select
import stat
import sys
import time

import msgspec

from llmtui.telemetry.sample_lines import SamplerCommand, decode_command

_LONGEST = 65536


class Inbox:
    """Reads lines of commands from a file descriptor; without one, or after its end, it only waits."""

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = descriptor
        self._rest = b""

    @classmethod
    def of_stdin(cls) -> "Inbox":
        """Use stdin if it is a pipe or socket: a terminal belongs to the user, and /dev/null says nothing."""
        try:
            mode = os.fstat(0).st_mode
        except OSError:
            return cls()
        return cls(0) if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else cls()

    def wait(self, seconds: float) -> list[SamplerCommand]:
        """Wait so long at most; return at once what arrives."""
        if self._descriptor is None:
            time.sleep(seconds)
            return []
        if not select.select([self._descriptor], [], [], seconds)[0]:
            return []
        data = os.read(self._descriptor, _LONGEST)
        if not data:
            self._descriptor = None
            return []
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST:
            self._rest = b""
        return [command for line in lines if line.strip() and (command := _understand(line)) is not None]


def _understand(line: bytes) -> SamplerCommand | None:
    try:
        return decode_command(line)
    except msgspec.DecodeError as error:
        print(f"llmtui sampler: command ignored: {error}", file=sys.stderr, flush=True)  # noqa: T201 - stdout is data
        return None
