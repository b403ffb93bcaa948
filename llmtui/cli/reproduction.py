"""The commands that measure a session's jobs again, with its suite in a file that can be run."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from llmtui import places
from llmtui.documents import DocumentError
from llmtui.events import SessionOpened
from llmtui.log.private_file import replace_file
from llmtui.reports.reproduce import Command, command_lines, curl_command, run_command
from llmtui.settings import KEY_VARIABLE, key_variable, read_settings
from llmtui.state.session import SessionState

SHOWN = 8
"""Letters of a suite's hash in the name of its copy."""


def suite_file(header: SessionOpened, folder: Path) -> Path:
    """Return a file with the suite as it ran, word for word: its own, or a copy in `folder`. Raises `OSError`."""
    if header.suite_path is not None and _hash_of(Path(header.suite_path)) == header.suite_sha256:
        return Path(header.suite_path)
    slug = re.sub(r"[^a-z0-9]+", "-", header.name.lower()).strip("-")[:40] or "suite"
    copy = folder / f"{slug}-{header.suite_sha256[:SHOWN]}.yaml"
    text = header.suite.encode()
    if _hash_of(copy) != hashlib.sha256(text).hexdigest():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(copy, text)
    return copy


def job_commands(state: SessionState, job: str) -> tuple[Command, Command]:
    """Return the `llmtui run` and the `curl` of a job, or why there is none; writes the suite where it is gone."""
    curl = curl_command(state, job, _key_variable())
    if state.header is None:
        return run_command(state, job, ""), curl
    try:
        suite = suite_file(state.header, places.state_folder() / "suites")
    except OSError as error:
        return Command(None, f"its suite can't be written to {error.filename}: {error.strerror}"), curl
    return run_command(state, job, str(suite)), curl


def reproduction_lines(state: SessionState, job: str) -> list[str]:
    """Return both commands of a job as lines of a shell script."""
    return command_lines(state, job, *job_commands(state, job))


def _hash_of(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
    except OSError:
        return None


def _key_variable() -> Callable[[str], str]:
    """Return what names the environment variable of a server's key, by the settings where those can be read."""
    try:
        settings = read_settings(places.settings_folder())
    except DocumentError:
        return lambda _url: KEY_VARIABLE
    return lambda url: key_variable(settings, url)
