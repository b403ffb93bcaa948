import subprocess
import sys
from pathlib import Path

import pytest
from support.small_disk import on_small_disk

from llmtui.log.disk_reserve import DiskReserve

ROOT = str(Path(__file__).parents[2])


def test_it_leaves_no_name_and_is_given_back_once(tmp_path):
    reserve = DiskReserve(tmp_path, 4096)
    assert list(tmp_path.iterdir()) == []
    assert reserve.restored()
    assert reserve.give_back()
    assert not reserve.give_back()
    assert not reserve.restored(), "it looks again only a second later"


def test_what_was_given_back_is_taken_again_once_a_second_at_most(tmp_path):
    now = [10.0]
    folder = tmp_path / "disk"
    folder.mkdir()
    reserve = DiskReserve(folder, 4096, lambda: now[0])
    reserve.give_back()
    folder.rename(tmp_path / "gone")
    now[0] += 1
    assert not reserve.restored()
    (tmp_path / "gone").rename(folder)
    now[0] += 0.5
    assert not reserve.restored()
    now[0] += 0.5
    assert reserve.restored()
    assert reserve.give_back()


def test_where_there_was_no_room_nothing_is_missed(tmp_path):
    reserve = DiskReserve(tmp_path / "none", 4096)
    assert reserve.restored()
    assert not reserve.give_back()
    assert reserve.restored()


ON_A_DISK = """
import os, sys
from pathlib import Path
from llmtui.log.disk_reserve import DiskReserve
folder = Path(sys.argv[1])
free = lambda: os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
whole = free()
reserve = DiskReserve(folder, 65536)
held = whole - free()
assert 65536 <= held <= 65536 + 8192, held
too_much = DiskReserve(folder, whole)
assert whole - free() == held, "what does not fit is not kept in part"
reserve.give_back()
assert free() == whole
"""


@pytest.mark.privileged
def test_the_room_is_really_held(tmp_path):
    child = on_small_disk(tmp_path, "256k", [sys.executable, "-c", f"import sys; sys.path.insert(0, {ROOT!r})\n{ON_A_DISK}", str(tmp_path)])  # fmt: skip
    done = subprocess.run(child, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
