"""What people add to a session: a name, tags and a note, in `SESSION.meta.json` beside the log, which never changes."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from llmtui import wording
from llmtui.log.folder_lock import locked_folder
from llmtui.log.private_file import replace_file

SUFFIX = ".meta.json"
FORMAT = 1
LONGEST_TAG = 40
LONGEST_NAME = 80
LONGEST_NOTE = 4000
MOST_BYTES = 1024 * 1024
"""A larger file is none of ours."""

_NOT_IN_TAGS = ",= "
_NOT_IN_NAMES = "/:@"
"""A slash begins a path; `SESSION:j1` and `SESSION@variant` name parts of a session."""


class SidecarError(Exception):
    """What can't be added to a session, or a file of additions that can't be read: one sentence that says why."""


class Sidecar(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was added to a session. `deleted_at` (ISO 8601) is when it went to the trash."""

    format: int = FORMAT
    name: str | None = None
    tags: tuple[str, ...] = ()
    note: str | None = None
    deleted_at: str | None = None


NOTHING_ADDED = Sidecar()


def sidecar_path(log: Path) -> Path:
    """Return where the additions to `log` are."""
    return log.with_suffix(SUFFIX)


def read_sidecar(log: Path) -> Sidecar:
    """Return what was added to `log`. Raises `SidecarError` for a file that is damaged or of a newer format."""
    path = sidecar_path(log)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SidecarError(f"{path}: too large for tags and a note; correct it or remove it")
        sidecar = msgspec.json.decode(path.read_bytes(), type=Sidecar)
    except FileNotFoundError:
        return NOTHING_ADDED
    except OSError as error:
        raise SidecarError(f"{path}: can't be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SidecarError(f"{path}: damaged: {error}; correct it or remove it") from None
    if sidecar.format > FORMAT:
        raise SidecarError(f"{path}: has format {sidecar.format}, newer than {FORMAT}; update llmtui to read it")
    return sidecar


def change_sidecar(log: Path, change: Callable[[Sidecar], Sidecar]) -> Sidecar:
    """Replace what was added to `log` by what `change` makes of it, and return that. Nothing added is no file.

    Changes from several terminals come one after the other. Raises `SidecarError`; then nothing has changed.
    """
    path = sidecar_path(log)
    try:
        with locked_folder(log.parent):
            sidecar = change(read_sidecar(log))
            if sidecar == NOTHING_ADDED:
                path.unlink(missing_ok=True)
            else:
                replace_file(path, msgspec.json.encode(sidecar) + b"\n")
    except OSError as error:
        raise SidecarError(f"{path}: can't be written: {error.strerror}") from None
    return sidecar


def checked_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return `tags` once each. Raises `SidecarError` for a text that is no tag."""
    for tag in tags:
        if not _is_plain(tag, LONGEST_TAG) or any(character in tag for character in _NOT_IN_TAGS):
            raise SidecarError(
                f"`{wording.visible(tag)}` is no tag; write a word of at most {LONGEST_TAG} letters, without `,` or `=`"
            )
    return tuple(dict.fromkeys(tags))


def checked_name(name: str) -> str | None:
    """Return `name`, None for an empty one. Raises `SidecarError` for what can't name a session."""
    name = name.strip()
    if not name:
        return None
    taken = name == "last" or name.endswith(".jsonl") or any(character in name for character in _NOT_IN_NAMES)
    if taken or not _is_plain(name, LONGEST_NAME):
        raise SidecarError(
            f"`{wording.visible(name)}` can't name a session; "
            f"write at most {LONGEST_NAME} characters without `/`, `:` or `@`, and neither `last` nor a file"
        )
    return name


def checked_note(note: str) -> str | None:
    """Return `note`, None for an empty one. Raises `SidecarError` for one that is too long."""
    note = note.strip()
    if len(note) > LONGEST_NOTE:
        raise SidecarError(f"a note has at most {LONGEST_NOTE} characters, this one {len(note)}")
    return note or None


def _is_plain(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isprintable()
