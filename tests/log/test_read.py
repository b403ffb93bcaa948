import gc
import os
import stat
import tracemalloc
from pathlib import Path

import pytest
from support.conversation import header, whole_session

from llmtui import events as ev
from llmtui.log.encode import encode_line
from llmtui.log.read import LogError, open_log, read_header, read_log

SAMPLE = Path(__file__).parent / "samples" / "version1.jsonl"
NOBODY = 65534
MIB = 1024 * 1024


def encoded(events):
    return b"".join(map(encode_line, events))


def bytes_read():
    """What this process has read from files so far, as the kernel counts it."""
    try:
        counters = Path("/proc/self/io").read_text()
    except OSError:
        pytest.skip("the kernel does not count reads here")
    return int(counters.split("rchar:")[1].split()[0])


def test_a_log_reads_as_it_was_written(tmp_path):
    (tmp_path / "s.jsonl").write_bytes(encoded(whole_session()))
    log = read_log(tmp_path / "s.jsonl")
    assert log.events == whole_session()
    assert log.header == header()
    assert log.notices == []


def test_cut_at_any_byte_the_rest_is_read(tmp_path):
    data = encoded(whole_session())
    first = data.index(b"\n")
    path = tmp_path / "s.jsonl"
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        if cut < first:
            with pytest.raises(LogError):
                read_log(path)
            continue
        log = read_log(path)
        assert log.events == whole_session()[: data[: cut + 1].count(b"\n")]
        torn = data[cut - 1 : cut] != b"\n" and data[cut : cut + 1] != b"\n"
        assert log.notices == (["the last line was cut off and is left out"] if torn else [])


def test_a_log_with_a_damaged_header_gives_what_it_has(tmp_path):
    lines = encoded(whole_session()).splitlines(keepends=True)
    (tmp_path / "s.jsonl").write_bytes(b"".join([b"\x00" * 50 + b"\n", *lines[1:]]))
    log = read_log(tmp_path / "s.jsonl")
    assert log.header is None
    assert log.events == whole_session()[1:]
    assert log.notices == [
        "the first line is no session header; what follows was read without it",
        "no event could be read from line 1",
    ]
    with pytest.raises(LogError, match="not a log"):
        read_header(tmp_path / "s.jsonl")


def test_without_bulk_tokens_and_samples_are_passed_over():
    log = read_log(SAMPLE, bulk=False)
    whole = read_log(SAMPLE)
    bulk = (ev.TokensReceived, ev.SampleTaken, ev.SelfMeasured)
    assert log.events == [event for event in whole.events if not isinstance(event, bulk)]
    assert len(log.events) < len(whole.events)
    assert log.header == whole.header


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty; the engine ended before it wrote anything"),
        (b"\x7fELF\x00\x01\x02" * 50, "not a log of llmtui"),
        (b"\x00" * 4096, "not a log of llmtui"),
        (b"\x1f\x8b\x08" + bytes(100), "not a log of llmtui"),
        (b"plain words\n" * 3, "not a log of llmtui"),
        (b"\n\n", "not a log of llmtui"),
        (b'{"some": "json"}\n' * 3, "its first line is no session header"),
        (b'{"ev":"tap","n":1}\n' * 3, "its first line is no session header"),
        (b"{" * 5000, "its first line is no session header"),
        (b'{"ev":"session_opened","t":0}\n', "the first line is damaged"),
        (b'{"ev":"session_opened","t":0', "cut off"),
        (b'{"ev":"session_opened","t":0,"format":2,"story":1}\n', "format 2, newer than 1; update llmtui"),
        (b'{"ev":"session_opened","t":0,"format":0}\n', "nothing is known of format 0"),
    ],
)
def test_what_is_no_log_gets_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "s.jsonl"
    path.write_bytes(content)
    for read in (read_log, read_header, lambda path: read_log(path, bulk=False)):
        with pytest.raises(LogError, match=sentence) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)


def test_what_is_no_file_gets_one_sentence(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path, sentence in [
        (tmp_path, "a folder, not a log"),
        (tmp_path / "none", "No such file"),
        (tmp_path / "pipe", "not a plain file"),
        (tmp_path / "loop", "can't be read"),
        (Path("/dev/zero"), "not a plain file"),
    ]:
        for read in (read_log, read_header, open_log):
            with pytest.raises(LogError, match=sentence):
                read(path)


def test_without_permission_there_is_one_sentence(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(encoded(whole_session()))
    path.chmod(0)
    was = os.geteuid()
    if was == 0:
        os.seteuid(NOBODY)
    try:
        with pytest.raises(LogError, match="can't be read: Permission denied"):
            read_log(path)
    finally:
        os.seteuid(was)
    path.chmod(stat.S_IRUSR)
    assert read_log(path).events == whole_session()


@pytest.mark.parametrize("beginning", [b"\x00", b'{"some": "json", '])
def test_five_gigabytes_that_are_no_log_are_not_read_through(tmp_path, beginning):
    path = tmp_path / "s.jsonl"
    path.write_bytes(beginning)
    os.truncate(path, 5 * 1024 * MIB)
    before = bytes_read()
    with pytest.raises(LogError, match="not a log of llmtui"):
        read_log(path)
    assert bytes_read() - before < 40 * MIB


def test_a_hole_in_a_log_costs_no_memory_and_only_itself(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(encoded(whole_session()[:3]))
    os.truncate(path, 200 * MIB)
    with path.open("ab") as file:
        file.write(b"\n" + encoded(whole_session()[3:]))
    tracemalloc.start()
    log = read_log(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert log.events == whole_session()
    assert log.notices == ["no event could be read from line 4"]
    assert peak < 60 * MIB


def test_reading_takes_each_byte_once(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(encoded([header(), *[ev.MarkerPlaced(t=n, label="x" * 100) for n in range(20_000)]]))
    size = path.stat().st_size
    assert size > 2 * MIB
    before = bytes_read()
    assert len(read_log(path).events) == 20_001
    assert size <= bytes_read() - before < size + 10_000
    before = bytes_read()
    assert read_header(path) == header()
    assert bytes_read() - before < 20_000


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was(tmp_path, enabled):
    was = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        read_log(SAMPLE)
        assert gc.isenabled() == enabled
        (tmp_path / "bad").write_bytes(b"bad")
        with pytest.raises(LogError):
            read_log(tmp_path / "bad")
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if was else gc.disable)()


def test_reading_leaves_no_file_open(tmp_path):
    before = len(list(Path("/dev/fd").iterdir()))
    (tmp_path / "bad").write_bytes(b"bad")
    for path in (SAMPLE, tmp_path / "bad", tmp_path, Path("/dev/zero")):
        for read in (read_log, read_header):
            try:
                read(path)
            except LogError:
                continue
    assert len(list(Path("/dev/fd").iterdir())) == before
