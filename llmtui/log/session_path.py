"""Where a session's log and its files are, and whether an engine writes there."""

import os
import re
from datetime import datetime
from pathlib import Path

from llmtui.log.follow import is_locked
from llmtui.log.read import LogError, open_log

SUFFIX = ".jsonl"
FILES_SUFFIX = ".files"


def new_session_path(folder: Path, name: str, now: datetime, token: str | None = None) -> Path:
    """Return a path for a new session: `20261121-040159-quick-3fa9.jsonl`. The folder is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "session"
    return folder / f"{now:%Y%m%d-%H%M%S}-{slug}-{token or os.urandom(2).hex()}{SUFFIX}"


def files_folder(log: Path) -> Path:
    """Return the folder beside `log` for the tables and pages that are made of it."""
    return log.with_suffix(FILES_SUFFIX)


def is_running(path: Path) -> bool:
    """Return whether an engine writes the log at `path`."""
    try:
        with open_log(path) as file:
            return is_locked(file.fileno())
    except LogError:
        return False
