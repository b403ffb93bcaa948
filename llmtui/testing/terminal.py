"""A pseudo-terminal of a given size with a program in it: what it wrote, how much, and when."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence


class Terminal:
    """Runs `command`; reading goes on only while `read_for` or `read_until` run."""

    def __init__(self, command: Sequence[str], columns: int, rows: int, environ: Mapping[str, str]) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env={**os.environ, **environ}, start_new_session=True
        )
        os.close(slave)
        self.output = b""

    def read_for(self, seconds: float) -> int:
        """Read for a while and return how many bytes came."""
        before = len(self.output)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not self._read(left):
                break
        return len(self.output) - before

    def read_until(self, text: bytes, seconds: float) -> float:
        """Read until `text` came and return the seconds since the start; raise TimeoutError when it does not."""
        end = time.monotonic() + seconds
        while text not in self.output:
            left = end - time.monotonic()
            if left <= 0 or not self._read(left):
                raise TimeoutError(f"no {text!r} within {seconds} s; last: {self.output[-300:]!r}")
        return time.monotonic() - self.began

    def send(self, keys: bytes) -> None:
        """Type."""
        os.write(self.master, keys)

    def close(self) -> None:
        """End the program."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.hang_up()

    def hang_up(self) -> None:
        """Close this end, as a line does that drops; the program gets no signal, for it has no controlling terminal."""
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def _read(self, seconds: float) -> bool:
        if select.select([self.master], [], [], seconds)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return False
            self.output += data
            return bool(data)
        return True
