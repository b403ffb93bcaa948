import os
import signal
import subprocess
import sys
import time
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from support.conversation import header, queued, whole_session
from support.entries import read_entry

from llmtui import events as ev
from llmtui.log.encode import encode_line
from llmtui.log.library import find_session, list_sessions
from llmtui.log.read import LogError
from llmtui.log.session_path import new_session_path
from llmtui.log.sidecar import Sidecar, change_sidecar, sidecar_path
from llmtui.log.write import LogWriter

ROOTS = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]
NOW = datetime(2026, 11, 21, 4, 1, 59, tzinfo=UTC)
MIB = 1024 * 1024


def write(folder, name, events):
    path = folder / f"{name}.jsonl"
    path.write_bytes(b"".join(map(encode_line, events)))
    return path


def opened(moment, **changes):
    return [header(opened_at=f"2026-11-21T{moment}:00Z", **changes), *whole_session()[1:]]


@pytest.fixture
def running(tmp_path):
    """Start engines that write a log and do nothing else."""
    engines = []
    code = (
        f"import sys, time; sys.path[:0] = {ROOTS!r}; from pathlib import Path; from support.conversation import header; "
        "from llmtui.log.write import LogWriter; writer = LogWriter(Path(sys.argv[1])); "
        "writer.append(header(opened_at=sys.argv[2])) if sys.argv[2] else None; time.sleep(0.1); "
        "print('open', flush=True); time.sleep(60)"
    )

    def start(name, opened_at="2026-11-21T04:00:00Z"):
        path = tmp_path / f"{name}.jsonl"
        engine = subprocess.Popen([sys.executable, "-c", code, str(path), opened_at], stdout=subprocess.PIPE)
        engines.append(engine)
        assert engine.stdout.readline() == b"open\n"
        return engine

    yield start
    for engine in engines:
        engine.kill()
        engine.communicate()


def test_a_new_path_is_dated_and_safe(tmp_path):
    path = new_session_path(tmp_path / "new", "Größe/../x y", NOW, "3fa9")
    assert path.name == "20261121-040159-gr-e-x-y-3fa9.jsonl"
    assert path.parent.is_dir()
    assert len(new_session_path(tmp_path, "x" * 500, NOW).name) < 80
    assert new_session_path(tmp_path, "", NOW, "a").stem == "20261121-040159-session-a"
    assert new_session_path(tmp_path, "q", NOW) != new_session_path(tmp_path, "q", NOW)


def test_what_an_entry_says(tmp_path):
    path = write(tmp_path, "a", [*whole_session()[:-1], queued("j2", model="other"), queued("j2", model="other")])
    entry = read_entry(path)
    assert (entry.id, entry.path, entry.header) == ("a", path, header())
    assert (entry.jobs, entry.jobs_ended, entry.models) == (2, 1, ("smol", "other"))
    assert entry.size == path.stat().st_size


@pytest.mark.parametrize(
    ("events", "status"),
    [
        (whole_session(), "completed"),
        ([*whole_session()[:-1], ev.SessionFinished(t=1, outcome="stopped")], "stopped"),
        ([*whole_session()[:-1], ev.SessionFinished(t=1, outcome="failed", reason="x")], "failed"),
        ([*whole_session(), ev.SampleTaken(t=1, values={}), ev.AlertRaised(t=1, severity="info", code="x", text="x")], "completed"),
        ([*whole_session(), queued("j2")], "cut"),
        (whole_session()[:-1], "cut"),
        ([header()], "cut"),
        (whole_session()[1:], "damaged"),
    ],
)  # fmt: skip
def test_the_state_is_told_from_how_the_log_ends(tmp_path, events, status):
    entry = read_entry(write(tmp_path, "a", events))
    assert entry.status == status
    assert (entry.problem is None) == (status in {"completed", "stopped", "failed"})


def test_an_engine_that_lives_and_one_that_was_killed(tmp_path, running):
    engine = running("a")
    assert (read_entry(tmp_path / "a.jsonl").status, read_entry(tmp_path / "a.jsonl").problem) == ("running", None)
    os.kill(engine.pid, signal.SIGKILL)
    engine.wait()
    entry = read_entry(tmp_path / "a.jsonl")
    assert (entry.status, entry.header) == ("cut", header())
    assert entry.problem == "the engine was cut off; what it measured until then is here, and `llmtui resume` goes on"


def test_an_engine_that_has_not_written_yet_is_no_damage(tmp_path, running):
    running("a", opened_at="")
    assert (tmp_path / "a.jsonl").stat().st_size == 0
    assert (read_entry(tmp_path / "a.jsonl").status, read_entry(tmp_path / "a.jsonl").problem) == ("running", None)


def test_damage_is_told_and_stops_nothing(tmp_path):
    write(tmp_path, "good", whole_session())
    (tmp_path / "empty.jsonl").write_bytes(b"")
    (tmp_path / "foreign.jsonl").write_bytes(b"\x00\x01")
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "dangling.jsonl").symlink_to(tmp_path / "nowhere")
    (tmp_path / "nested.jsonl").write_bytes(b"{" * 100_000)
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / ".hidden.jsonl").write_bytes(b"of another program")
    (tmp_path / "notes.txt").write_bytes(b"of the user")
    entries = {entry.id: entry for entry in list_sessions(tmp_path)}
    assert {name: entry.status for name, entry in entries.items()} == {
        "good": "completed",
        "empty": "damaged",
        "foreign": "damaged",
        "folder": "damaged",
        "dangling": "damaged",
        "nested": "damaged",
        "pipe": "damaged",
    }
    assert all("\n" not in entry.problem and entry.id in entry.problem for entry in entries.values() if entry.problem)
    assert entries["good"].problem is None


def test_damage_within_a_log_is_told_beside_its_state(tmp_path):
    path = write(tmp_path, "a", whole_session())
    path.write_bytes(path.read_bytes().replace(b'{"ev":"job_started"', b'{"ev":"job_sta\x00\x00\x00"'))
    entry = read_entry(path)
    assert (entry.status, entry.problem) == ("completed", "no event could be read from line 3")
    path.write_bytes(path.read_bytes()[:-5])
    assert read_entry(path).status == "cut"
    assert read_entry(path).problem.endswith("the last line was cut off and is left out")


def test_a_folder_that_is_not_there_has_no_sessions(tmp_path):
    assert list_sessions(tmp_path / "none") == []


def test_the_newest_comes_first_whatever_it_is_called(tmp_path):
    write(tmp_path, "b", opened("03:00"))
    write(tmp_path, "a", opened("05:00"))
    write(tmp_path, "c", opened("04:00"))
    write(tmp_path, "d", [header(opened_at="yesterday")])
    os.utime(tmp_path / "d.jsonl", (0, 0))
    (tmp_path / "e.jsonl").write_bytes(b"damaged")
    assert [entry.id for entry in list_sessions(tmp_path)] == ["e", "a", "c", "b", "d"]


def test_a_list_reads_each_byte_once_and_makes_no_object_of_a_token(tmp_path):
    tokens = ev.TokensReceived(t=1, request="j1.1", offsets_us=(1,) * 50, texts=("word ",) * 50)
    write(tmp_path, "a", [*whole_session()[:-1], *[tokens] * 5000, whole_session()[-1]])
    size = (tmp_path / "a.jsonl").stat().st_size
    assert size > 2 * MIB
    try:
        before = Path("/proc/self/io").read_text()
        tracemalloc.start()
        (entry,) = list_sessions(tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        after = Path("/proc/self/io").read_text()
    except OSError:
        pytest.skip("the kernel does not count reads here")
    read = [int(text.split("rchar:")[1].split()[0]) for text in (before, after)]
    assert entry.status == "completed"
    assert peak < 5 * MIB
    assert read[1] - read[0] < size + 10_000


# --- finding -------------------------------------------------------------------------------------------------------


@pytest.fixture
def two(tmp_path):
    first = write(tmp_path, "20261121-040000-quick-aaaa", opened("04:00"))
    second = write(tmp_path, "20261121-050000-quick-bbbb", opened("05:00"))
    return first, second


@pytest.mark.parametrize(
    ("text", "which"),
    [
        (None, 1),
        ("last", 1),
        ("20261121-040000-quick-aaaa", 0),
        ("20261121-04", 0),
        ("aaaa", 0),
        ("20261121-040000-quick-aaaa.jsonl", 0),
    ],
)
def test_a_session_is_found_by(tmp_path, two, text, which):
    assert find_session(text, tmp_path) == two[which]


def test_a_session_is_found_by_its_path(tmp_path, two):
    assert find_session(str(two[0]), tmp_path / "elsewhere") == two[0]
    relative = os.path.relpath(two[0])
    assert find_session(relative, tmp_path / "elsewhere") == Path(relative)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("2026", "`2026` could be 20261121-050000-quick-bbbb, 20261121-040000-quick-aaaa; write more of it"),
        ("20261121-040000-quick-aaab", "near are 20261121-040000-quick-aaaa"),
        ("zzz", "there is no session `zzz` in .*; see `llmtui sessions`"),
        ("nothing.jsonl", "no such file"),
        ("no/where", "no such file"),
    ],
)
def test_what_is_not_found_gets_one_sentence(tmp_path, two, text, sentence):
    with pytest.raises(LogError, match=sentence):
        find_session(text, tmp_path)


def test_an_exact_name_beats_a_longer_one(tmp_path):
    exact = write(tmp_path, "a", whole_session())
    write(tmp_path, "ab", whole_session())
    assert find_session("a", tmp_path) == exact


def test_many_that_could_be_meant_are_not_all_named(tmp_path):
    for number in range(8):
        write(tmp_path, f"s{number}", [header()])
    with pytest.raises(LogError, match="s7, s6, s5, s4, s3 or 3 others"):
        find_session("s", tmp_path)


@pytest.mark.parametrize("text", [None, "last", "x"])
def test_without_sessions_it_says_how_to_make_one(tmp_path, text):
    with pytest.raises(LogError, match="`llmtui run quick` makes one"):
        find_session(text, tmp_path / "none")


def test_without_a_name_the_running_session_comes_first(tmp_path, running):
    running("20261121-030000-quick-old", "2026-11-21T03:00:00Z")
    for number in range(30):
        write(tmp_path, f"20261121-0400{number}-quick-new", opened(f"04:{number:02}"))
    assert find_session(None, tmp_path).stem == "20261121-030000-quick-old"
    assert find_session("last", tmp_path).stem == "20261121-040029-quick-new"


def test_finding_the_last_of_many_reads_only_headers(tmp_path):
    tokens = ev.TokensReceived(t=1, request="j1.1", offsets_us=(1,) * 50, texts=("word ",) * 50)
    for number in range(5):
        write(tmp_path, f"s{number}", [header(), *[tokens] * 1000])
    try:
        before = Path("/proc/self/io").read_text()
        find_session(None, tmp_path)
        after = Path("/proc/self/io").read_text()
    except OSError:
        pytest.skip("the kernel does not count reads here")
    read = [int(text.split("rchar:")[1].split()[0]) for text in (before, after)]
    assert read[1] - read[0] < 5 * 20_000


def test_the_same_process_may_look_at_what_it_writes(tmp_path):
    writer = LogWriter(tmp_path / "a.jsonl")
    writer.append(header())
    end = time.monotonic() + 10
    while not (tmp_path / "a.jsonl").stat().st_size:
        assert time.monotonic() < end
        time.sleep(0.005)
    assert [entry.status for entry in list_sessions(tmp_path)] == ["running"]
    writer.close()
    assert [entry.status for entry in list_sessions(tmp_path)] == ["cut"]


# --- what people added ---------------------------------------------------------------------------------------------


def add(path, **changes):
    change_sidecar(path, lambda now: msgspec.structs.replace(now, **changes))


def test_a_list_tells_what_was_added_and_stops_at_nothing(tmp_path, two):
    add(two[0], tags=("base",), note="quiet room", name="before")
    sidecar_path(two[1]).write_bytes(b"{")
    second, first = list_sessions(tmp_path)
    assert (first.added.tags, first.added.note, first.added.name, first.problem) == (
        ("base",),
        "quiet room",
        "before",
        None,
    )
    assert (second.added, second.status) == (Sidecar(), "completed")
    assert "meta.json: damaged" in second.problem


def test_a_session_is_found_by_its_name_before_a_part_of_an_id(tmp_path, two):
    add(two[0], name="bbbb")
    assert find_session("bbbb", tmp_path) == two[0]
    assert find_session("20261121-050000-quick-bbbb", tmp_path) == two[1]
    add(two[0], name="before the update")
    assert find_session("before the update", tmp_path) == two[0]
    assert find_session("bbbb", tmp_path) == two[1]


def test_a_name_whose_log_is_gone_finds_nothing(tmp_path, two):
    add(two[0], name="before")
    two[0].unlink()
    with pytest.raises(LogError, match="no session `before`"):
        find_session("before", tmp_path)


def test_an_index_changes_nothing_but_the_time(tmp_path, two):
    index = tmp_path / "index.json"
    for path in two:
        os.utime(path, (0, 0))
    plain = list_sessions(tmp_path)
    assert list_sessions(tmp_path, index) == list_sessions(tmp_path, index) == plain


def test_a_running_session_is_told_from_its_lock_and_not_from_the_index(tmp_path, running):
    index = tmp_path / "index.json"
    engine = running("a")
    assert [entry.status for entry in list_sessions(tmp_path, index)] == ["running"]
    engine.kill()
    engine.wait()
    assert [entry.status for entry in list_sessions(tmp_path, index)] == ["cut"]
