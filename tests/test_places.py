import os
import stat
from pathlib import Path

import pytest

from llmtui import places


def test_each_folder_can_be_moved(tmp_path):
    for name, function in [
        ("LLMTUI_SETTINGS", places.settings_folder),
        ("LLMTUI_CACHE", places.cache_folder),
        ("LLMTUI_STATE", places.state_folder),
        ("LLMTUI_SESSIONS", places.sessions_folder),
        ("LLMTUI_RUNTIME", places.runtime_folder),
    ]:
        assert function({name: str(tmp_path / name)}) == tmp_path / name
        assert function({name: ""}) != Path()


def test_results_of_the_current_folder_come_first(tmp_path):
    assert places.sessions_folder({}, tmp_path) != tmp_path / "results"
    (tmp_path / "results").mkdir()
    assert places.sessions_folder({}, tmp_path) == tmp_path / "results"


def test_the_runtime_folder_is_closed_to_others(tmp_path):
    (tmp_path / "open").mkdir(mode=0o755)
    folder = places.runtime_folder({"LLMTUI_RUNTIME": str(tmp_path / "open")})
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_runtime_folder_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(places.PlaceError, match="LLMTUI_RUNTIME"):
        places.runtime_folder({"LLMTUI_RUNTIME": str(tmp_path / "link")})


def test_the_socket_path_is_short_and_depends_on_the_log_alone(tmp_path):
    environ = {"LLMTUI_RUNTIME": str(tmp_path)}
    log = tmp_path / ("x" * 100) / "s.jsonl"
    path = places.control_path(log, environ)
    assert path == places.control_path(Path(os.path.relpath(log)), environ)
    assert path != places.control_path(tmp_path / "other.jsonl", environ)
    with pytest.raises(places.PlaceError, match="too long"):
        places.control_path(log, {"LLMTUI_RUNTIME": str(tmp_path / ("y" * 90))})
