"""The files that the sampler reads, redacted, in an archive that stands for the machine in a test."""

import io
import os
import posixpath
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from llmtui import __version__
from llmtui.telemetry.base import read_text, under
from llmtui.telemetry.dump import Recording
from llmtui.telemetry.redaction import Redactor

_README = """\
Sensors of a machine, written by llmtui {version} (`llmtui doctor --dump-sensors FILE`).

root/           the files that llmtui's sampler reads, with what they held at its first look
later/          those that held something else at its second look
readings.json   what the sampler made of them, the time of both looks (ns), and the files that it may not read

To look at it:  tar xzf FILE
                python -m llmtui.telemetry.sampler --root $PWD/root --once

Left out: every file that the sampler does not read; the figures of NVIDIA's driver, which are no files (add the output
of `nvidia-smi -q` if they matter); all processes but those of a server named by --url; the table of sockets.
Replaced by stand-ins of the same shape, each by the same one everywhere: the machine's name, the names of its users,
serial numbers, unique ids, MAC addresses, ids of containers. In command lines keys, tokens, passwords and addresses are
hidden. Empty files stand for names that were listed but not read.

Please look through it before you hand it on.
"""


class Readings(msgspec.Struct, frozen=True):
    """The archive's readings.json: what the sampler made of the files at the second look, `times_ns` after the first.

    `refused` maps files to the names of their errors; `pids` are the processes of the server that was watched.
    """

    llmtui: str
    times_ns: tuple[int, int]
    values: dict[str, float]
    missing: dict[str, str]
    refused: dict[str, str]
    pids: tuple[int, ...] = ()


def names_to_hide(root: str = "/") -> Redactor:
    """Return a redactor that knows this machine's name and its user's."""
    users = {os.environ.get(name, "") for name in ("USER", "LOGNAME", "SUDO_USER")}
    users.add(Path.home().name)
    return Redactor(read_text(under(root, "/proc/sys/kernel/hostname")) or os.uname().nodename, users - {"root"})


def write(recording: Recording, target: Path, redactor: Redactor) -> None:
    """Write the archive, readable by its owner only; raise OSError, FileExistsError rather than replace a file."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            for name, data in _members(recording, redactor):
                _add(archive, name, data)
            places = _Places(recording.links, redactor)
            for path, end in recording.links.items():
                _add_link(archive, places.of(path, follow=False), places.of(end))
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _members(recording: Recording, redactor: Redactor) -> Iterator[tuple[str, bytes | None]]:
    """Yield the files of the archive by name; None stands for an empty folder."""
    places = _Places(recording.links, redactor)
    kept = {path: redactor.content(path, data) for path, data in recording.first.items()}
    later = {path: redactor.content(path, data) for path, data in recording.second.items()}
    later = {path: data for path, data in later.items() if data != kept[path]}
    readings = Readings(
        llmtui=__version__,
        times_ns=recording.times_ns,
        values=recording.values,
        missing={key: redactor.text(reason) for key, reason in recording.missing.items()},
        refused={places.of(path): name for path, name in recording.refused.items()},
        pids=recording.pids,
    )
    yield "README.txt", _README.format(version=__version__).encode()
    yield "readings.json", msgspec.json.format(msgspec.json.encode(readings)) + b"\n"
    for path, data in kept.items():
        yield f"root{places.of(path)}", data
    for path in recording.refused:
        yield f"root{places.of(path)}", b""
    there = {places.of(path) for path in (*kept, *recording.refused)}
    there |= {places.of(path, follow=False) for path in recording.links}
    there |= {places.of(path) for path in recording.folders}
    inner = {folder for path in there for folder in _parents(path)}
    for folder, names in recording.folders.items():
        if not names:
            yield f"root{places.of(folder)}", None
        for name in names:
            place = f"{places.of(folder)}/{redactor.path(name)}"
            # What was listed but not read is there by its name only.
            if place not in there and place not in inner:
                there.add(place)
                yield f"root{place}", b""
    for path, data in later.items():
        yield f"later{places.of(path)}", data


class _Places:
    """Where in the archive a path of the machine is kept: behind the links that lead there, and redacted."""

    def __init__(self, links: dict[str, str], redactor: Redactor) -> None:
        self._links = sorted(links.items(), key=lambda link: -len(link[0]))
        self._redactor = redactor

    def of(self, path: str, *, follow: bool = True) -> str:
        for link, end in self._links if follow else ():
            if path.startswith(f"{link}/"):
                path = end + path[len(link) :]
                break
        return self._redactor.path(path)


def _parents(path: str) -> Iterator[str]:
    while len(path := posixpath.dirname(path)) > 1:
        yield path


def _add(archive: tarfile.TarFile, name: str, data: bytes | None) -> None:
    member = tarfile.TarInfo(name)
    member.mode = 0o644
    if data is None:
        member.type, member.mode = tarfile.DIRTYPE, 0o755
    else:
        member.size = len(data)
    archive.addfile(member, io.BytesIO(data or b""))


def _add_link(archive: tarfile.TarFile, path: str, end: str) -> None:
    member = tarfile.TarInfo(f"root{path}")
    member.type = tarfile.SYMTYPE
    member.linkname = posixpath.relpath(end, posixpath.dirname(path))
    archive.addfile(member)
