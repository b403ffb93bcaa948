"""Logs of other tools, told by their first lines and made into sessions of ours."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from llmtui.log.aiperf import AiperfRecord, read_aiperf
from llmtui.log.decode import HEADER_PREFIX, LONGEST_LINE, UNREADABLE
from llmtui.log.encode import encode_line
from llmtui.log.imported import ImportedRun, events_of
from llmtui.log.llama_benchy import SCHEMA, BenchyLine, read_benchy
from llmtui.log.private_file import create_file
from llmtui.log.read import LogError, open_log
from llmtui.log.session_path import new_session_path

LOOKED_AT = 20
"""Lines at the start of which one has to say whose log it is."""

KNOWN = "llama-benchy's progress (--emit-progress) and aiperf's profile_export.jsonl"

Line = TypeVar("Line")


class ForeignLogError(Exception):
    """A file that can't be imported: one sentence that says why."""


class _BenchyMark(msgspec.Struct):
    schema: str
    type: str


class Imported(NamedTuple):
    """The session that was made, and what became of the lines that could not be read."""

    path: Path
    run: ImportedRun
    unread: int


def import_file(source: Path, folder: Path, model: str | None = None) -> Imported:
    """Make a session in `folder` of another tool's log; `model` names what the log may not say.

    The same file gives the same name, so that it is imported once. Raises `ForeignLogError`, then without a session.
    """
    digest = hashlib.sha256()
    try:
        kind = _kind(source)
        lines = _lines(source, digest)
        run, unread = _read_benchy(lines) if kind == "llama-benchy" else _read_aiperf(lines, model)
    except LogError as error:
        raise ForeignLogError(str(error)) from None
    if run is None:
        raise ForeignLogError(f"{source}: no request of {kind} stands in it")
    path = new_session_path(folder, run.tool, run.opened_at, digest.hexdigest()[:8])
    try:
        create_file(path, b"".join(map(encode_line, events_of(run, path.stem))))
    except FileExistsError:
        raise ForeignLogError(f"{source} was imported already, as {path.stem}") from None
    except OSError as error:
        raise ForeignLogError(f"{path}: can't be written: {error.strerror}") from None
    return Imported(path, run, unread)


def _kind(source: Path) -> str:
    """Return whose log it is. Raises `ForeignLogError`."""
    for place, line in enumerate(_lines(source, None)):
        if line.startswith(HEADER_PREFIX):
            raise ForeignLogError(f"{source}: a session of llmtui already; copy it to the other sessions")
        if _decoded(line, AiperfRecord) is not None:
            return "aiperf"
        mark = _decoded(line, _BenchyMark)
        if mark is not None and mark.schema == SCHEMA:
            return "llama-benchy"
        if mark is not None and mark.schema.startswith("llama-benchy"):
            raise ForeignLogError(f"{source}: {mark.schema} is not known; what can be read is {SCHEMA}")
        if place + 1 >= LOOKED_AT:
            break
    raise ForeignLogError(f"{source}: not a log that is known; those are {KNOWN}")


def _read_benchy(lines: Iterator[bytes]) -> tuple[ImportedRun | None, int]:
    known, unread = _all(lines, BenchyLine)
    return _noted(read_benchy(line for line in known if line.schema == SCHEMA), unread)


def _read_aiperf(lines: Iterator[bytes], model: str | None) -> tuple[ImportedRun | None, int]:
    known, unread = _all(lines, AiperfRecord)
    return _noted(read_aiperf(known, model), unread)


def _noted(run: ImportedRun | None, unread: int) -> tuple[ImportedRun | None, int]:
    if run is None or not unread:
        return run, unread
    return run._replace(notices=(*run.notices, f"{unread} lines of the imported log could not be read")), unread


def _all(lines: Iterator[bytes], kind: type[Line]) -> tuple[list[Line], int]:
    """Return the lines as what they are, and how many could not be read."""
    found = [_decoded(line, kind) for line in lines if line.strip()]
    known = [line for line in found if line is not None]
    return known, len(found) - len(known)


def _decoded(line: bytes, kind: type[Line]) -> Line | None:
    try:
        return msgspec.json.decode(line, type=kind)
    except UNREADABLE:
        return None


def _lines(source: Path, digest: "hashlib._Hash | None") -> Iterator[bytes]:
    """Yield the lines of a file, each of bounded length. Raises `LogError` for what can't be read."""
    try:
        with io.BufferedReader(open_log(source)) as file:
            while line := file.readline(LONGEST_LINE):
                if digest is not None:
                    digest.update(line)
                yield line
    except OSError as error:
        raise LogError(f"{source}: can't be read: {error.strerror}") from None
