"""Files that only their owner may read (mode 0600), written whole or not at all."""

import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

OWNER_ONLY = 0o600


def replace_file(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Put `data` in the place of whatever `path` names; a reader sees the old file or the new one, never a part.

    A link is followed; what is no plain file, such as a terminal or a pipe, is written to. Raises `OSError`, and what
    making the pieces of `data` raises; then the old file stays.
    """
    try:
        path = path.resolve()
    except RuntimeError:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from None
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        with path.open("wb") as file:
            file.writelines((data,) if isinstance(data, bytes) else data)
        return
    descriptor, new = make_file(path.parent, f".{path.name[:40]}-")
    try:
        _write(descriptor, data)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def make_file(folder: Path, prefix: str) -> tuple[int, Path]:
    """Make an empty file in `folder` under a name that nobody has; return its descriptor and its path.

    Raises `OSError`.
    """
    # Not by tempfile: its import costs each process 4 ms.
    while True:
        path = folder / f"{prefix}{os.urandom(8).hex()}"
        with suppress(FileExistsError):
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER_ONLY), path


def create_file(path: Path, data: bytes) -> None:
    """Write a file that is not there yet. Raises `FileExistsError`, and `OSError` for the rest, then without a file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER_ONLY)
    try:
        _write(descriptor, data)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _write(descriptor: int, data: bytes | Iterable[bytes]) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.writelines((data,) if isinstance(data, bytes) else data)
        file.flush()
        os.fsync(file.fileno())
