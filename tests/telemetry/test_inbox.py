import os

import pytest

from llmtui.telemetry.inbox import Inbox
from llmtui.telemetry.sample_lines import SamplerCommand, Watch, encode


@pytest.fixture
def pipe():
    read, write = os.pipe()
    ends = {"read": read, "write": write}
    yield ends
    for end in ends.values():
        os.close(end)


def test_commands_arrive_in_their_order_even_in_pieces(pipe):
    inbox = Inbox(pipe["read"])
    first, second = SamplerCommand(interval_ms=50), SamplerCommand(watch=Watch(port=1))
    text = encode(first) + encode(second)
    os.write(pipe["write"], text[:30])
    found = inbox.wait(10)
    os.write(pipe["write"], text[30:])
    found += inbox.wait(10)
    assert found == [first, second]


def test_nonsense_is_told_and_passed_over(pipe, capsys):
    os.write(pipe["write"], b"nonsense\n\n" + encode(SamplerCommand(interval_ms=70)))
    assert Inbox(pipe["read"]).wait(10) == [SamplerCommand(interval_ms=70)]
    assert "command ignored" in capsys.readouterr().err


def test_a_line_without_end_is_dropped(pipe):
    inbox = Inbox(pipe["read"])
    for _ in range(3):
        os.write(pipe["write"], b"x" * 60_000)
        assert inbox.wait(10) == []
    os.write(pipe["write"], b"\n" + encode(SamplerCommand(interval_ms=60)))
    assert inbox.wait(10) == [SamplerCommand(interval_ms=60)]


def test_the_end_of_the_pipe_is_no_command(pipe):
    inbox = Inbox(pipe["read"])
    os.close(pipe.pop("write"))
    assert inbox.wait(10) == []
    assert inbox.wait(0.01) == [], "after it there is only waiting"


def test_without_a_pipe_there_is_only_waiting():
    assert Inbox().wait(0.0) == []
