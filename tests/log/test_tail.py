import pytest
from support.conversation import header, queued, request, whole_session

from llmtui import events as ev
from llmtui.log.encode import encode_line
from llmtui.log.follow import LogFollower
from llmtui.log.read import LogError
from llmtui.log.tail import LogTail
from llmtui.log.write import LogWriter

RUNNING = [
    *whole_session()[:-4],
    ev.JobFinished(t=300, job="j1", status="done"),
    ev.SampleTaken(t=301, values={"cpu.percent": 1.0}),
    queued("j2"),
    *request("j2.1", job="j2"),
]


def lines(events):
    return [encode_line(event) for event in events]


@pytest.fixture
def tail():
    opened = []

    def open_tail(path, *, from_start=False):
        opened.append(LogTail(path, from_start=from_start))
        return opened[-1]

    yield open_tail
    for one in opened:
        one.close()


def drained(tail):
    told = b""
    while (more := tail.poll()) is not None:
        told += more
    return told


def test_from_the_start_every_byte_comes(tmp_path, tail):
    path = tmp_path / "s.jsonl"
    path.write_bytes(b"".join(lines(RUNNING)))
    assert drained(tail(path, from_start=True)) == path.read_bytes()


def test_else_the_tokens_and_samples_of_jobs_that_ended_are_left_out(tmp_path, tail):
    path = tmp_path / "s.jsonl"
    path.write_bytes(b"".join(lines(RUNNING)))
    end = max(place for place, event in enumerate(RUNNING) if isinstance(event, ev.JobFinished))
    bulk = (ev.TokensReceived, ev.SampleTaken, ev.SelfMeasured)
    wanted = [event for place, event in enumerate(RUNNING) if place > end or not isinstance(event, bulk)]
    assert len(wanted) < len(RUNNING)
    assert any(isinstance(event, bulk) for event in wanted), "the job that runs is there as a whole"
    assert drained(tail(path)).splitlines(keepends=True) == lines(wanted)


def test_a_log_without_an_ended_job_is_there_as_a_whole(tmp_path, tail):
    path = tmp_path / "s.jsonl"
    path.write_bytes(b"".join(lines(whole_session()[:6])))
    assert drained(tail(path)) == path.read_bytes()


def test_what_is_added_comes_in_whole_lines_until_the_end(tmp_path, tail):
    path = tmp_path / "s.jsonl"
    whole = lines(whole_session())
    path.write_bytes(b"".join(whole[:3]) + whole[3][:10])
    tailed = tail(path, from_start=True)
    assert drained(tailed) == b"".join(whole[:3])
    assert tailed.torn() == whole[3][:10]
    with path.open("ab") as file:
        file.write(whole[3][10:] + b"".join(whole[4:-1]))
    assert drained(tailed) == b"".join(whole[3:-1])
    assert not tailed.finished
    with path.open("ab") as file:
        file.write(whole[-1])
    assert drained(tailed) == whole[-1]
    assert tailed.finished
    assert not tailed.writer_alive()


def test_a_torn_end_that_is_cut_off_by_a_resume_is_never_told(tmp_path, tail):
    path = tmp_path / "s.jsonl"
    whole = lines(whole_session()[:5])
    path.write_bytes(b"".join(whole) + b'{"ev":"request_sta')
    tailed = tail(path)
    assert drained(tailed) == b"".join(whole)
    writer = LogWriter(path, resume=True)
    assert tailed.writer_alive()
    writer.append(ev.SessionResumed(t=400, pid=2, opened_at="x", origin_ns=0, llmtui="0"))
    writer.close()
    assert drained(tailed) == path.read_bytes()[len(b"".join(whole)) :]
    assert not tailed.finished


def test_a_line_longer_than_a_block_is_whole(tmp_path, tail):
    path = tmp_path / "s.jsonl"
    long = encode_line(ev.MarkerPlaced(t=1, label="x" * 3_000_000))
    path.write_bytes(encode_line(header()) + long + encode_line(queued()))
    assert drained(tail(path)) == path.read_bytes()
    path.write_bytes(encode_line(header()) + long[:-5])
    assert drained(tail(path)) == encode_line(header())


def test_what_can_not_be_read_is_told(tmp_path, tail):
    with pytest.raises(LogError):
        tail(tmp_path / "none.jsonl")


def test_a_follower_of_what_was_tailed_sees_the_same_session(tmp_path, tail):
    path, copy = tmp_path / "s.jsonl", tmp_path / "copy.jsonl"
    path.write_bytes(b"".join(lines(whole_session())))
    copy.write_bytes(drained(tail(path, from_start=True)))
    follower = LogFollower(copy)
    assert follower.poll() == whole_session()
    follower.close()
