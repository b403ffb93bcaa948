import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from support.conversation import header, whole_session

from llmtui.log.follow import LogFollower
from llmtui.log.write import LogWriter


def encoded(events):
    return b"".join(msgspec.json.encode(event) + b"\n" for event in events)


@settings(max_examples=40)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=40))
def test_following_does_not_depend_on_how_the_bytes_arrive(tmp_path_factory, cuts):
    path = tmp_path_factory.mktemp("log") / "s.jsonl"
    data = encoded(whole_session())
    path.write_bytes(b"")
    follower = LogFollower(path)
    seen = []
    with path.open("ab", buffering=0) as file:
        for cut in [*cuts, len(data)]:
            file.write(data[:cut])
            data = data[cut:]
            seen += follower.poll()
    follower.close()
    assert seen == whole_session()
    assert follower.finished
    assert not follower.torn


def test_one_poll_reads_a_bounded_amount(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(encoded(whole_session()))
    follower = LogFollower(path)
    first = follower.poll(most_bytes=1000)
    assert 0 < len(first) < len(whole_session())
    rest = []
    while events := follower.poll(most_bytes=1000):
        rest += events
    follower.close()
    assert first + rest == whole_session()


def test_a_torn_end_waits_for_its_rest(tmp_path):
    path = tmp_path / "s.jsonl"
    data = encoded([header()])
    path.write_bytes(data[:50])
    follower = LogFollower(path)
    assert follower.poll() == []
    assert follower.torn
    with path.open("ab") as file:
        file.write(data[50:])
    assert follower.poll() == [header()]
    follower.close()


def test_it_knows_whether_the_engine_lives(tmp_path):
    path = tmp_path / "s.jsonl"
    writer = LogWriter(path)
    follower = LogFollower(path)
    assert follower.writer_alive()
    writer.close()
    assert not follower.writer_alive()
    follower.close()
