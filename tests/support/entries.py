"""A session as the list of its folder has it."""

from pathlib import Path

from llmtui.log.library import SessionEntry, list_sessions


def read_entry(path: Path) -> SessionEntry:
    return next(entry for entry in list_sessions(path.parent) if entry.path == path)
