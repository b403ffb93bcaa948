"""The sessions on the disk: listed quickly, whatever state their files are in, and found by name."""

import difflib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from llmtui.events import JobFinished, JobQueued, SessionFinished, SessionOpened
from llmtui.log.decode import last_turn
from llmtui.log.follow import is_locked
from llmtui.log.read import LogError, ReadLog, open_log, read_header, read_log

SUFFIX = ".jsonl"
SessionStatus = Literal["running", "completed", "stopped", "failed", "cut", "damaged"]
CUT = "the engine was cut off; what it measured until then is here"


class SessionEntry(NamedTuple):
    """A session file. `problem` says what is wrong with it; what could not be read is unknown."""

    id: str
    path: Path
    status: SessionStatus
    header: SessionOpened | None = None
    jobs: int = 0
    jobs_ended: int = 0
    models: tuple[str, ...] = ()
    size: int = 0
    problem: str | None = None


def new_session_path(folder: Path, name: str, now: datetime, token: str | None = None) -> Path:
    """Return a path for a new session: `20261121-040159-quick-3fa9.jsonl`. The folder is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "session"
    return folder / f"{now:%Y%m%d-%H%M%S}-{slug}-{token or secrets.token_hex(2)}{SUFFIX}"


def list_sessions(folder: Path) -> list[SessionEntry]:
    """Return all sessions in `folder`, newest first. A file that can't be read is listed with its problem."""
    entries = [read_entry(path) for path in _paths(folder)]
    return sorted(entries, key=lambda entry: _newness(entry.path, entry.header), reverse=True)


def read_entry(path: Path) -> SessionEntry:
    """Look at one session file: its header, the jobs in it, and how it ended. Never raises.

    Tokens and samples are passed over, so this takes about a millisecond for each megabyte.
    """
    locked = _is_running(path)
    try:
        size = path.stat().st_size
        log = read_log(path, bulk=False)
    except (LogError, OSError) as error:
        # An engine that has just opened its log has not written the header yet.
        status: SessionStatus = "running" if locked else "damaged"
        return SessionEntry(path.stem, path, status, problem=None if locked else str(error))
    status = _status(log, locked=locked)
    # A running engine is in the middle of its last line now and then.
    problems = [] if status == "running" else [*([CUT] if status == "cut" else []), *log.notices]
    queued = [event for event in log.events if isinstance(event, JobQueued)]
    return SessionEntry(
        id=path.stem,
        path=path,
        status=status,
        header=log.header,
        jobs=len({event.job for event in queued}),
        jobs_ended=len({event.job for event in log.events if isinstance(event, JobFinished)}),
        models=tuple(dict.fromkeys(event.model for event in queued)),
        size=size,
        problem="; ".join(problems) or None,
    )


def find_session(text: str | None, folder: Path) -> Path:
    """Return the session that `text` names: a path, an id, the unique beginning or a part of one, or "last".

    None takes the one that runs, else the last one. Raises `LogError` with the names that come near.
    """
    if text is not None and (Path(text).suffix == SUFFIX or os.sep in text):
        return _named_path(text, folder)
    paths = list(_paths(folder))
    if not paths:
        raise LogError(f"there are no sessions in {folder}; `llmtui run quick` makes one")
    if text is None or text == "last":
        running = [path for path in paths if text is None and _is_running(path)]
        return max(running or paths, key=_newness_by_header)
    exact = [path for path in paths if path.stem == text]
    near = exact or [path for path in paths if path.stem.startswith(text)] or [p for p in paths if text in p.stem]
    if len(near) == 1:
        return near[0]
    if near:
        names = sorted((path.stem for path in near), reverse=True)
        more = f" or {len(names) - 5} others" if len(names) > 5 else ""  # noqa: PLR2004 - five are named
        raise LogError(f"`{text}` could be {', '.join(names[:5])}{more}; write more of it")
    close = difflib.get_close_matches(text, [path.stem for path in paths], n=3, cutoff=0.3)
    hint = f"near are {', '.join(close)}" if close else "see `llmtui sessions`"
    raise LogError(f"there is no session `{text}` in {folder}; {hint}")


def _named_path(text: str, folder: Path) -> Path:
    for path in (Path(text), folder / text):
        if path.exists():
            return path
    raise LogError(f"{text}: there is no such file")


def _status(log: ReadLog, *, locked: bool) -> SessionStatus:
    turn = last_turn(log.events)
    if log.header is None and not locked:
        return "damaged"
    if isinstance(turn, SessionFinished):
        return turn.outcome
    return "running" if locked else "cut"


def _is_running(path: Path) -> bool:
    try:
        with open_log(path) as file:
            return is_locked(file.fileno())
    except LogError:
        return False


def _newness(path: Path, header: SessionOpened | None) -> tuple[float, str]:
    """Return when a session was opened; for a file that does not say when, the time of the file."""
    with suppress(ValueError):
        if header is not None:
            return datetime.fromisoformat(header.opened_at).timestamp(), path.stem
    with suppress(OSError):
        return path.stat().st_mtime, path.stem
    return 0.0, path.stem


def _newness_by_header(path: Path) -> tuple[float, str]:
    try:
        return _newness(path, read_header(path))
    except LogError:
        return _newness(path, None)


def _paths(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith("."))
