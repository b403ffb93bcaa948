import msgspec
import pytest

from llmtui.testing.truth_record import TruthRecord, read_truth


def record(number):
    return TruthRecord(
        model="plain",
        api="openai",
        number=number,
        connection=1,
        mark="[a]",
        received_ns=5,
        sends=((6, 0, "none"), (7, 2, "reasoning"), (8, 1, "answer")),
        late_ns=1,
        ended_ns=9,
        ending="done",
    )


def test_what_was_written_is_read_in_order_of_arrival(tmp_path):
    path = tmp_path / "truth.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(record(number)) + b"\n" for number in (2, 1)))
    assert read_truth(path) == [record(1), record(2)]


def test_a_line_that_is_still_being_written_waits(tmp_path):
    path = tmp_path / "truth.jsonl"
    path.write_bytes(msgspec.json.encode(record(1)) + b"\n" + msgspec.json.encode(record(2))[:40])
    assert read_truth(path) == [record(1)]


def test_a_damaged_line_is_no_truth(tmp_path):
    path = tmp_path / "truth.jsonl"
    path.write_bytes(b'{"model": 3}\n')
    with pytest.raises(msgspec.ValidationError):
        read_truth(path)


def test_pieces_are_the_sends_with_tokens():
    assert record(1).pieces == [(7, 2, "reasoning"), (8, 1, "answer")]
