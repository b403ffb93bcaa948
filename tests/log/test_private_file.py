import os
import stat
from pathlib import Path

import pytest

from llmtui.log.private_file import create_file, make_file, replace_file


@pytest.fixture(autouse=True)
def open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_both_are_the_owners_alone(tmp_path):
    replace_file(tmp_path / "a", b"1")
    create_file(tmp_path / "b", b"2")
    assert (mode(tmp_path / "a"), mode(tmp_path / "b")) == (0o600, 0o600)
    assert (tmp_path / "a").read_bytes() + (tmp_path / "b").read_bytes() == b"12"


def test_each_new_file_has_a_name_of_its_own_and_is_the_owners_alone(tmp_path):
    made = [make_file(tmp_path, ".x-") for _ in range(20)]
    for descriptor, path in made:
        os.write(descriptor, path.name.encode())
        os.close(descriptor)
    assert {path.read_text() for _, path in made} == {path.name for path in tmp_path.iterdir()}
    assert {mode(path) for _, path in made} == {0o600}
    with pytest.raises(FileNotFoundError):
        make_file(tmp_path / "absent", ".x-")


def test_a_file_that_others_could_read_is_closed_when_it_is_replaced(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o644)
    replace_file(tmp_path / "a", b"new")
    assert (mode(tmp_path / "a"), (tmp_path / "a").read_bytes()) == (0o600, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_one_that_is_there_is_not_created(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        create_file(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    replace_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_what_is_no_file_is_written_to():
    replace_file(Path("/dev/null"), b"x")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_what_can_not_be_written_leaves_nothing(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_bytes(b"")
    with pytest.raises(OSError):
        replace_file(tmp_path / "folder", b"x")
    with pytest.raises(OSError):
        replace_file(tmp_path / "none" / "a", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_loop_of_links_is_an_error_of_the_system(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(OSError, match="Too many levels"):
        replace_file(tmp_path / "loop", b"x")
    assert (tmp_path / "loop").is_symlink()


def test_pieces_are_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "x"
    replace_file(path, (piece for piece in (b"a", b"b")))
    assert path.read_bytes() == b"ab"

    def fails():
        yield b"c"
        raise ValueError

    with pytest.raises(ValueError):
        replace_file(path, fails())
    assert path.read_bytes() == b"ab"
    assert list(tmp_path.iterdir()) == [path]
