"""The trash beside the sessions: a deleted session waits there until it is restored or the trash is emptied."""

import os
import shutil
import stat
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from llmtui.log.library import SessionEntry, list_sessions
from llmtui.log.session_path import SUFFIX, files_folder, is_running
from llmtui.log.sidecar import SidecarError, change_sidecar, sidecar_path

FOLDER = ".trash"


class TrashError(Exception):
    """What can't be deleted or restored: one sentence that says why."""


def trash_folder(folder: Path) -> Path:
    """Return where the sessions of `folder` go when they are deleted."""
    return folder / FOLDER


def delete_session(path: Path, folder: Path, now: datetime) -> Path:
    """Move a session of `folder` to the trash, with its files and what was added to it; return where it is now.

    Raises `TrashError` for one that runs, and for what is no session of this folder.
    """
    if path.parent.resolve() != folder.resolve():
        raise TrashError(f"{path} is not in {folder}; only sessions there go to the trash")
    try:
        if stat.S_ISDIR(path.lstat().st_mode):
            raise TrashError(f"{path}: a folder, not a log; remove it yourself")
        if is_running(path):
            raise TrashError(f"{path.stem} runs; end it first: llmtui ctl stop {path.stem}")
        trash = trash_folder(folder)
        trash.mkdir(mode=0o700, exist_ok=True)
        target = _free(trash, path.stem)
        # The log goes last: if this is cut short, the session is still listed, and can be deleted again.
        if sidecar_path(path).exists():
            sidecar_path(path).replace(sidecar_path(target))
        _move_files(path, target)
        with suppress(SidecarError):
            moment = now.isoformat(timespec="seconds")
            change_sidecar(target, lambda sidecar: msgspec.structs.replace(sidecar, deleted_at=moment))
        path.rename(target)
    except OSError as error:
        raise TrashError(f"{path}: can't be moved to the trash: {error.strerror}") from None
    return target


def restore_session(path: Path, folder: Path) -> Path:
    """Move a session from the trash back among the others; return where it is now. Raises `TrashError`."""
    target = folder / path.name
    if os.path.lexists(target):
        raise TrashError(f"{path.stem}: a session of this name is in {folder} again; delete or move that one first")
    try:
        with suppress(SidecarError):
            change_sidecar(path, lambda sidecar: msgspec.structs.replace(sidecar, deleted_at=None))
        if sidecar_path(path).exists():
            sidecar_path(path).replace(sidecar_path(target))
        _move_files(path, target)
        path.rename(target)
    except OSError as error:
        raise TrashError(f"{path}: can't be restored: {error.strerror}") from None
    return target


def list_trash(folder: Path) -> list[SessionEntry]:
    """Return what is in the trash of `folder`, newest session first."""
    return list_sessions(trash_folder(folder))


def is_empty(folder: Path) -> bool:
    """Return whether no session of `folder` is in the trash."""
    return not any(trash_folder(folder).glob(f"*{SUFFIX}"))


def empty_trash(folder: Path, entries: Iterable[SessionEntry]) -> int:
    """Delete these sessions of the trash for good; return how many. Raises `TrashError` for the first that stays."""
    count = 0
    for entry in entries:
        try:
            entry.path.unlink(missing_ok=True)
            sidecar_path(entry.path).unlink(missing_ok=True)
            if files_folder(entry.path).is_dir():
                shutil.rmtree(files_folder(entry.path))
        except OSError as error:
            raise TrashError(f"{entry.path}: can't be removed: {error.strerror}") from None
        count += 1
    with suppress(OSError):
        trash_folder(folder).rmdir()
    return count


def _move_files(path: Path, target: Path) -> None:
    """Move the tables and pages of a session, unless there are some already: they can be made anew from the log."""
    if files_folder(path).is_dir() and not os.path.lexists(files_folder(target)):
        files_folder(path).rename(files_folder(target))


def _free(trash: Path, stem: str) -> Path:
    """Return a path in the trash that no log has; additions alone are those of a deletion that was cut short."""
    names = (stem, *(f"{stem}-{number}" for number in range(2, 10_000)))
    paths = (trash / f"{name}{SUFFIX}" for name in names)
    return next(path for path in paths if not os.path.lexists(path))
