import os
import stat
import threading

import pytest

from llmtui.reports.files.folder import FolderError, check_folder, check_writable, write_files
from llmtui.reports.files.registry import README, SessionFile, readme_head

PAGE = SessionFile(README, f"{readme_head('s1')}\n", "")


def rows(count, *, grows=True):
    return SessionFile("rows.csv", "".join(f"row {number}\n" for number in range(count)), "rows", grows)


def write(folder, *files, **more):
    return write_files(folder, "s1", [PAGE, *files], **more)


def test_folder_and_files_are_the_owners_alone(tmp_path):
    folder = tmp_path / "deep" / "s1.files"
    paths = write(folder, rows(1))
    assert [path.name for path in paths] == [README, "rows.csv"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}


def test_a_file_that_grows_keeps_its_place_on_the_disk(tmp_path):
    write(tmp_path / "f", rows(1))
    path = tmp_path / "f" / "rows.csv"
    before = path.stat().st_ino
    write(tmp_path / "f", rows(3))
    assert path.read_text() == rows(3).text
    assert path.stat().st_ino == before, "whoever follows it by tail -f goes on"


def test_what_is_the_same_is_not_written_again(tmp_path):
    write(tmp_path / "f", rows(2))
    path = tmp_path / "f" / "rows.csv"
    os.utime(path, (1, 1))
    write(tmp_path / "f", rows(2))
    assert path.stat().st_mtime == 1
    write(tmp_path / "f", rows(3))
    assert path.stat().st_mtime != 1


def test_a_viewer_that_is_behind_takes_nothing_back_but_a_report_does(tmp_path):
    write(tmp_path / "f", rows(5))
    write(tmp_path / "f", rows(2))
    assert (tmp_path / "f" / "rows.csv").read_text() == rows(5).text
    write(tmp_path / "f", rows(2), exact=True)
    assert (tmp_path / "f" / "rows.csv").read_text() == rows(2).text


def test_a_file_that_was_changed_is_made_right_again(tmp_path):
    write(tmp_path / "f", rows(2))
    (tmp_path / "f" / "rows.csv").write_text("row 0\nrow one\n")
    write(tmp_path / "f", rows(3))
    assert (tmp_path / "f" / "rows.csv").read_text() == rows(3).text


def test_many_writers_at_once_leave_each_row_once(tmp_path):
    def follow():
        for count in range(1, 60):
            write(tmp_path / "f", rows(count))

    viewers = [threading.Thread(target=follow) for _ in range(4)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join(60)
    assert (tmp_path / "f" / "rows.csv").read_text() == rows(59).text


@pytest.mark.parametrize("name", ["notes.txt", "README.md"])
def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path, name):
    (tmp_path / name).write_text("mine\n")
    for session in (None, "s1"):
        with pytest.raises(FolderError, match="has other files in it; name a new folder"):
            check_folder(tmp_path, session)
    with pytest.raises(FolderError):
        write(tmp_path, rows(1))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine\n"


def test_the_folder_of_one_session_is_not_that_of_another(tmp_path):
    write(tmp_path / "f", rows(1))
    check_folder(tmp_path / "f", "s1")
    for session in (None, "s2"):
        with pytest.raises(FolderError, match="other files"):
            check_folder(tmp_path / "f", session)


def test_what_a_cut_off_write_left_is_no_other_file(tmp_path):
    (tmp_path / ".README.md-abc").write_text("torn")
    check_folder(tmp_path, None)
    assert write(tmp_path, rows(1))


def test_a_file_where_the_folder_should_be_is_named(tmp_path):
    (tmp_path / "f").write_text("")
    with pytest.raises(FolderError, match="is no folder; name another one"):
        check_folder(tmp_path / "f", None)


def test_a_link_is_not_followed(tmp_path):
    mine = tmp_path / "mine"
    mine.write_text("precious")
    write(tmp_path / "f", PAGE)
    (tmp_path / "f" / "rows.csv").symlink_to(mine)
    with pytest.raises(FolderError, match="is a link"):
        write(tmp_path / "f", rows(1))
    assert mine.read_text() == "precious"


def test_a_folder_that_refuses_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match="can't be"):
        write(tmp_path / "file" / "f", rows(1))


@pytest.mark.parametrize("name", ["../up.csv", "/abs", "", ".hidden", "a/b", "a\n"])
def test_a_name_from_elsewhere_stays_in_the_folder(tmp_path, name):
    with pytest.raises(ValueError, match="no plain file name"):
        write(tmp_path / "f", SessionFile(name, "x", ""))
    assert not (tmp_path / "up.csv").exists()


def test_a_folder_that_can_be_written_is_left_as_it_was(tmp_path):
    check_writable(tmp_path / "deep" / "new")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "there").mkdir()
    check_writable(tmp_path / "there")
    assert (tmp_path / "there").is_dir()


def test_a_folder_that_can_not_be_made_is_told_before_it_is_needed(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FolderError, match="can't be written: Not a directory; name another by --out FOLDER"):
        check_writable(tmp_path / "file" / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
