"""The sessions on the disk: listed quickly, whatever state their files are in, and found by name."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from llmtui.events import SessionOpened
from llmtui.log.read import LogError, read_header
from llmtui.log.session_path import SUFFIX, is_running
from llmtui.log.sidecar import NOTHING_ADDED, Sidecar, SidecarError, read_sidecar
from llmtui.log.sidecar import SUFFIX as SIDECAR_SUFFIX
from llmtui.log.summary import LogSummary, SummaryIndex

SessionStatus = Literal["running", "completed", "stopped", "failed", "cut", "damaged"]
CUT = "the engine was cut off; what it measured until then is here, and `llmtui resume` goes on"


class SessionEntry(NamedTuple):
    """A session file. `problem` says what is wrong with it; what could not be read is unknown.

    `verdicts` are what its jobs came to, in words; `added` is what people added to it.
    """

    id: str
    path: Path
    status: SessionStatus
    header: SessionOpened | None = None
    jobs: int = 0
    jobs_ended: int = 0
    models: tuple[str, ...] = ()
    size: int = 0
    problem: str | None = None
    verdicts: tuple[str, ...] = ()
    added: Sidecar = NOTHING_ADDED


def list_sessions(folder: Path, index: Path | None = None) -> list[SessionEntry]:
    """Return all sessions in `folder`, newest first. A file that can't be read is listed with its problem.

    `index` is a file that remembers what stands in the logs; without one each log is read, a millisecond a megabyte.
    """
    summaries = SummaryIndex(index)
    entries = [_entry(path, summaries) for path in _paths(folder)]
    summaries.save()
    return sorted(entries, key=lambda entry: _newness(entry.path, entry.header), reverse=True)


def _entry(path: Path, summaries: SummaryIndex) -> SessionEntry:
    # Asked before the log is read: an engine that ends in between has written its end.
    running = is_running(path)
    try:
        summary, size = summaries.summary(path, running=running)
    except OSError as error:
        summary, size = LogSummary(error=f"{path}: can't be read: {error.strerror}"), 0
    try:
        added, trouble = read_sidecar(path), []
    except SidecarError as error:
        added, trouble = NOTHING_ADDED, [str(error)]
    status = _status(summary, running=running)
    return SessionEntry(
        id=path.stem,
        path=path,
        status=status,
        header=summary.header,
        jobs=summary.jobs,
        jobs_ended=summary.jobs_ended,
        models=summary.models,
        size=size,
        problem="; ".join([*_problems(summary, status), *trouble]) or None,
        verdicts=summary.verdicts,
        added=added,
    )


def _problems(summary: LogSummary, status: SessionStatus) -> list[str]:
    # A running engine has not written its header yet, or is in the middle of its last line, now and then.
    if status == "running":
        return []
    if summary.error is not None:
        return [summary.error]
    return [*([CUT] if status == "cut" else []), *summary.notices]


def _status(summary: LogSummary, *, running: bool) -> SessionStatus:
    if summary.header is None and not running:
        return "damaged"
    if summary.ended is not None:
        return summary.ended
    return "running" if running else "cut"


def running_sessions(folder: Path) -> list[Path]:
    """Return the logs in `folder` that an engine writes, newest first."""
    running = [path for path in _paths(folder) if is_running(path)]
    return sorted(running, key=_newness_by_header, reverse=True)


def find_session(text: str | None, folder: Path) -> Path:
    """Return the session that `text` names: a path, an id, its name, the unique beginning or a part of an id.

    "last" is the last one; None takes the one that runs, else the last. Raises `LogError` with the names that are near.
    """
    if text is not None and not text.strip():
        # As of a variable that is not set: to take any session would be wrong, above all where it is deleted.
        raise LogError("the name of a session is empty; see `llmtui sessions`")
    if text is not None and (Path(text).suffix == SUFFIX or os.sep in text):
        return _named_path(text, folder)
    paths = list(_paths(folder))
    if not paths:
        raise LogError(f"there are no sessions in {folder}; `llmtui run quick` makes one")
    if text is None or text == "last":
        running = [path for path in paths if text is None and is_running(path)]
        return max(running or paths, key=_newness_by_header)
    exact = [path for path in paths if path.stem == text] or find_by_name(text, folder)
    near = exact or [path for path in paths if path.stem.startswith(text)] or [p for p in paths if text in p.stem]
    if len(near) == 1:
        return near[0]
    if near:
        names = sorted((path.stem for path in near), reverse=True)
        more = f" or {len(names) - 5} others" if len(names) > 5 else ""  # noqa: PLR2004 - five are named
        raise LogError(f"`{text}` could be {', '.join(names[:5])}{more}; write more of it")
    if Path(text).exists():
        raise LogError(f"{text} is no session: {_no_log(Path(text))}")
    from difflib import get_close_matches  # noqa: PLC0415 - for a wrong name only

    close = get_close_matches(text, [path.stem for path in paths], n=3, cutoff=0.3)
    hint = f"near are {', '.join(close)}" if close else "see `llmtui sessions`"
    raise LogError(f"there is no session `{text}` in {folder}; {hint}")


def find_by_name(name: str, folder: Path) -> list[Path]:
    """Return the sessions that people gave this name."""
    # Only sessions to which something was added have such a file.
    logs = (
        path.with_name(path.name.removesuffix(SIDECAR_SUFFIX) + SUFFIX) for path in folder.glob(f"*{SIDECAR_SUFFIX}")
    )
    return [log for log in logs if _name_of(log) == name and log.exists()]


def _name_of(log: Path) -> str | None:
    try:
        return read_sidecar(log).name
    except SidecarError:
        return None


def _named_path(text: str, folder: Path) -> Path:
    for path in (Path(text), folder / text):
        if path.is_dir():
            raise LogError(f"{text} is no session: {_no_log(path)}")
        if path.exists():
            return path
    raise LogError(f"{text}: there is no such file")


def _no_log(path: Path) -> str:
    return f"it is a folder; name a log, which ends in {SUFFIX}" if path.is_dir() else f"a log ends in {SUFFIX}"


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
