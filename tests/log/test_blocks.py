import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.any_events import sessions
from support.conversation import MS, header, queued, request, whole_session

from llmtui import events as ev
from llmtui.log.blocks import LogBlocks
from llmtui.log.encode import encode_line
from llmtui.log.read import LogError, read_log
from llmtui.state.landmarks import Landmark

NOBODY = 65534
LOOKS_LIKE_AN_EVENT = b'{"ev":"sample_taken","t":7,"values":{"cpu.percent":"much"}}\n'
GARBAGE = st.sampled_from(
    (
        b"\n",
        b"garbage\n",
        b"\x00\xff\x00\n",
        b'{"ev":"unheard_of","t":5}\n',
        b'{"ev":"marker_placed","t":"soon","label":"x"}\n',
        LOOKS_LIKE_AN_EVENT,
        b'{"ev":"marker_placed","t":5,\n"label":"a"}\n',
        b"[" * 2000 + b"\n",
    )
)


TWO_ON_A_LINE = b'{"ev":"marker_placed","t":5,"label":"a"}{"ev":"marker_placed","t":6,"label":"b"}\n'


def encoded(events):
    return b"".join(map(encode_line, events))


def all_events(blocks):
    return [event for place in range(len(blocks)) for event in blocks.events(place)]


def written(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "blocks.jsonl"
    path.write_bytes(data)
    return path


def assert_reads_as_a_whole(path, block_size):
    whole = read_log(path)
    with LogBlocks(path, block_size=block_size) as blocks:
        assert all_events(blocks) == whole.events
        assert blocks.notices() == whole.notices
        assert blocks.header == whole.header


@given(sessions(), st.lists(st.tuples(st.integers(0, 40), GARBAGE), max_size=5), st.integers(1, 5000))
def test_whatever_is_in_a_log_is_read_as_by_reading_it_whole(tmp_path_factory, events, garbage, block_size):
    lines = list(map(encode_line, events))
    for place, line in garbage:
        lines.insert(place, line)
    path = written(tmp_path_factory, b"".join(lines))
    assert_reads_as_a_whole(path, block_size)


@pytest.mark.parametrize("block_size", [1, 100, 1 << 20])
def test_two_events_on_one_line_are_no_line_of_a_log(tmp_path, block_size):
    path = tmp_path / "s.jsonl"
    path.write_bytes(encoded(whole_session()[:5]) + TWO_ON_A_LINE + encoded(whole_session()[5:]))
    assert_reads_as_a_whole(path, block_size)


@pytest.mark.parametrize("block_size", [100, 1 << 20])
def test_cut_at_any_byte_the_rest_is_read(tmp_path, block_size):
    data = encoded(whole_session())
    path = tmp_path / "s.jsonl"
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        if cut < data.index(b"\n"):
            with pytest.raises(LogError) as caught:
                LogBlocks(path)
            with pytest.raises(LogError) as expected:
                read_log(path)
            assert str(caught.value) == str(expected.value)
        else:
            assert_reads_as_a_whole(path, block_size)


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF\x00" * 50, b"plain words\n" * 3, b'{"some": "json"}\n', b"{" * 5000]
)
def test_what_is_no_log_gets_the_same_sentence(tmp_path, content):
    path = tmp_path / "s.jsonl"
    path.write_bytes(content)
    with pytest.raises(LogError) as caught:
        LogBlocks(path)
    with pytest.raises(LogError) as expected:
        read_log(path)
    assert str(caught.value) == str(expected.value)


def test_what_is_no_file_gets_one_sentence(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, sentence in [
        (tmp_path, "a folder"),
        (tmp_path / "none", "No such file"),
        (tmp_path / "pipe", "not a plain"),
    ]:
        with pytest.raises(LogError, match=sentence):
            LogBlocks(path)


def test_without_permission_there_is_one_sentence(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(encoded(whole_session()))
    path.chmod(0)
    was = os.geteuid()
    if was == 0:
        os.seteuid(NOBODY)
    try:
        with pytest.raises(LogError, match="can't be read: Permission denied"):
            LogBlocks(path)
    finally:
        os.seteuid(was)
    path.chmod(stat.S_IRUSR)
    with LogBlocks(path) as blocks:
        assert all_events(blocks) == whole_session()


@pytest.mark.parametrize("beginning", [b"\x00", b'{"some": "json", '])
def test_five_gigabytes_that_are_no_log_are_given_up_early(tmp_path, beginning):
    path = tmp_path / "s.jsonl"
    path.write_bytes(beginning)
    os.truncate(path, 5 << 30)
    with pytest.raises(LogError, match="not a log of llmtui"):
        LogBlocks(path)


def test_a_line_without_end_costs_only_itself(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(encoded(whole_session()[:3]))
    os.truncate(path, 40 << 20)
    with path.open("ab") as file:
        file.write(b"\n" + encoded(whole_session()[3:]))
    assert_reads_as_a_whole(path, 1 << 20)


def test_a_log_from_a_newer_version_gives_what_is_known(tmp_path):
    path = tmp_path / "s.jsonl"
    lines = encoded(whole_session()).replace(b'"format":1', b'"format":2').splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:4], b'{"ev":"tap_turned","t":5}\n', *lines[4:]]))
    assert_reads_as_a_whole(path, 300)
    with LogBlocks(path, block_size=300) as blocks:
        assert len(blocks.notices()) == 2


def test_events_far_out_of_order_are_told(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(encoded([header(), ev.MarkerPlaced(t=9000 * MS, label="a"), ev.MarkerPlaced(t=1, label="b")]))
    assert_reads_as_a_whole(path, 100)
    with LogBlocks(path) as blocks:
        assert blocks.notices() == ["1 event out of order by more than 5 s"]


def test_what_only_looks_like_an_event_is_found_out_when_it_is_decoded(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(encoded(whole_session()[:5]) + LOOKS_LIKE_AN_EVENT + encoded(whole_session()[5:]))
    with LogBlocks(path, block_size=300) as blocks:
        assert blocks.notices() == []
        assert sum(block.events for block in blocks.blocks) == len(whole_session()) + 1
        for _ in range(2):
            assert all_events(blocks) == whole_session()
            assert blocks.notices() == ["no event could be read from line 6"]


@given(sessions(), st.integers(1, 2000))
def test_blocks_say_where_they_are_and_when(tmp_path_factory, events, block_size):
    path = written(tmp_path_factory, encoded(events))
    with LogBlocks(path, block_size=block_size) as blocks:
        latest = place = lines = 0
        for number, block in enumerate(blocks.blocks):
            assert (block.offset, block.lines_before) == (place, lines)
            place, lines = place + block.size, lines + block.lines
            own = blocks.events(number)
            assert block.events == len(own)
            assert block.first == max(latest, own[0].t)
            latest = max(latest, *(event.t for event in own))
            assert block.last == latest
        assert (place, lines) == (path.stat().st_size, len(events))
        assert blocks.last_ns == latest


def test_landmarks_are_known_before_anything_is_decoded(tmp_path):
    path = tmp_path / "s.jsonl"
    told = [
        header(),
        queued(),
        ev.JobStarted(t=5, job="j1"),
        *request("j1.1", start=10, status="failed"),
        ev.MarkerPlaced(t=2, label="late"),
        ev.AlertRaised(t=90 * MS, severity="error", code="x", text="look"),
        ev.JobFinished(t=91 * MS, job="j1", status="failed"),
    ]
    path.write_bytes(encoded(told))
    end = 51 * MS + 10
    for block_size in (50, 1 << 20):
        with LogBlocks(path, block_size=block_size) as blocks:
            assert blocks.landmarks == [
                Landmark(5, "job start", "j1"),
                Landmark(end, "error", "j1.1"),
                Landmark(end, "marker", "late"),
                Landmark(90 * MS, "alert", "look"),
                Landmark(91 * MS, "job end", "j1"),
                Landmark(91 * MS, "error", "j1"),
            ]
            assert blocks.decoded == 0


def test_a_block_is_decoded_once_while_it_is_in_the_cache(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(encoded([header(), *(ev.MarkerPlaced(t=n, label="x" * 80) for n in range(100))]))
    with LogBlocks(path, block_size=1000, cached=2) as blocks:
        assert len(blocks) > 5
        for place in (3, 4, 3, 4, 3):
            blocks.events(place)
        assert blocks.decoded == 2
        for place in (5, 3, 4):
            blocks.events(place)
        assert blocks.decoded == 4, "4 was used longer ago than 3 when 5 came"


def test_a_file_that_changes_under_the_reader_gives_what_is_left(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(encoded(whole_session()))
    with LogBlocks(path, block_size=300) as blocks:
        os.truncate(path, 700)
        left = all_events(blocks)
        assert left == whole_session()[: len(left)]
        assert 0 < len(left) < len(whole_session())
        assert "was cut shorter while it was read" in blocks.notices()[-1]


def test_a_log_that_was_closed_says_so_and_raises_nothing(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(encoded(whole_session()))
    blocks = LogBlocks(path)
    blocks.close()
    assert all_events(blocks) == []
    assert "can't be read any more" in blocks.notices()[-1]


def test_no_file_stays_open_when_there_is_nothing_to_read(tmp_path):
    before = len(list(Path("/dev/fd").iterdir()))
    (tmp_path / "bad").write_bytes(b"bad")
    with pytest.raises(LogError):
        LogBlocks(tmp_path / "bad")
    assert len(list(Path("/dev/fd").iterdir())) == before
