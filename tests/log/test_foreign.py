import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.conversation import whole_session
from support.entries import read_entry

from llmtui import events as ev
from llmtui.log.encode import encode_line
from llmtui.log.foreign import ForeignLogError, import_file
from llmtui.log.library import list_sessions
from llmtui.log.read import read_log

FOREIGN = Path(__file__).parent / "samples" / "foreign"
SAMPLES = {path.name: path for path in sorted(FOREIGN.glob("*.jsonl"))}
BENCHY, AIPERF = SAMPLES["llama-benchy-0.4.0.jsonl"], SAMPLES["aiperf-0.13.0.jsonl"]


@pytest.mark.parametrize(
    ("name", "status", "requests"),
    [
        ("llama-benchy-0.4.0.jsonl", "completed", 6),
        ("aiperf-0.13.0.jsonl", "completed", 3),
        ("aiperf-0.13.0-failed.jsonl", "completed", 1),
    ],
)
def test_each_sample_becomes_a_whole_session(tmp_path, name, status, requests):
    imported = import_file(SAMPLES[name], tmp_path)
    entry = read_entry(imported.path)
    log = read_log(imported.path)
    assert (entry.status, entry.problem, log.notices, imported.unread) == (status, None, [], 0)
    assert sum(isinstance(event, ev.RequestFinished) for event in log.events) == requests
    assert log.header.session == imported.path.stem
    assert stat.S_IMODE(imported.path.stat().st_mode) == 0o600


def test_a_file_is_imported_once(tmp_path):
    first = import_file(BENCHY, tmp_path)
    assert first.path.name.startswith("20261121-083352-llama-benchy-")
    copy = tmp_path / "copy.txt"
    copy.write_bytes(BENCHY.read_bytes())
    with pytest.raises(ForeignLogError, match=f"was imported already, as {first.path.stem}"):
        import_file(copy, tmp_path)
    copy.write_bytes(BENCHY.read_bytes() + b"\n")
    assert import_file(copy, tmp_path).path != first.path, "another file is another session"


def test_lines_that_can_not_be_read_are_counted_and_told(tmp_path):
    path = tmp_path / "torn.log"
    path.write_bytes(b"llama-benchy (0.4.0)\n" + BENCHY.read_bytes()[:-20])
    imported = import_file(path, tmp_path / "sessions")
    assert imported.unread == 2
    alerts = [event.text for event in read_log(imported.path).events if isinstance(event, ev.AlertRaised)]
    assert "2 lines of the imported log could not be read" in alerts
    assert read_entry(imported.path).status == "stopped", "its last line was lost"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not a log that is known; those are llama-benchy's progress"),
        (b"\x00\x01\x02", "not a log that is known"),
        (b'{"schema":"llama-benchy-progress.v2","type":"header"}\n', "llama-benchy-progress.v2 is not known"),
        (b'{"schema":"llama-benchy-progress.v1","type":"header","ts":1}\n', "no request of llama-benchy stands in it"),
        (b'{"a":1}\n' * 100 + AIPERF.read_bytes(), "not a log that is known"),
        (encode_line(whole_session()[0]), "a session of llmtui already"),
        (b"[" * 100_000, "not a log that is known"),
    ],
)
def test_what_can_not_be_imported_gets_a_sentence_and_makes_no_session(tmp_path, content, sentence):
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(ForeignLogError, match=sentence) as caught:
        import_file(path, tmp_path / "sessions")
    assert "\n" not in str(caught.value)
    assert list_sessions(tmp_path / "sessions") == []


def test_a_folder_and_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ForeignLogError, match="a folder, not a log"):
        import_file(tmp_path, tmp_path)
    with pytest.raises(ForeignLogError, match="can't be read: No such file"):
        import_file(tmp_path / "none", tmp_path)


@hypothesis_settings(max_examples=60)
@given(st.data())
def test_a_damaged_file_is_a_sentence_or_a_session_that_can_be_read(tmp_path_factory, data):
    """Bytes are cut, lost or changed anywhere."""
    folder = tmp_path_factory.mktemp("damaged")
    content = bytearray(data.draw(st.sampled_from(list(SAMPLES.values()))).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.sampled_from([0, 1, 40]))] = data.draw(st.binary(max_size=3))
    path = folder / "x"
    path.write_bytes(bytes(content))
    try:
        imported = import_file(path, folder)
    except ForeignLogError:
        return
    log = read_log(imported.path)
    assert log.notices == []
    assert read_entry(imported.path).problem is None
