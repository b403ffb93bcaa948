from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.conversation import header, whole_session

from llmtui import events as ev
from llmtui.log.read import LogError, read_header, read_log, read_tail

SAMPLE = Path(__file__).parent / "samples" / "version1.jsonl"


def encoded(events):
    return b"".join(msgspec.json.encode(event) + b"\n" for event in events)


def test_a_log_of_version_1_reads_as_it_was_written():
    log = read_log(SAMPLE)
    assert log.events == whole_session()
    assert log.notices == []


def test_cut_at_any_byte_the_rest_is_read(tmp_path):
    data = encoded(whole_session())
    first = data.index(b"\n") + 1
    path = tmp_path / "s.jsonl"
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        if cut < first:
            with pytest.raises(LogError):
                read_log(path)
            continue
        log = read_log(path)
        whole = data[:cut].count(b"\n")
        assert log.events == whole_session()[:whole]
        assert bool(log.notices) == (data[cut - 1 : cut] != b"\n")


@settings(max_examples=50)
@given(st.binary(max_size=60).filter(lambda junk: b"\n" not in junk), st.integers(1, 14))
def test_a_line_of_garbage_costs_only_itself(tmp_path_factory, junk, place):
    lines = encoded(whole_session()).splitlines(keepends=True)
    path = tmp_path_factory.mktemp("log") / "s.jsonl"
    path.write_bytes(b"".join([*lines[:place], junk + b"\n", *lines[place:]]))
    log = read_log(path)
    assert log.events == whole_session()
    assert bool(log.notices) == bool(junk.strip())


def test_unknown_events_and_a_newer_format_are_said(tmp_path):
    path = tmp_path / "s.jsonl"
    newer = msgspec.structs.replace(header(), format=99)
    path.write_bytes(encoded([newer]) + b'{"ev":"model_sang","t":3}\n' + encoded([ev.QueuePaused(t=4)]))
    log = read_log(path)
    assert [type(event) for event in log.events] == [ev.SessionOpened, ev.QueuePaused]
    assert any("newer than 1" in notice and "update llmtui" in notice for notice in log.notices)
    assert any("1 events of types" in notice for notice in log.notices)


def test_without_bulk_tokens_and_samples_are_passed_over(tmp_path):
    log = read_log(SAMPLE, bulk=False)
    kinds = {type(event) for event in log.events}
    assert ev.TokensReceived not in kinds
    assert ev.SampleTaken not in kinds
    assert ev.RequestFinished in kinds


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty"),
        (b"\x7fELF\x00\x01\x02" * 50, "not a log of llmtui"),
        (b"plain words\n", "not a log of llmtui"),
        (b'{"some": "json"}\n', "its first line is no session header"),
        (b'{"ev":"session_opened","t":0}\n', "the first line is damaged"),
        (b'{"ev":"session_opened","t":0', "cut off"),
    ],
)
def test_what_is_no_log_gets_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "s.jsonl"
    path.write_bytes(content)
    with pytest.raises(LogError, match=sentence) as caught:
        read_log(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_and_a_missing_file_get_one_sentence(tmp_path):
    with pytest.raises(LogError, match="a folder"):
        read_header(tmp_path)
    with pytest.raises(LogError, match="No such file"):
        read_header(tmp_path / "none.jsonl")


def test_the_tail_holds_whole_lines_only(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(b"one\ntwo\nthree\nfou")
    assert read_tail(path, 11) == [b"three\n"]
    assert read_tail(path) == [b"one\n", b"two\n", b"three\n"]
