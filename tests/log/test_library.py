from datetime import UTC, datetime

import msgspec
import pytest
from support.conversation import header, whole_session

from llmtui.log.library import find_session, list_sessions, new_session_path, read_entry
from llmtui.log.read import LogError
from llmtui.log.write import LogWriter

NOW = datetime(2026, 11, 21, 4, 1, 59, tzinfo=UTC)


def write(folder, name, events):
    path = folder / f"{name}.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
    return path


def test_a_new_path_is_dated_and_safe(tmp_path):
    path = new_session_path(tmp_path / "new", "Größe/../x y", NOW, "3fa9")
    assert path.name == "20261121-040159-gr-e-x-y-3fa9.jsonl"
    assert path.parent.is_dir()
    assert new_session_path(tmp_path, "q", NOW) != new_session_path(tmp_path, "q", NOW)


def test_each_state_is_told_apart(tmp_path):
    write(tmp_path, "a-done", whole_session())
    write(tmp_path, "b-cut", whole_session()[:-1])
    (tmp_path / "c-empty.jsonl").write_bytes(b"")
    (tmp_path / "d-foreign.jsonl").write_bytes(b"\x00\x01")
    (tmp_path / "e-folder.jsonl").mkdir()
    writer = LogWriter(tmp_path / "f-runs.jsonl")
    writer.append(header())
    while not (tmp_path / "f-runs.jsonl").stat().st_size:
        pass
    entries = {entry.id: entry for entry in list_sessions(tmp_path)}
    writer.close()
    assert {name: entry.status for name, entry in entries.items()} == {
        "a-done": "completed",
        "b-cut": "cut",
        "c-empty": "damaged",
        "d-foreign": "damaged",
        "e-folder": "damaged",
        "f-runs": "running",
    }
    assert (entries["a-done"].jobs, entries["a-done"].jobs_ended, entries["a-done"].models) == (1, 1, ("smol",))
    assert "cut off" in entries["b-cut"].problem
    assert list(entries) == sorted(entries, reverse=True)


def test_a_torn_last_line_is_a_cut_session(tmp_path):
    path = write(tmp_path, "a", whole_session())
    path.write_bytes(path.read_bytes()[:-5])
    assert read_entry(path).status == "cut"


def test_finding_by_name(tmp_path):
    first = write(tmp_path, "20261121-040000-quick-aaaa", whole_session())
    second = write(tmp_path, "20261121-050000-quick-bbbb", whole_session())
    assert find_session(None, tmp_path) == second
    assert find_session("last", tmp_path) == second
    assert find_session("20261121-04", tmp_path) == first
    assert find_session("aaaa", tmp_path) == first
    assert find_session(str(first), tmp_path) == first
    for text, sentence in [
        ("2026", "could be"),
        ("20261121-040000-quick-aaab", "near are 20261121-040000-quick-aaaa"),
        ("nothing.jsonl", "no such file"),
    ]:
        with pytest.raises(LogError, match=sentence):
            find_session(text, tmp_path)
    with pytest.raises(LogError, match="llmtui run quick"):
        find_session(None, tmp_path / "none")


def test_without_a_name_the_running_session_comes_first(tmp_path):
    writer = LogWriter(tmp_path / "20261121-030000-quick-old.jsonl")
    writer.append(header())
    while not (tmp_path / "20261121-030000-quick-old.jsonl").stat().st_size:
        pass
    write(tmp_path, "20261121-040000-quick-new", whole_session())
    assert find_session(None, tmp_path).stem.endswith("old")
    assert find_session("last", tmp_path).stem.endswith("new")
    writer.close()
