"""Where llmtui keeps its files. Each folder can be moved by an environment variable of its own."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

OWNER_ONLY = 0o700
LONGEST_SOCKET_PATH = 100
"""Bytes of a Unix socket's path that every system allows (104 on macOS, 108 on Linux, with the closing zero)."""


class PlaceError(Exception):
    """A folder that can't be used: one sentence that says why and what to do."""


def settings_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder with `settings.yaml`, `suites/` and `themes/`."""
    return _moved(environ, "LLMTUI_SETTINGS") or _platform("user_config_dir")


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for what can be fetched again, such as models."""
    return _moved(environ, "LLMTUI_CACHE") or _platform("user_cache_dir")


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for the notes of llmtui itself, such as what the engine wrote to its error output."""
    return _moved(environ, "LLMTUI_STATE") or _platform("user_state_dir")


def tools_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for programs that were installed at the user's wish, such as a compiler."""
    return _moved(environ, "LLMTUI_TOOLS") or _platform("user_data_dir") / "tools"


def sessions_folder(environ: Mapping[str, str] = os.environ, cwd: Path | None = None) -> Path:
    """Return the folder for sessions: `results/` of the current folder where it exists, else the user's own.

    Raises `PlaceError` when LLMTUI_SESSIONS names something that is no folder.
    """
    moved = _moved(environ, "LLMTUI_SESSIONS")
    if moved is not None:
        if moved.exists() and not moved.is_dir():
            raise PlaceError(f"{moved}, which LLMTUI_SESSIONS names, is no folder; name another one")
        return moved
    results = (Path.cwd() if cwd is None else cwd) / "results"
    return results if results.is_dir() else _platform("user_data_dir") / "sessions"


def runtime_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for control sockets, made if need be, in which nobody but the user can put a file.

    Raises `PlaceError` when the folder can't be made, belongs to somebody else, or is open to others.
    """
    moved = _moved(environ, "LLMTUI_RUNTIME")
    # Not in $XDG_RUNTIME_DIR: that folder is removed when its user has logged out for the last time, and an engine
    # that lives on after a dropped line could then not be controlled any more. Nor is it set by every way of logging
    # in, and both ends must come to the same folder.
    folder = moved or Path(environ.get("TMPDIR") or _temporary_folder()) / f"llmtui-{os.getuid()}"
    try:
        folder.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        facts = folder.lstat()
        mode = stat.S_IMODE(facts.st_mode)
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid():
            raise PlaceError(f"{folder} is not a folder of yours; name another one by LLMTUI_RUNTIME")
        if moved is None and mode != OWNER_ONLY:
            folder.chmod(OWNER_ONLY)
        elif mode & (stat.S_IWGRP | stat.S_IWOTH):
            # Not narrowed by us: it may be a folder that is shared on purpose, such as /tmp itself.
            raise PlaceError(f"others can write in {folder}; close it by chmod go-w, or name another by LLMTUI_RUNTIME")
    except OSError as error:
        raise PlaceError(f"{folder} can't be used: {error.strerror}; name another one by LLMTUI_RUNTIME") from None
    return folder


def engine_notes(log: Path) -> Path:
    """Return the file with what the engine of a session said outside its log."""
    return state_folder() / "engine" / f"{log.stem}.txt"


def control_path(log: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the socket of the engine that writes `log`: a short name that both ends derive from the log's path.

    Raises `PlaceError` like `runtime_folder`, and when the path would be too long for a socket.
    """
    import hashlib  # noqa: PLC0415 - with OpenSSL; who only watches a session needs no socket

    name = hashlib.sha256(os.fsencode(log.resolve())).hexdigest()[:16]
    path = runtime_folder(environ) / f"{name}.sock"
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise PlaceError(f"{path} is too long for a socket; name a shorter folder by LLMTUI_RUNTIME")
    return path


def _moved(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]).expanduser() if environ.get(name) else None


def _temporary_folder() -> str:
    """Return the folder that `tempfile` finds; where nothing names another one, without its import of 4 ms."""
    usual = "/tmp"  # noqa: S108 - what is made in it is closed to others
    if not any(map(os.environ.get, ("TMPDIR", "TEMP", "TMP"))) and os.access(usual, os.W_OK | os.X_OK):
        return usual
    import tempfile  # noqa: PLC0415 - see above

    return tempfile.gettempdir()


def _platform(function: str) -> Path:
    """Ask platformdirs, imported here because most commands need only a folder or none."""
    import platformdirs  # noqa: PLC0415

    return Path(getattr(platformdirs, function)("llmtui", appauthor=False))
