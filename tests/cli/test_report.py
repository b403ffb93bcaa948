import shutil

import pytest
from click.testing import CliRunner
from support.recorded_runs import runs, write_session
from support.summaries import SESSIONS

from llmtui import places
from llmtui.cli.main import llmtui


def run(*arguments):
    return CliRunner().invoke(llmtui, arguments)


@pytest.fixture
def log():
    folder = places.sessions_folder()
    folder.mkdir(parents=True)
    return shutil.copy(SESSIONS / "student.jsonl", folder / "recorded.jsonl")


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_files_of_a_session_are_written_beside_its_log(log):
    result = run("report", "recorded")
    assert result.exit_code == 0, result.output
    folder = log.with_name("recorded.files")
    assert result.output.splitlines() == [str(folder / name) for name in ("README.md", "student.csv")]
    assert len((folder / "student.csv").read_text().splitlines()) == 5
    before = content(folder)
    (folder / "student.csv").write_text("torn")
    assert run("report", "last").exit_code == 0
    assert content(folder) == before


def test_another_folder_has_the_same_files(log, tmp_path):
    run("report", "recorded")
    result = run("report", "recorded", "--out", str(tmp_path / "out"))
    assert result.exit_code == 0
    assert content(tmp_path / "out") == content(log.with_name("recorded.files"))


def test_a_folder_of_something_else_is_refused(log, tmp_path):
    (tmp_path / "thesis.md").write_text("years of work")
    result = run("report", "recorded", "--out", str(tmp_path))
    assert result.exit_code == 1
    assert "has other files in it; name a new folder" in result.output
    assert (tmp_path / "thesis.md").read_text() == "years of work"
    assert not (tmp_path / "student.csv").exists()


def test_a_session_without_files_says_what_there_is_instead():
    write_session("plain", runs([100.0]))
    result = run("report", "plain")
    assert result.exit_code == 1
    assert "llmtui export plain" in result.output


def test_a_session_that_is_not_there_is_named(log):
    assert "no session `recordet`" in run("report", "recordet").output


def test_who_watches_a_session_in_lines_writes_its_files(log):
    result = run("attach", "recorded", "--plain")
    folder = log.with_name("recorded.files")
    assert f"files: {folder}" in result.output
    live = content(folder)
    shutil.rmtree(folder)
    run("report", "recorded")
    assert content(folder) == live


def test_a_replay_writes_nothing(log):
    run("replay", "recorded", "--plain", "--speed", "max")
    assert not log.with_name("recorded.files").exists()


def test_a_folder_that_refuses_is_said_and_the_results_come_all_the_same(log):
    log.with_name("recorded.files").write_text("in the way")
    result = run("attach", "recorded", "--plain")
    assert result.exit_code == 0
    assert result.output.count("the files of this session were not written") == 1
    assert "questions of pupils: 4 of 4 were answered" in result.output
    assert "files: " not in result.output.splitlines()[-1]


def test_a_run_looks_at_its_folder_before_anything_is_measured(tmp_path):
    (tmp_path / "thesis.md").write_text("years of work")
    result = run("run", "student", "--out", str(tmp_path), "--plain")
    assert result.exit_code == 1
    assert "has other files in it" in result.output
    result = run("run", "student", "--out", str(tmp_path / "thesis.md" / "new"), "--plain")
    assert result.exit_code == 1
    assert "can't be written" in result.output
    result = run("run", "student", "--out", str(tmp_path / "new"), "--detach")
    assert result.exit_code == 2
    assert "llmtui report SESSION --out FOLDER" in result.output
    assert list(places.sessions_folder().glob("*")) == []
