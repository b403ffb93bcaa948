import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from llmtui import places

PLACES = [
    ("LLMTUI_SETTINGS", places.settings_folder),
    ("LLMTUI_CACHE", places.cache_folder),
    ("LLMTUI_STATE", places.state_folder),
    ("LLMTUI_SESSIONS", places.sessions_folder),
]


@pytest.mark.parametrize(("variable", "folder"), [*PLACES, ("LLMTUI_RUNTIME", places.runtime_folder)])
def test_each_folder_can_be_moved(tmp_path, variable, folder):
    assert folder({variable: str(tmp_path / "moved")}) == tmp_path / "moved"


@pytest.mark.parametrize(("variable", "folder"), PLACES)
def test_an_empty_variable_moves_nothing(variable, folder):
    assert folder({variable: ""}) == folder({})
    assert folder({}).is_absolute()


def test_a_tilde_is_the_home_folder():
    assert places.cache_folder({"LLMTUI_CACHE": "~/models"}) == Path.home() / "models"


def test_results_of_the_current_folder_come_first(tmp_path):
    assert places.sessions_folder({}, tmp_path) != tmp_path / "results"
    (tmp_path / "results").write_text("a file of that name is no folder")
    assert places.sessions_folder({}, tmp_path) != tmp_path / "results"
    (tmp_path / "results").unlink()
    (tmp_path / "results").mkdir()
    assert places.sessions_folder({}, tmp_path) == tmp_path / "results"
    assert places.sessions_folder({"LLMTUI_SESSIONS": "/elsewhere"}, tmp_path) == Path("/elsewhere")


def test_nothing_is_made_by_asking(tmp_path):
    for variable, folder in PLACES:
        assert not folder({variable: str(tmp_path / variable)}).exists()


def test_the_default_runtime_folder_is_the_users_own_and_closed(tmp_path):
    folder = places.runtime_folder({"TMPDIR": str(tmp_path)})
    assert folder == tmp_path / f"llmtui-{os.getuid()}"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o755)
    places.runtime_folder({"TMPDIR": str(tmp_path)})
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_runtime_folder_outlives_the_login(tmp_path):
    """$XDG_RUNTIME_DIR goes away with the last login, and is not set by each; an engine stays."""
    here = {"TMPDIR": str(tmp_path)}
    assert places.runtime_folder({**here, "XDG_RUNTIME_DIR": str(tmp_path / "run")}) == places.runtime_folder(here)


def test_a_new_runtime_folder_is_closed_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        folder = places.runtime_folder({"LLMTUI_RUNTIME": str(tmp_path / "a" / "b")})
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_others_can_write_in_is_refused_and_left_as_it_is(tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o1777)
    environ = {"LLMTUI_RUNTIME": str(tmp_path / "shared")}
    with pytest.raises(places.PlaceError, match="others can write"):
        places.runtime_folder(environ)
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o1777
    (tmp_path / "shared").chmod(0o755)
    assert places.runtime_folder(environ) == tmp_path / "shared"


def test_a_runtime_folder_that_is_a_link_or_a_file_is_refused(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "file").write_text("")
    for name in ("link", "file", "file/below"):
        with pytest.raises(places.PlaceError, match="LLMTUI_RUNTIME"):
            places.runtime_folder({"LLMTUI_RUNTIME": str(tmp_path / name)})


@pytest.mark.privileged
def test_a_runtime_folder_of_somebody_else_is_refused(tmp_path):
    if os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    folder = tmp_path / f"llmtui-{os.getuid()}"
    folder.mkdir(mode=0o700)
    os.chown(folder, 12345, 12345)
    with pytest.raises(places.PlaceError, match="not a folder of yours"):
        places.runtime_folder({"TMPDIR": str(tmp_path)})


def test_the_socket_is_the_same_for_both_ends_and_differs_by_log(tmp_path):
    environ = {"LLMTUI_RUNTIME": str(tmp_path)}
    log = tmp_path / ("x" * 100) / "s.jsonl"
    path = places.control_path(log, environ)
    assert path == places.control_path(Path(os.path.relpath(log)), environ)
    assert path != places.control_path(tmp_path / "other.jsonl", environ)
    assert len(path.name) == len("0123456789abcdef.sock")


def test_a_socket_path_that_no_system_takes_is_refused(tmp_path):
    with pytest.raises(places.PlaceError, match="too long"):
        places.control_path(tmp_path / "s.jsonl", {"LLMTUI_RUNTIME": str(tmp_path / ("y" * 90))})


def test_platformdirs_is_loaded_only_when_it_is_asked():
    code = (
        "import sys; from llmtui import places; places.cache_folder({'LLMTUI_CACHE': '/x'}); "
        "assert 'platformdirs' not in sys.modules; places.cache_folder({}); assert 'platformdirs' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


@pytest.mark.parametrize("named", [{}, {"TEMP": "{here}"}, {"TMP": "{here}"}, {"TMP": "{here}/absent"}])
def test_the_runtime_folder_is_where_tempfile_would_put_it(tmp_path, named):
    environ = {name: value for name, value in os.environ.items() if name not in ("TMPDIR", "TEMP", "TMP")}
    environ |= {name: value.format(here=tmp_path) for name, value in named.items()}
    code = (
        "import sys; from llmtui import places; folder = places.runtime_folder({}).parent; "
        "print('tempfile' in sys.modules); import tempfile; print(str(folder) == tempfile.gettempdir())"
    )
    told = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert told.stdout.split() == [str(bool(named)), "True"]
