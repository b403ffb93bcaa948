"""What all probes share: readings with their reasons, kernel files that stay open, and rates from counters."""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple, Protocol

Clock = Callable[[], int]
"""Nanoseconds on a monotonic clock."""


class Missing(NamedTuple):
    """Why a figure cannot be had, in words for the user."""

    reason: str


Readings = dict[str, "float | Missing"]
"""Figures by their key in `llmtui.readings`. A key that is absent was not read this time."""


class Probe(Protocol):
    """One source of figures. `now_ns` is the monotonic clock at the moment of the call; rates count from the last."""

    def sample(self, now_ns: int) -> Readings:
        """Read now."""


class Witness(Protocol):
    """Is told which paths the probes of this thread turn to, whether they are there or not."""

    def read(self, path: str) -> None:
        """Take note of a file that is read."""

    def listed(self, folder: str) -> None:
        """Take note of a folder whose names are asked for."""

    def followed(self, path: str) -> None:
        """Take note of a path whose links are followed."""


_WITNESS: ContextVar[Witness | None] = ContextVar("witness", default=None)


@contextmanager
def witnessed(witness: Witness) -> Iterator[None]:
    """Tell `witness` of every path that probes turn to while this lasts, in this thread."""
    token = _WITNESS.set(witness)
    try:
        yield
    finally:
        _WITNESS.reset(token)


def under(root: str, path: str) -> str:
    """Return the absolute `path` below `root`, which is "/" on the machine itself."""
    return path if root == "/" else root.rstrip("/") + path


def inside(root: str, path: str) -> str:
    """Return `path` as the machine that `root` stands for would name it: the inverse of `under`."""
    prefix = root.rstrip("/")
    return path.removeprefix(prefix) if prefix else path


def read_text(path: str, limit: int = 65536) -> str | None:
    """Return a small file's text without its line end, or None when it cannot be read, is empty or is not text."""
    data = read_bytes(path, limit)
    return None if data is None else data.decode("utf-8", "replace").strip("\0\n ") or None


def read_bytes(path: str, limit: int = 65536) -> bytes | None:
    """Return up to `limit` bytes of a file, or None when it cannot be read."""
    if (witness := _WITNESS.get()) is not None:
        witness.read(path)
    try:
        # Without waiting: a pipe that lies where a file should be must not hold up the other figures.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    data = b""
    try:
        # The kernel hands out files with many records page by page.
        while len(data) < limit and (more := os.read(descriptor, limit - len(data))):
            data += more
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return data


def is_there(path: str) -> bool:
    """Say whether a file can be opened, whatever it holds."""
    return read_bytes(path, 1) is not None


def link_end(path: str) -> str:
    """Return where `path` leads when all its links are followed; the path itself where there are none."""
    if (witness := _WITNESS.get()) is not None:
        witness.followed(path)
    return os.path.realpath(path)


def read_number(path: str) -> int | None:
    """Return the integer that a file holds, or None."""
    return number(read_text(path, 64))


def number(text: str | bytes | None) -> int | None:
    """Return `text` as an integer (decimal, or hexadecimal with 0x), or None."""
    if text is None:
        return None
    try:
        return int(text, 16 if text[:2] in ("0x", b"0x") else 10)
    except ValueError:
        return None


def listed(folder: str) -> list[str]:
    """Return the sorted names in `folder`, numbers in their own order; empty when it cannot be listed."""
    if (witness := _WITNESS.get()) is not None:
        witness.listed(folder)
    try:
        names = os.listdir(folder)  # noqa: PTH208 - pathlib costs a megabyte in the sampler
    except OSError:
        return []
    return sorted(names, key=_natural)


def _natural(name: str) -> tuple[str, int]:
    stem = name.rstrip("0123456789")
    return stem, int(name[len(stem) :] or -1)


class KeptFile:
    """A kernel file that is opened once and read again from its start: a third of the cost of opening it each time.

    After an error the file is opened anew at the next read, so a driver that was reloaded is found again.
    """

    __slots__ = ("_fd", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = -1

    def read(self, limit: int = 4096) -> bytes:
        """Return up to `limit` bytes; raise OSError."""
        if (witness := _WITNESS.get()) is not None:
            witness.read(self.path)
        if self._fd < 0:
            self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            return os.pread(self._fd, limit, 0)
        except OSError:
            self.close()
            raise

    def read_whole(self) -> bytes:
        """Return all bytes: the kernel hands out files with many records page by page."""
        data = self.read(65536)
        parts = [data]
        offset = len(data)
        while data:
            data = os.pread(self._fd, 65536, offset)
            parts.append(data)
            offset += len(data)
        return b"".join(parts)

    def number(self, root: str = "/") -> "int | Missing":
        """Return the integer in the file, or why there is none."""
        try:
            data = self.read(64)
        except OSError as error:
            return Missing(reason_of(error, inside(root, self.path)))
        value = number(data.strip(b"\0 \n"))
        if value is None:
            text = data[:20].decode("ascii", "replace").strip()
            what = f"holds {text!r}, no number" if text else "is empty"
            return Missing(f"{inside(root, self.path)} {what}")
        return value

    def close(self) -> None:
        """Let go of the descriptor."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        self.close()


def reason_of(error: OSError, path: str) -> str:
    """Return what a failed read of `path` means and what helps."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"no permission: run `sudo chmod a+r {path}`"
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return f"no such file: {path}"
    if error.errno in (errno.ENODEV, errno.ENXIO):
        return f"the device behind {path} is gone"
    if error.errno == errno.EOPNOTSUPP:
        return f"the kernel has {path} switched off"
    return f"{path} can't be read: {os.strerror(error.errno or errno.EIO)}"


class Growth:
    """The growth of a counter between two readings. A counter that went back starts anew, or wraps at `span`."""

    __slots__ = ("_last", "_last_ns", "span")

    def __init__(self, span: int | None = None) -> None:
        self.span = span
        self._last: float | None = None
        self._last_ns = 0

    def per_second(self, value: float, now_ns: int) -> float | None:
        """Return the growth per second since the last call; None the first time and after a restart of the counter."""
        grown, elapsed = self.since(value, now_ns)
        return grown / elapsed if grown is not None and elapsed > 0 else None

    def since(self, value: float, now_ns: int) -> tuple[float | None, float]:
        """Return (growth or None, seconds) since the last call."""
        last, elapsed = self._last, (now_ns - self._last_ns) / 1e9
        self._last, self._last_ns = value, now_ns
        if last is None:
            return None, 0.0
        grown = value - last
        if grown < 0:
            if self.span is None or last > self.span:
                return None, elapsed
            grown += self.span
        return grown, elapsed


FIRST_READING = Missing("needs two readings")
"""What a rate says before its second sample."""


def all_missing(keys: Iterable[str], reason: str) -> Readings:
    """Return the same reason for all `keys`."""
    missing = Missing(reason)
    return dict.fromkeys(keys, missing)
