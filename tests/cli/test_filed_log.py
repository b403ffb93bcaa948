import shutil

import pytest
from support.summaries import SESSIONS

from llmtui.cli.filed_log import FiledLog
from llmtui.tui.frame import Keeping, Pump


def test_the_screens_pump_keeps_the_files_of_a_log_that_it_follows(tmp_path):
    log = shutil.copy(SESSIONS / "student.jsonl", tmp_path / "a.jsonl")
    follower = FiledLog(log)
    try:
        assert isinstance(follower, Keeping)
        assert follower.files is None
        frame = Pump(follower).step()
        assert frame.notice is None
        assert follower.files == tmp_path / "a.files"
        assert len((tmp_path / "a.files" / "student.csv").read_text().splitlines()) == 5
    finally:
        follower.close()


def test_a_folder_that_refuses_is_told_once(tmp_path):
    log = shutil.copy(SESSIONS / "student.jsonl", tmp_path / "a.jsonl")
    (tmp_path / "elsewhere").write_text("in the way")
    follower = FiledLog(log, tmp_path / "elsewhere")
    try:
        pump = Pump(follower)
        assert "is no folder" in pump.step().notice
        assert [follower.keep(pump.state, last=True) for _ in range(3)] == [None] * 3
        assert follower.files is None
    finally:
        follower.close()


@pytest.mark.parametrize(("session", "told"), [("sweep", 1), ("student", 0)])
def test_a_folder_that_was_asked_for_and_got_nothing_is_told(tmp_path, session, told):
    log = shutil.copy(SESSIONS / f"{session}.jsonl", tmp_path / "a.jsonl")
    follower = FiledLog(log, tmp_path / "out")
    try:
        assert follower.notices() == []
        pump = Pump(follower)
        pump.step()
        follower.keep(pump.state, last=True)
        assert len([line for line in follower.notices() if "nothing was written" in line]) == told
    finally:
        follower.close()
