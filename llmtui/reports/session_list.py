"""The list of sessions: its columns, and how it is filtered and sorted. Pure."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from llmtui import wording
from llmtui.log.library import SessionEntry
from llmtui.state.origins import parent_text


class FilterError(Exception):
    """A filter that can't be applied: one sentence that names the columns there are."""


def _always(_entry: SessionEntry) -> bool:
    return True


def _as_listed(_entry: SessionEntry) -> int:
    return 0


class SessionColumn(NamedTuple):
    """A column by its `name`. `key` orders the rows, the smallest first; `wanted` says for which it is worth having."""

    name: str
    text: Callable[[SessionEntry], str]
    key: Callable[[SessionEntry], Any]
    wanted: Callable[[SessionEntry], bool] = _always
    number: bool = False


def _words(
    name: str, text: Callable[[SessionEntry], str], wanted: Callable[[SessionEntry], bool] = _always
) -> SessionColumn:
    """Return a column of words; what is empty comes last."""
    return SessionColumn(name, lambda e: text(e) or wording.NOTHING, lambda e: (not text(e), text(e).lower()), wanted)


def opened_at(entry: SessionEntry) -> datetime | None:
    """Return when a session was opened; None where its header does not say."""
    try:
        return datetime.fromisoformat(entry.header.opened_at).astimezone() if entry.header else None
    except (ValueError, OverflowError, OSError):
        return None


def _date(entry: SessionEntry) -> str:
    moment = opened_at(entry)
    return f"{moment:%Y-%m-%d %H:%M}" if moment else wording.NOTHING


COLUMNS = (
    _words("session", lambda entry: entry.id),
    _words("state", lambda entry: entry.status),
    SessionColumn("date", _date, _as_listed),
    _words("host", lambda entry: (entry.header.hardware.hostname if entry.header else None) or ""),
    _words("suite", lambda entry: entry.header.name if entry.header else ""),
    _words("models", lambda entry: ", ".join(entry.models)),
    _words("verdicts", lambda entry: ", ".join(entry.verdicts), lambda entry: bool(entry.verdicts)),
    _words("repeats", lambda entry: parent_text(entry.header), lambda entry: bool(parent_text(entry.header))),
    _words("tags", lambda entry: ", ".join(entry.added.tags), lambda entry: bool(entry.added.tags)),
    _words("name", lambda entry: entry.added.name or "", lambda entry: entry.added.name is not None),
    SessionColumn("jobs", lambda e: f"{e.jobs_ended} of {e.jobs}", lambda e: (-e.jobs, -e.jobs_ended), number=True),
    SessionColumn("size", lambda entry: wording.size(entry.size), lambda entry: -entry.size, number=True),
)
"""All of them, in their order. A list begins with the newest; by `jobs` and `size` it begins with the most."""

NAMES = tuple(column.name for column in COLUMNS)


def columns_for(entries: Sequence[SessionEntry]) -> list[SessionColumn]:
    """Return the columns that these entries need."""
    return [column for column in COLUMNS if column.wanted is _always or any(map(column.wanted, entries))]


def cells(entry: SessionEntry, columns: Sequence[SessionColumn]) -> tuple[str, ...]:
    """Return one text for each column."""
    return tuple(column.text(entry) for column in columns)


def filtered(entries: Sequence[SessionEntry], filters: Sequence[str]) -> list[SessionEntry]:
    """Return the entries that pass every filter: TEXT is in any column or the note, KEY=VALUE in the column KEY.

    Upper and lower case are the same. Raises `FilterError` for a KEY that is no column.
    """
    return [entry for entry in entries if all(_passes(entry, text) for text in filters)]


def _passes(entry: SessionEntry, text: str) -> bool:
    key, equals, value = text.partition("=")
    if not equals:
        texts = [*cells(entry, COLUMNS), entry.added.note or ""]
        return any(text.lower() in cell.lower() for cell in texts)
    wanted = key.strip().lower()
    near = [column for column in COLUMNS if wanted in {column.name, column.name.removesuffix("s")}]
    if not near:
        raise FilterError(f"`{wording.visible(key)}` is no column; there are {', '.join(NAMES)}")
    return value.strip().lower() in near[0].text(entry).lower()


def ordered(entries: Sequence[SessionEntry], column: str, *, backwards: bool = False) -> list[SessionEntry]:
    """Return the entries, which come newest first, in the order of a column; those equal in it stay newest first."""
    key = next(candidate.key for candidate in COLUMNS if candidate.name == column)
    found = sorted(entries, key=key)
    return found[::-1] if backwards else found


def entry_data(entry: SessionEntry) -> dict[str, object]:
    """Return an entry as plain data; what is unknown is None."""
    header = entry.header
    return {
        "session": entry.id,
        "path": str(entry.path),
        "state": entry.status,
        "suite": header.name if header else None,
        "host": header.hardware.hostname if header else None,
        "opened_at": header.opened_at if header else None,
        "parent": header.parent if header else None,
        "parent_jobs": header.parent_jobs if header else (),
        "models": entry.models,
        "verdicts": entry.verdicts,
        "jobs": entry.jobs,
        "jobs_ended": entry.jobs_ended,
        "size": entry.size,
        "problem": entry.problem,
        "name": entry.added.name,
        "tags": entry.added.tags,
        "note": entry.added.note,
        "deleted_at": entry.added.deleted_at,
    }
