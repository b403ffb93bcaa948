import os
import stat
import time

import pytest
from support.conversation import header, queued, whole_session

from llmtui import events as ev
from llmtui.log import summary as module
from llmtui.log.encode import encode_line
from llmtui.log.summary import FileFacts, LogSummary, SummaryIndex, summarize_log

LATER_NS = 10_000_000_000


def write(path, events):
    path.write_bytes(b"".join(map(encode_line, events)))
    return path


def later():
    """A clock that says that all files have settled."""
    return time.time_ns() + LATER_NS


def look(index, *paths, running=False, now_ns=later):
    """Ask an index as a process of its own would, and save it."""
    summaries = SummaryIndex(index, now_ns)
    found = [summaries.summary(path, running=running) for path in paths]
    summaries.save()
    return found


@pytest.fixture
def index(tmp_path):
    return tmp_path / "state" / "index.json"


@pytest.fixture
def log(tmp_path):
    return write(tmp_path / "a.jsonl", whole_session())


def forge(index, old, new):
    """Change what an index remembers, so that it shows whether it was asked."""
    index.write_bytes(index.read_bytes().replace(old, new))


def test_what_is_remembered_is_what_was_read(index, log):
    first = look(index, log)
    assert first == look(index, log) == [(summarize_log(log), log.stat().st_size)]
    assert stat.S_IMODE(index.stat().st_mode) == 0o600
    assert stat.S_IMODE(index.parent.stat().st_mode) == 0o700


def test_a_log_that_is_the_same_is_not_read_again(index, log):
    look(index, log)
    forge(index, b'"smol"', b'"forged"')
    assert look(index, log)[0][0].models == ("forged",)


@pytest.mark.parametrize("change", ["longer", "same size", "same size and time", "other file"])
def test_a_log_that_has_changed_is_read_again(index, log, change):
    look(index, log)
    forge(index, b'"smol"', b'"forged"')
    facts = log.stat()
    time.sleep(0.02)
    if change == "longer":
        with log.open("ab") as file:
            file.write(encode_line(queued("j9", model="other")))
    elif change == "other file":
        write(log.with_name("b"), whole_session()).replace(log)
        os.utime(log, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    else:
        log.write_bytes(log.read_bytes().replace(b'"smol"', b'"tiny"'))
        if change == "same size and time":
            os.utime(log, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    expected = {"longer": ("smol", "other"), "other file": ("smol",)}
    assert look(index, log)[0][0].models == expected.get(change, ("tiny",))


def test_a_log_that_has_just_changed_is_not_remembered(index, log):
    look(index, log, now_ns=time.time_ns)
    assert not index.exists()
    look(index, log, now_ns=lambda: 0)
    assert not index.exists(), "a clock that runs behind the file's is no reason to trust it"
    look(index, log)
    assert index.exists()


def test_a_log_that_an_engine_writes_is_read_each_time(index, log):
    look(index, log, running=True)
    assert not index.exists()
    look(index, log)
    forge(index, b'"smol"', b'"forged"')
    assert look(index, log, running=True)[0][0].models == ("smol",)


def test_what_is_gone_is_forgotten(index, log, tmp_path):
    other = write(tmp_path / "b.jsonl", whole_session())
    look(index, log, other)
    look(index, log)
    assert b"a.jsonl" in index.read_bytes()
    assert b"b.jsonl" not in index.read_bytes()


@pytest.mark.parametrize("damage", [b"", b"{", b'{"stamp":"0","files":{}}', b"\xff", b'{"files":[]}'])
def test_a_damaged_or_foreign_index_is_done_without(index, log, damage):
    look(index, log)
    index.write_bytes(damage)
    assert look(index, log)[0][0] == summarize_log(log)
    assert look(index, log)[0][0] == summarize_log(log)


def test_an_index_of_another_version_is_not_believed(index, log):
    look(index, log)
    forge(index, b'"smol"', b'"forged"')
    forge(index, module.STAMP.encode(), b"1 0.0.0 1")
    assert look(index, log)[0][0].models == ("smol",)


def test_an_index_that_can_not_be_written_is_done_without(log, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert look(tmp_path / "file" / "index.json", log) == look(None, log)


def test_what_is_no_log_says_so_also_from_memory(index, tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b"\x00")
    assert look(index, path) == look(index, path)
    assert "not a log of llmtui" in look(index, path)[0][0].error
    with pytest.raises(FileNotFoundError):
        look(index, tmp_path / "none.jsonl")


def test_the_facts_are_of_the_file_behind_a_link(tmp_path, log):
    (tmp_path / "link.jsonl").symlink_to(log)
    assert FileFacts.of(tmp_path / "link.jsonl") == FileFacts.of(log)


def finished(job, **changes):
    return ev.JobFinished(t=1, job=job, **{"status": "done", **changes})


@pytest.mark.parametrize(
    ("events", "verdicts"),
    [
        ([], ()),
        ([finished("j1")], ()),
        ([finished("j1", passed=True), finished("j2", passed=True)], ("passed",)),
        ([finished("j1", passed=True), finished("j2", passed=False)], ("not passed",)),
        ([finished("j1", status="failed", reason="x"), finished("j1")], ()),
        ([finished("j1", status="failed", reason="x", cause="overheated")], ("overheated", "1 failed")),
        ([finished("j1", status="skipped", reason="x", cause="user")], ()),
        ([ev.VerdictReached(t=1, job="j1", verdict="stable", sentence="x")] * 2, ("stable",)),
        ([ev.AlertRaised(t=1, severity="warning", code=ev.CLIENT_BOUND, text="x")], ("client-bound",)),
        ([ev.AlertRaised(t=1, severity="warning", code="other", text="x")], ()),
    ],
)
def test_the_verdicts_of_a_session(tmp_path, events, verdicts):
    assert summarize_log(write(tmp_path / "a.jsonl", [header(), *events])).verdicts == verdicts


def test_an_end_that_was_taken_back_is_none(tmp_path):
    path = write(tmp_path / "a.jsonl", [*whole_session(), queued("j2")])
    assert summarize_log(path) == LogSummary(header=header(), jobs=2, jobs_ended=1, models=("smol",))
