import fcntl
from datetime import UTC, datetime

import msgspec
import pytest
from support.conversation import header, whole_session

from llmtui.log.encode import encode_line
from llmtui.log.library import list_sessions
from llmtui.log.sidecar import change_sidecar, read_sidecar, sidecar_path
from llmtui.log.trash import (
    TrashError,
    delete_session,
    empty_trash,
    is_empty,
    list_trash,
    restore_session,
    trash_folder,
)

NOW = datetime(2026, 11, 21, 9, 0, 0, tzinfo=UTC)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(map(encode_line, whole_session())))
    change_sidecar(path, lambda now: msgspec.structs.replace(now, tags=("keep",)))
    return path


def everything(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_deleted_session_comes_back_as_it_was(log, tmp_path):
    before = everything(tmp_path)
    moved = delete_session(log, tmp_path, NOW)
    assert list_sessions(tmp_path) == []
    (entry,) = list_trash(tmp_path)
    assert (entry.id, entry.status, entry.added.tags) == ("a", "completed", ("keep",))
    assert entry.added.deleted_at == "2026-11-21T09:00:00+00:00"
    assert restore_session(moved, tmp_path) == log
    assert everything(tmp_path) == before
    assert is_empty(tmp_path)


def test_the_files_of_a_session_go_with_it(log, tmp_path):
    folder = tmp_path / "a.files"
    folder.mkdir()
    (folder / "student.csv").write_text("rows")
    before = everything(tmp_path)
    moved = delete_session(log, tmp_path, NOW)
    assert not folder.exists()
    restore_session(moved, tmp_path)
    assert everything(tmp_path) == before
    delete_session(log, tmp_path, NOW)
    assert empty_trash(tmp_path, list_trash(tmp_path)) == 1
    assert everything(tmp_path) == {}
    assert not trash_folder(tmp_path).exists()


def test_one_without_additions_leaves_none_behind(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"damaged")
    restore_session(delete_session(path, tmp_path, NOW), tmp_path)
    assert everything(tmp_path) == {"a.jsonl": b"damaged"}


def test_the_trash_keeps_two_of_the_same_name(log, tmp_path):
    delete_session(log, tmp_path, NOW)
    log.write_bytes(encode_line(header(name="second")))
    moved = delete_session(log, tmp_path, NOW)
    assert moved.stem == "a-2"
    assert {entry.id: entry.header.name for entry in list_trash(tmp_path)} == {"a": "quick", "a-2": "second"}
    assert read_sidecar(trash_folder(tmp_path) / "a.jsonl").tags == ("keep",)
    assert read_sidecar(moved).tags == ()


def test_what_is_there_again_is_not_overwritten(log, tmp_path):
    moved = delete_session(log, tmp_path, NOW)
    log.write_bytes(b"another")
    with pytest.raises(TrashError, match="a session of this name is in"):
        restore_session(moved, tmp_path)
    assert (log.read_bytes(), moved.exists(), read_sidecar(moved).tags) == (b"another", True, ("keep",))


def test_a_running_session_stays(log, tmp_path):
    with log.open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(TrashError, match="runs; end it first: llmtui ctl stop a"):
            delete_session(log, tmp_path, NOW)
    assert log.exists()
    delete_session(log, tmp_path, NOW)


def test_what_is_no_session_of_the_folder_stays(log, tmp_path):
    (tmp_path / "b.jsonl").mkdir()
    with pytest.raises(TrashError, match="a folder, not a log"):
        delete_session(tmp_path / "b.jsonl", tmp_path, NOW)
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(TrashError, match="only sessions there go to the trash"):
        delete_session(log, tmp_path / "elsewhere", NOW)
    with pytest.raises(TrashError, match="can't be moved to the trash: No such file"):
        delete_session(tmp_path / "c.jsonl", tmp_path, NOW)
    assert is_empty(tmp_path)


def test_of_a_link_only_the_link_goes(log, tmp_path):
    (tmp_path / "link.jsonl").symlink_to(log)
    delete_session(tmp_path / "link.jsonl", tmp_path, NOW)
    empty_trash(tmp_path, list_trash(tmp_path))
    assert log.exists()


def test_a_deletion_that_was_cut_short_can_be_done_again(log, tmp_path):
    trash_folder(tmp_path).mkdir()
    sidecar_path(log).replace(trash_folder(tmp_path) / "a.meta.json")
    moved = delete_session(log, tmp_path, NOW)
    assert (moved.stem, read_sidecar(moved).tags) == ("a", ("keep",))


def test_damaged_additions_stop_neither_way(log, tmp_path):
    sidecar_path(log).write_bytes(b"{")
    moved = delete_session(log, tmp_path, NOW)
    assert "damaged" in list_trash(tmp_path)[0].problem
    restore_session(moved, tmp_path)
    assert sidecar_path(log).read_bytes() == b"{"


def test_emptied_is_for_good_and_only_what_was_listed(log, tmp_path):
    delete_session(log, tmp_path, NOW)
    entries = list_trash(tmp_path)
    log.write_bytes(b"later")
    delete_session(log, tmp_path, NOW)
    assert empty_trash(tmp_path, entries) == 1
    assert [entry.id for entry in list_trash(tmp_path)] == ["a-2"]
    empty_trash(tmp_path, list_trash(tmp_path))
    assert not trash_folder(tmp_path).exists()
    assert everything(tmp_path) == {}
