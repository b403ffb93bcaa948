import io
import socket
import time

import msgspec
import pytest

from llmtui.testing.truth_frames import PlannedAnswer
from llmtui.testing.truth_record import TruthRecord
from llmtui.testing.truth_requests import Generation, Responder
from llmtui.testing.truth_scenarios import read_scenario
from llmtui.testing.truth_streams import LINE_WAITS_NS, Connection, Journal, Stream, wait_for_slot

MS = 1_000_000


def generation(model="plain"):
    return Generation(model, "[a]", read_scenario(model), PlannedAnswer((), "done"))


@pytest.fixture
def stream():
    with socket.socket() as unused:
        connection = Connection(unused, 7, Responder("ollama"))
        yield Stream(connection, generation(), 3, received_ns=5, base_ns=5, keeps=True, sent=[(6, 1, "answer")])


def test_a_line_waits_until_nothing_is_due_soon(stream):
    file = io.BytesIO()
    journal = Journal(file)
    journal.add(stream, "done")
    journal.write(time.monotonic_ns() + MS // 2)
    assert file.getvalue() == b""
    journal.write(time.monotonic_ns() + 1000 * MS)
    written = msgspec.json.decode(file.getvalue(), type=TruthRecord)
    assert (written.api, written.number, written.connection, written.sends) == ("ollama", 3, 7, ((6, 1, "answer"),))
    journal.write(None)
    assert file.getvalue().count(b"\n") == 1


def test_a_line_does_not_wait_for_ever(stream):
    file = io.BytesIO()
    journal = Journal(file)
    journal.add(stream, "gone")
    journal._records[0] = msgspec.structs.replace(journal._records[0], ended_ns=time.monotonic_ns() - LINE_WAITS_NS)
    journal.write(time.monotonic_ns())
    assert b'"gone"' in file.getvalue()


def test_without_a_file_nothing_is_kept(stream):
    journal = Journal(None)
    journal.add(stream, "done")
    assert not journal._records
    journal.write(None)


@pytest.mark.parametrize("at_ns", [0, 1, 7 * MS, 19_999_999, 20 * MS, 123_456_789])
def test_one_slot_is_one_beat_and_many_are_spread_over_it(at_ns):
    gap = 20 * MS
    for slots in (1, 4):
        found = generation(f"plain+ttft_ms=5+gap_ms=20+slots={slots}")
        for number in range(1, 9):
            waits = wait_for_slot(found, at_ns, number)
            assert 0 <= waits < gap
            assert (at_ns + waits + 5 * MS) % gap == gap * (number % slots) // slots


def test_without_slots_nobody_waits():
    assert wait_for_slot(generation(), 12345, 1) == 0
    assert wait_for_slot(generation("flood+slots=1"), 12345, 1) == 0
