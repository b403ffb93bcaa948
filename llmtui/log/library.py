"""The sessions on the disk: listed quickly, whatever state their files are in, and found by name."""

import difflib
import os
import re
import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from llmtui.events import AnyEvent, JobFinished, JobQueued, SessionFinished, SessionOpened
from llmtui.log.follow import is_locked
from llmtui.log.read import LogError, read_header, read_log, read_tail

SUFFIX = ".jsonl"
SessionStatus = Literal["running", "completed", "stopped", "failed", "cut", "damaged"]


class SessionEntry(NamedTuple):
    """A session file. For a damaged one `problem` says what is wrong, and the rest is unknown."""

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
    return sorted((read_entry(path) for path in _paths(folder)), key=lambda entry: entry.id, reverse=True)


def read_entry(path: Path) -> SessionEntry:
    """Look at one session file: its header, the jobs in it, and how it ended. Never raises."""
    try:
        size = path.stat().st_size
        header = read_header(path)
        status = _status(path)
        events = read_log(path, bulk=False).events
    except (LogError, OSError) as error:
        return SessionEntry(path.stem, path, "damaged", problem=str(error))
    queued = [event for event in events if isinstance(event, JobQueued)]
    return SessionEntry(
        id=path.stem,
        path=path,
        status=status,
        header=header,
        jobs=len(queued),
        jobs_ended=sum(isinstance(event, JobFinished) for event in events),
        models=tuple(dict.fromkeys(event.model for event in queued)),
        size=size,
        problem="the engine was cut off; what it measured until then is here" if status == "cut" else None,
    )


def _status(path: Path) -> SessionStatus:
    for line in reversed(read_tail(path)):
        try:
            event = msgspec.json.decode(line, type=AnyEvent)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if isinstance(event, SessionFinished):
            return event.outcome
        break
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return "running" if is_locked(file) else "cut"
    finally:
        os.close(file)


def find_session(text: str | None, folder: Path) -> Path:
    """Return the session that `text` names: a path, an id, the unique beginning or a part of one, or "last".

    None takes the one that runs, else the last one. Raises `LogError` with the names that come near.
    """
    if text is not None and (Path(text).suffix == SUFFIX or os.sep in text):
        if not Path(text).exists():
            raise LogError(f"{text}: there is no such file")
        return Path(text)
    paths = sorted(_paths(folder), reverse=True)
    if not paths:
        raise LogError(f"there are no sessions in {folder}; `llmtui run quick` makes one")
    if text is None or text == "last":
        running = [path for path in paths[:20] if text is None and read_entry(path).status == "running"]
        return running[0] if running else paths[0]
    exact = [path for path in paths if path.stem == text]
    near = exact or [path for path in paths if path.stem.startswith(text)] or [p for p in paths if text in p.stem]
    if len(near) == 1:
        return near[0]
    if near:
        raise LogError(f"`{text}` could be {', '.join(path.stem for path in near[:5])}; write more of it")
    close = difflib.get_close_matches(text, [path.stem for path in paths], n=3, cutoff=0.3)
    hint = f"near are {', '.join(close)}" if close else "see `llmtui sessions`"
    raise LogError(f"there is no session `{text}` in {folder}; {hint}")


def _paths(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob(f"*{SUFFIX}")) if folder.is_dir() else iter(())
