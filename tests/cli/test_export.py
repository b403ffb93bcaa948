import csv
import io
import json
import os
import stat

import pytest
from click.testing import CliRunner
from support.conversation import whole_session
from support.recorded_runs import write_session

from llmtui.cli.main import llmtui


def invoke(*arguments):
    return CliRunner().invoke(llmtui, ["export", *arguments], catch_exceptions=False, prog_name="llmtui")


@pytest.fixture
def log():
    return write_session("20261121-040000-quick-aaaa", whole_session())


def test_each_form_of_each_kind(log):
    for what, count in (("results", 1), ("requests", 3), ("samples", 2), ("steps", 0)):
        document = json.loads(invoke("aaaa", "--what", what).output)
        assert (document["session"], len(document["rows"])) == ("20261121-040000-quick-aaaa", count)
        assert len(list(csv.DictReader(io.StringIO(invoke("aaaa", "--what", what, "--format", "csv").output)))) == count
        assert invoke("aaaa", "--what", what, "--format", "md").output.startswith("# 20261121")


def test_a_file_is_the_owners_alone_and_says_what_the_screen_says(log, tmp_path):
    target = tmp_path / "out.csv"
    target.write_text("old")
    target.chmod(0o644)
    before = os.umask(0)
    try:
        result = invoke("aaaa", "--format", "csv", "-o", str(target))
    finally:
        os.umask(before)
    assert (result.exit_code, result.stdout) == (0, "")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert target.read_text() == invoke("aaaa", "--format", "csv").output


def test_the_log_itself_is_not_overwritten(log, tmp_path):
    before = log.read_bytes()
    (tmp_path / "link").symlink_to(log)
    for target in (log, tmp_path / "link"):
        result = invoke("aaaa", "-o", str(target))
        assert (result.exit_code, "is the session itself" in result.output) == (1, True)
    assert log.read_bytes() == before


def test_what_can_not_be_done_gets_a_sentence(log, tmp_path):
    assert "there is no session `zzzz`" in invoke("zzzz").output
    assert "can't be written: No such file" in invoke("aaaa", "-o", str(tmp_path / "none" / "x")).output
    texts = invoke("aaaa", "--text")
    assert (texts.exit_code, "add --what requests" in texts.output) == (2, True)
    assert invoke("aaaa", "--format", "xlsx").exit_code == 2


def test_rows_is_another_word_for_what(log):
    assert invoke("aaaa", "--rows", "requests").output == invoke("aaaa", "--what", "requests").output


def test_texts_are_there_when_asked_for(log):
    (*_others, row) = json.loads(invoke("aaaa", "--what", "requests", "--text").output)["rows"]
    assert row["answer"] == "w0 w1 w2 w3 "
    assert "w0" not in invoke("aaaa", "--what", "requests").output
