"""Writing the files of a session into their folder. Several viewers may do so at once; no row comes twice."""

import errno
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from llmtui.log.folder_lock import locked_folder
from llmtui.log.private_file import replace_file
from llmtui.reports.files.registry import README, SessionFile, readme_head

OWNER_ONLY = 0o700
HEAD_BYTES = 512

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class FolderError(Exception):
    """A folder that can't take the files of a session: one sentence that says why and what to do."""


def check_folder(folder: Path, session: str | None) -> None:
    """Raise `FolderError` unless `folder` is new, empty, or has the files of `session` (None: a session to come)."""
    try:
        if not os.path.lexists(folder):
            return
        if not folder.is_dir():
            raise FolderError(f"{folder} is no folder; name another one")
        # A hidden one is what a write leaves that was cut short.
        if all(entry.name.startswith(".") for entry in folder.iterdir()):
            return
        page = folder / README
        with page.open("rb") as file:
            head = file.read(HEAD_BYTES).decode("utf-8", "replace").splitlines()[:1]
    except FileNotFoundError:
        head = []
    except OSError as error:
        raise FolderError(f"{folder} can't be read: {error.strerror}; name another one") from None
    if session is None or head != [readme_head(session)]:
        raise FolderError(f"{folder} has other files in it; name a new folder, so that none of them is replaced")


def check_writable(folder: Path) -> None:
    """Raise `FolderError` unless `folder` can be written; one that is not there yet is made and removed again."""
    missing = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    try:
        folder.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        for path in missing:
            path.rmdir()
    except OSError as error:
        raise FolderError(f"{folder} can't be written: {error.strerror}; name another by --out FOLDER") from None


def write_files(folder: Path, session: str, files: Iterable[SessionFile], *, exact: bool = False) -> list[Path]:
    """Write `files` into the folder of `session`, which is made if need be; return the paths of all of them.

    A file is only touched where it differs. One that grows gets what is missing at its end; if it is longer already,
    another viewer is ahead, and with `exact` alone it is replaced. Raises `FolderError`; then some may be written.
    """
    try:
        check_folder(folder, session)
        folder.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        with locked_folder(folder):
            # Whoever held the lock before may have made it another session's.
            check_folder(folder, session)
            return [_write(folder, file, exact=exact) for file in files]
    except OSError as error:
        raise FolderError(f"{folder} can't be written: {error.strerror}; name another by --out FOLDER") from None


def _write(folder: Path, file: SessionFile, *, exact: bool) -> Path:
    if not _PLAIN_NAME.fullmatch(file.name):
        raise ValueError(f"{file.name!r} is no plain file name")
    path, data = folder / file.name, file.text.encode("utf-8", "replace")
    if path.is_symlink():
        raise FolderError(f"{path} is a link, and what it points to is left alone; remove it")
    there = path.read_bytes() if path.exists() else None
    if there == data or (file.grows and not exact and there is not None and there.startswith(data)):
        return path
    if file.grows and there and data.startswith(there):
        _append(path, data[len(there) :])
    else:
        replace_file(path, data)
    return path


def _append(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "wb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise FolderError(f"{path} is no plain file; remove it")
        file.write(data)
